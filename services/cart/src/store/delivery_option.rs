//! Delivery options.

use bloom_db::Db;
use bloom_fault::{Code, Fault, constraint};
use bloom_kernel::{ChannelId, Currency, DeliveryOptionId, Metadata, TaxClassId, TenantId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::delivery::{Charge, DeliveryOption};

struct Row {
    tenant: TenantId,
    id: DeliveryOptionId,
    code: String,
    name: String,
    channel_id: Option<ChannelId>,
    currency: Currency,
    countries: Vec<String>,
    charge: Json<Charge>,
    tax_class_id: Option<TaxClassId>,
    active: bool,
    position: i32,
    metadata: Json<Metadata>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for DeliveryOption {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            code: row.code,
            name: row.name,
            channel_id: row.channel_id,
            currency: row.currency,
            countries: row.countries,
            charge: row.charge.0,
            tax_class_id: row.tax_class_id,
            active: row.active,
            position: row.position,
            metadata: row.metadata.0,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

fn code_taken(error: sqlx::Error) -> Fault {
    if constraint(&error) == Some("delivery_option_code_key") {
        let detail = "Another delivery option has this code.";
        return Fault::new(Code::Conflict, "code_taken", detail).at("/code", "code_taken", detail);
    }
    error.into()
}

/// Stores a new option.
pub async fn delivery_option_insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    option: &DeliveryOption,
) -> Result<(), Fault> {
    sqlx::query!(
        "insert into delivery_option (tenant_id, id, code, name, channel_id, currency, countries, charge, tax_class_id, active,
                                      position, metadata, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)",
        tenant.uuid(),
        option.id.uuid(),
        option.code,
        option.name,
        option.channel_id.map(ChannelId::uuid),
        option.currency as Currency,
        &option.countries,
        Json(&option.charge) as _,
        option.tax_class_id.map(TaxClassId::uuid),
        option.active,
        option.position,
        Json(&option.metadata) as _,
        option.version,
        option.created_at,
    )
    .execute(connection)
    .await
    .map_err(code_taken)?;
    Ok(())
}

/// Replaces an option that nobody has changed since the version before; false when somebody has.
pub async fn delivery_option_update(connection: &mut PgConnection, option: &DeliveryOption) -> Result<bool, Fault> {
    let updated = sqlx::query!(
        "update delivery_option
         set code = $3, name = $4, channel_id = $5, currency = $6, countries = $7, charge = $8, tax_class_id = $9, active = $10,
             position = $11, metadata = $12, version = $13, updated_at = $14
         where id = $1 and version = $2",
        option.id.uuid(),
        option.version - 1,
        option.code,
        option.name,
        option.channel_id.map(ChannelId::uuid),
        option.currency as Currency,
        &option.countries,
        Json(&option.charge) as _,
        option.tax_class_id.map(TaxClassId::uuid),
        option.active,
        option.position,
        Json(&option.metadata) as _,
        option.version,
        option.updated_at,
    )
    .execute(connection)
    .await
    .map_err(code_taken)?;
    Ok(updated.rows_affected() == 1)
}

/// An option.
pub async fn delivery_option_get(db: &Db, tenant: TenantId, id: DeliveryOptionId) -> Result<Option<DeliveryOption>, Fault> {
    let row = db.read_once(|connection| {
        let row = sqlx::query_as!(
            Row,
            r#"select tenant_id as "tenant!: _", option.id as "id!: _", code as "code!", name as "name!", channel_id as "channel_id: _",
                      currency as "currency!: _", countries as "countries!", charge as "charge!: _",
                      tax_class_id as "tax_class_id: _", active as "active!", position as "position!", metadata as "metadata!: _",
                      version as "version!", created_at as "created_at!", updated_at as "updated_at!"
               from (select set_config('bloom.tenant', $1, false)::uuid as id offset 0) tenant, lateral (
                   select * from delivery_option o where o.tenant_id = tenant.id and o.id = $2 offset 0
               ) option"#,
            tenant.uuid().to_string(),
            id.uuid(),
        );
        Box::pin(row.fetch_optional(connection))
    });
    Ok(row.await?.map(DeliveryOption::from))
}

/// Options after a place in the order of position and id; `active` narrows to those that are (or are not) offered.
pub async fn delivery_option_list(
    connection: &mut PgConnection,
    active: Option<bool>,
    after: (i32, DeliveryOptionId),
    limit: i64,
) -> Result<Vec<DeliveryOption>, Fault> {
    let rows = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant: _", id as "id: _", code, name, channel_id as "channel_id: _", currency as "currency: _",
                  countries, charge as "charge: _", tax_class_id as "tax_class_id: _", active, position,
                  metadata as "metadata: _", version, created_at, updated_at
           from delivery_option
           where (position, id) > ($1, $2) and ($3::boolean is null or active = $3)
           order by position, id limit $4"#,
        after.0,
        after.1.uuid(),
        active,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(DeliveryOption::from).collect())
}

/// Options of all tenants after a place in the order of tenant and id.
pub async fn delivery_option_export(
    connection: &mut PgConnection,
    after: (TenantId, DeliveryOptionId),
    limit: i64,
) -> Result<Vec<(TenantId, DeliveryOption)>, Fault> {
    let rows = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant: _", id as "id: _", code, name, channel_id as "channel_id: _", currency as "currency: _",
                  countries, charge as "charge: _", tax_class_id as "tax_class_id: _", active, position,
                  metadata as "metadata: _", version, created_at, updated_at
           from delivery_option where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        after.0.uuid(),
        after.1.uuid(),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.tenant, row.into())).collect())
}
