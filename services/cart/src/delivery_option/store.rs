//! SQL of the table `delivery_option`.

use bloom_db::{Db, TenantTx};
use bloom_events::ExportPage;
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, Code, Country, Currency, DeliveryOptionId, Metadata, Name, TaxClassId, TenantId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{DeliveryCharge, DeliveryOption};

struct Row {
    tenant: TenantId,
    id: DeliveryOptionId,
    code: Code,
    name: Name,
    channel_id: Option<ChannelId>,
    currency: Currency,
    countries: Vec<Country>,
    charge: Json<DeliveryCharge>,
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

pub(super) async fn delivery_option_insert(tx: &mut TenantTx, option: &DeliveryOption) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into delivery_option (tenant_id, id, code, name, channel_id, currency, countries, charge, tax_class_id, active,
                                      position, metadata, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)",
        tx.tenant().uuid(),
        option.id.uuid(),
        option.code.as_str(),
        option.name.as_str(),
        option.channel_id.map(ChannelId::uuid),
        option.currency as Currency,
        &option.countries as _,
        Json(&option.charge) as _,
        option.tax_class_id.map(TaxClassId::uuid),
        option.active,
        option.position,
        Json(&option.metadata) as _,
        option.version,
        option.created_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Replaces an option that is still of the version before; false when it was changed in the meantime.
pub(super) async fn delivery_option_update(conn: &mut PgConnection, option: &DeliveryOption) -> sqlx::Result<bool> {
    let updated = sqlx::query!(
        "update delivery_option
         set code = $3, name = $4, channel_id = $5, currency = $6, countries = $7, charge = $8, tax_class_id = $9, active = $10,
             position = $11, metadata = $12, version = $13, updated_at = $14
         where id = $1 and version = $2",
        option.id.uuid(),
        option.version - 1,
        option.code.as_str(),
        option.name.as_str(),
        option.channel_id.map(ChannelId::uuid),
        option.currency as Currency,
        &option.countries as _,
        Json(&option.charge) as _,
        option.tax_class_id.map(TaxClassId::uuid),
        option.active,
        option.position,
        Json(&option.metadata) as _,
        option.version,
        option.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(updated.rows_affected() == 1)
}

pub(crate) async fn delivery_option_get(
    db: &Db,
    tenant: TenantId,
    id: DeliveryOptionId,
) -> Result<Option<DeliveryOption>, Fault> {
    let row = db.read_once(|conn| {
        let row = sqlx::query_as!(
            Row,
            r#"select tenant_id as "tenant!: _", option.id as "id!: _", code as "code!: _", name as "name!: _", channel_id as "channel_id: _",
                      currency as "currency!: _", countries as "countries!: _", charge as "charge!: _",
                      tax_class_id as "tax_class_id: _", active as "active!", position as "position!", metadata as "metadata!: _",
                      version as "version!", created_at as "created_at!", updated_at as "updated_at!"
               from (select set_config('bloom.tenant', $1, false)::uuid as id offset 0) tenant, lateral (
                   select * from delivery_option o where o.tenant_id = tenant.id and o.id = $2 offset 0
               ) option"#,
            tenant.uuid().to_string(),
            id.uuid(),
        );
        Box::pin(row.fetch_optional(conn))
    });
    Ok(row.await?.map(DeliveryOption::from))
}

/// Options after a position in the order of lists; `active` selects the active or the inactive ones.
pub(crate) async fn delivery_option_list(
    conn: &mut PgConnection,
    active: Option<bool>,
    after: Option<(i32, DeliveryOptionId)>,
    limit: i64,
) -> sqlx::Result<Vec<DeliveryOption>> {
    let (position, id) = after.map_or((i32::MIN, Uuid::nil()), |(position, id)| (position, id.uuid()));
    let rows = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant: _", id as "id: _", code as "code: _", name as "name: _", channel_id as "channel_id: _",
                  currency as "currency: _", countries as "countries: _", charge as "charge: _",
                  tax_class_id as "tax_class_id: _", active, position, metadata as "metadata: _", version, created_at, updated_at
           from delivery_option
           where (position, id) > ($1, $2) and ($3::boolean is null or active = $3)
           order by position, id limit $4"#,
        position,
        id,
        active,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(DeliveryOption::from).collect())
}

/// Options of all tenants, for the export.
pub(crate) async fn delivery_option_export(
    conn: &mut PgConnection,
    page: ExportPage<DeliveryOptionId>,
) -> sqlx::Result<Vec<(TenantId, DeliveryOption)>> {
    let (tenant, id) = page.position();
    let rows = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant: _", id as "id: _", code as "code: _", name as "name: _", channel_id as "channel_id: _",
                  currency as "currency: _", countries as "countries: _", charge as "charge: _",
                  tax_class_id as "tax_class_id: _", active, position, metadata as "metadata: _", version, created_at, updated_at
           from delivery_option where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.tenant, row.into())).collect())
}
