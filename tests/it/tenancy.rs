//! The database itself separates tenants. The test reads the system catalogue for every table of every service.

use bloom::SERVICES;
use bloom_kernel::TenantId;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::fleet;
use crate::trade::Trade;

/// Tables without a tenant column: relays and their progress, progress of consumers, counters, messages that name no tenant, and
/// accounts, which own environments.
const TENANTLESS: [&str; 8] =
    ["_sqlx_migrations", "consumer", "consumer_cursor", "relay_lease", "relay_owner", "unreadable", "account", "revocation_head"];
/// Tables that are read before the tenant is known, or in batches across tenants. All other tables are read by tenant.
const FOUND_WITHOUT_TENANT: [&str; 9] =
    ["environment", "api_key", "revocation", "outbox", "inbox", "parked", "timer", "idempotency", "connection"];
/// Policies beside the usual three: a live environment manages its account's sandboxes.
const MORE_POLICIES: [&str; 1] = ["identity.environment.service_sandboxes"];
const OWN_ROWS: &str = "(tenant_id = (NULLIF(current_setting('bloom.tenant'::text, true), ''::text))::uuid)";

#[derive(sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "a row of the server's own catalogue")]
struct Table {
    schema: String,
    name: String,
    is_partition: bool,
    enabled: bool,
    forced: bool,
    has_tenant: bool,
    is_view: bool,
    comment: Option<String>,
    granted: bool,
}

#[derive(sqlx::FromRow)]
struct Policy {
    name: String,
    command: String,
    roles: Vec<String>,
    sees: Option<String>,
    writes: Option<String>,
}

fn schemas() -> Vec<String> {
    SERVICES.iter().map(|service| service.name.replace('-', "_")).collect()
}

async fn tables(database: &mut PgConnection) -> Vec<Table> {
    sqlx::query_as(
        "select n.nspname::text as schema, c.relname::text as name, c.relispartition as is_partition, c.relrowsecurity as enabled,
                c.relforcerowsecurity as forced, c.relkind in ('v', 'm') as is_view, obj_description(c.oid) as comment,
                exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id') as has_tenant,
                exists (select from aclexplode(c.relacl) as g where g.grantee <> c.relowner) as granted
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1, 2",
    )
    .bind(schemas())
    .fetch_all(database)
    .await
    .expect("the catalogue can be read")
}

async fn policies(database: &mut PgConnection, table: &Table) -> Vec<Policy> {
    sqlx::query_as(
        "select polname::text as name, polcmd::text as command, pg_get_expr(polqual, polrelid) as sees,
                pg_get_expr(polwithcheck, polrelid) as writes,
                array(select rolname::text from pg_roles where oid = any(polroles)) as roles
         from pg_policy where polrelid = ($1 || '.' || $2)::regclass order by 1",
    )
    .bind(&table.schema)
    .bind(&table.name)
    .fetch_all(database)
    .await
    .expect("the catalogue can be read")
}

/// The names that a query of the system catalogue returns.
async fn names(database: &mut PgConnection, query: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
        .bind(schemas())
        .fetch_all(database)
        .await
        .expect("the catalogue can be read")
}

#[test]
fn every_row_of_a_tenant_is_behind_a_policy() {
    fleet::test(async |fleet| {
        let mut database = fleet.database().await;
        let tables = tables(&mut database).await;
        assert!(tables.len() > 100, "{} tables", tables.len());
        for table in &tables {
            let name = format!("{}.{}", table.schema, table.name);
            assert!(!table.is_view, "{name} is a view: it would see rows as its owner does");
            if table.name != "_sqlx_migrations" {
                let comment = table.comment.as_deref().unwrap_or("");
                assert!(
                    comment.starts_with("retention: ") && comment.contains("; personal: "),
                    "{name} says `{comment}` of itself"
                );
            }
            if !table.has_tenant {
                assert!(TENANTLESS.contains(&table.name.as_str()), "{name} has no tenant");
                continue;
            }
            assert!(table.enabled && table.forced, "{name}: row-level security is not forced");
            let policies = policies(&mut database, table).await;
            if table.is_partition {
                assert!(!table.granted, "{name}: a partition is reached through its table only");
                assert_eq!(policies.len(), 1, "{name}");
            } else {
                the_three(table, &policies);
            }
        }
    });
}

/// Each table has three policies: the service sees its tenant's rows, the system role and the owner see all rows.
fn the_three(table: &Table, policies: &[Policy]) {
    let service = format!("bloom_{}", table.schema);
    for (name, role, rows) in [
        ("owner_all", "bloom_owner".to_owned(), "true"),
        ("service_tenant", service.clone(), OWN_ROWS),
        ("system_all", format!("{service}_system"), "true"),
    ] {
        let at = format!("{}.{}.{name}", table.schema, table.name);
        let policy = policies.iter().find(|policy| policy.name == name).unwrap_or_else(|| panic!("there is no {at}"));
        assert_eq!((policy.roles.as_slice(), policy.command.as_str()), ([role].as_slice(), "*"), "{at}");
        assert_eq!([policy.sees.as_deref(), policy.writes.as_deref()], [Some(rows); 2], "{at}");
    }
    for policy in policies.iter().filter(|policy| !["owner_all", "service_tenant", "system_all"].contains(&policy.name.as_str()))
    {
        let at = format!("{}.{}.{}", table.schema, table.name, policy.name);
        assert!(MORE_POLICIES.contains(&at.as_str()), "what is {at} for?");
    }
}

#[test]
fn keys_and_references_stay_within_tenant_and_service() {
    fleet::test(async |fleet| {
        let mut database = fleet.database().await;
        let indexes = "select distinct c.relname::text || ': ' || i.indexrelid::regclass::text
            from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
            join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
            where n.nspname = any($1) and not c.relispartition and (i.indkey[0] <> a.attnum or i.indisunique and not a.attnum = any(i.indkey))";
        for index in names(&mut database, indexes).await {
            let table = index.split(':').next().unwrap_or_default();
            assert!(FOUND_WITHOUT_TENANT.contains(&table), "{index}: the tenant does not lead");
        }
        let crossing = "select conrelid::regclass::text || ' refers to ' || confrelid::regclass::text
            from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class f on f.oid = k.confrelid
            join pg_namespace n on n.oid = c.relnamespace
            where k.contype = 'f' and n.nspname = any($1) and (c.relnamespace <> f.relnamespace or not exists (
                select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnum = any(k.conkey)))";
        let allowed = ["identity.environment refers to identity.account", "environment refers to account"];
        for reference in names(&mut database, crossing).await {
            assert!(allowed.contains(&reference.as_str()), "{reference} without its tenant, or in another service");
        }
        let elevated = "select n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
            where p.prosecdef and n.nspname = any($1) and not exists (
                select from unnest(p.proconfig) as setting where setting like 'search_path=%pg_temp%')";
        assert_eq!(names(&mut database, elevated).await, [""; 0], "run as the owner on whatever path the caller has set");
    });
}

#[test]
fn a_service_that_names_no_tenant_sees_nothing() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        trade.order(&[("A", 1)]).await;
        let mut database = fleet.database().await;
        let tables = tables(&mut database).await;
        let mut rows = 0;
        for schema in schemas() {
            plain_role(&mut database, &schema).await;
            sqlx::query(AssertSqlSafe(format!("set role bloom_{schema}"))).execute(&mut database).await.expect("the role exists");
            for table in tables.iter().filter(|table| table.schema == schema && table.has_tenant && !table.is_partition) {
                rows += seen(&mut database, table, &trade.tenant).await;
            }
            for table in tables.iter().filter(|table| table.schema != schema) {
                let statement = format!("select from {}.{} limit 1", table.schema, table.name);
                let refused = sqlx::query(AssertSqlSafe(statement)).fetch_optional(&mut database).await.is_err();
                assert!(refused, "bloom_{schema} reads {}.{}", table.schema, table.name);
            }
            sqlx::query("reset role").execute(&mut database).await.expect("the role is laid down");
        }
        assert!(rows > 50, "with its tenant named, a service sees its rows: {rows}");
    });
}

/// No service's role can bypass row-level security.
async fn plain_role(database: &mut PgConnection, schema: &str) {
    for role in [format!("bloom_{schema}"), format!("bloom_{schema}_system")] {
        let above: bool = sqlx::query_scalar(
            "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication
                 or exists (select from pg_class where relowner = r.oid) or exists (select from pg_namespace where nspowner = r.oid)
                 or exists (select from pg_auth_members where member = r.oid)
             from pg_roles r where rolname = $1",
        )
        .bind(&role)
        .fetch_one(&mut *database)
        .await
        .unwrap_or_else(|error| panic!("{role}: {error}"));
        assert!(!above, "{role} may do more than its policies say");
    }
}

/// Counts the rows that the current role sees for a tenant. It must see none without a tenant, and none of another tenant.
async fn seen(database: &mut PgConnection, table: &Table, tenant: &str) -> i64 {
    let name = format!("{}.{}", table.schema, table.name);
    let tenant = tenant.parse::<TenantId>().expect("a tenant's id").uuid().to_string();
    let mut counts = Vec::new();
    for context in ["", "00000000-0000-0000-0000-000000000000", &tenant] {
        sqlx::query("select set_config('bloom.tenant', $1, false)").bind(context).execute(&mut *database).await.expect("set");
        let statement = format!("select count(*), count(*) filter (where tenant_id::text = $1) from {name}");
        let counted = sqlx::query_as::<_, (i64, i64)>(AssertSqlSafe(statement)).bind(&tenant).fetch_one(&mut *database).await;
        // The role may write to some tables, such as the outbox, without reading them.
        let Ok((all, own)) = counted else { return 0 };
        counts.push((all, own));
    }
    assert_eq!([counts[0].0, counts[1].0], [0, 0], "{name} is seen without a tenant");
    let (all, own) = counts[2];
    assert!(all == own || name == "identity.environment", "{name} shows {} rows of others", all - own);
    own
}
