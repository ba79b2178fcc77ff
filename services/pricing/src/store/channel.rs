//! Replicas of what pricing must know of the catalogue.

use std::collections::HashMap;

use bloom_db::TenantTx;
use bloom_kernel::{ChannelId, Currency, ProductId, TaxClassId, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::listing::Channel;
use crate::domain::place::Country;

/// A channel with what the replica keeps beside.
#[derive(Debug, Clone)]
pub struct ChannelRow {
    /// The channel.
    pub channel: Channel,
    /// Whether it is the tenant's default channel.
    pub is_default: bool,
    /// Its version in the catalogue.
    pub version: i64,
}

/// Keeps a channel unless a newer version is known; `true` when it was kept.
pub async fn channel_put(tx: &mut TenantTx, row: &ChannelRow) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "insert into channel (tenant_id, id, currency, gross, country, is_default, version)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id, id) do update
           set currency = excluded.currency, gross = excluded.gross, country = excluded.country,
               is_default = excluded.is_default, version = excluded.version
           where channel.version <= excluded.version",
        tenant,
        row.channel.id.uuid(),
        row.channel.currency.as_str(),
        row.channel.gross,
        row.channel.country.as_str(),
        row.is_default,
        row.version,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// All channels, by id.
pub async fn channels_all(conn: &mut PgConnection) -> Result<Vec<Channel>, sqlx::Error> {
    sqlx::query_as!(
        Channel,
        r#"select id as "id: ChannelId", currency as "currency: Currency", gross, country as "country: Country"
           from channel order by id"#,
    )
    .fetch_all(conn)
    .await
}

/// The channel of an id, or without one the tenant's default channel.
pub async fn channel_get(conn: &mut PgConnection, id: Option<ChannelId>) -> Result<Option<Channel>, sqlx::Error> {
    sqlx::query_as!(
        Channel,
        r#"select id as "id: ChannelId", currency as "currency: Currency", gross, country as "country: Country"
           from channel where id = $1 or ($1::uuid is null and is_default) order by version desc limit 1"#,
        id.map(ChannelId::uuid),
    )
    .fetch_optional(conn)
    .await
}

/// The tax class of a variant, as an event of its product told it.
#[derive(Debug, Clone, Copy)]
pub struct VariantClass {
    /// The variant.
    pub variant_id: VariantId,
    /// Its product.
    pub product_id: ProductId,
    /// The class; none: the tenant's default class.
    pub class_id: Option<TaxClassId>,
    /// The product's version.
    pub version: i64,
}

/// Keeps the tax classes of variants (each named once) unless a newer version is known; returns the variants whose class
/// is another now. A variant of the default class needs no row until it has had another.
pub async fn variant_classes_put(tx: &mut TenantTx, classes: &[VariantClass]) -> Result<Vec<VariantId>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let variants: Vec<Uuid> = classes.iter().map(|class| class.variant_id.uuid()).collect();
    let products: Vec<Uuid> = classes.iter().map(|class| class.product_id.uuid()).collect();
    let ids: Vec<Option<Uuid>> = classes.iter().map(|class| class.class_id.map(TaxClassId::uuid)).collect();
    let versions: Vec<i64> = classes.iter().map(|class| class.version).collect();
    sqlx::query_scalar!(
        r#"with before as (select variant_id, tax_class_id from variant_class where variant_id = any($2)),
           written as (
             insert into variant_class (tenant_id, variant_id, product_id, tax_class_id, version)
             select $1, given.variant, given.product, given.class, given.version
             from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int8[]) given(variant, product, class, version)
             where given.class is not null or given.variant in (select variant_id from before)
             order by given.variant
             on conflict (tenant_id, variant_id) do update
               set product_id = excluded.product_id, tax_class_id = excluded.tax_class_id, version = excluded.version
               where variant_class.version <= excluded.version
             returning variant_id, tax_class_id
           )
           select written.variant_id as "id!: VariantId"
           from written left join before using (variant_id)
           where written.tax_class_id is distinct from before.tax_class_id"#,
        tenant,
        &variants,
        &products,
        &ids as &[Option<Uuid>],
        &versions,
    )
    .fetch_all(&mut **tx)
    .await
}

/// The named tax classes of variants; those that name none are left out.
pub async fn variant_classes_get(
    conn: &mut PgConnection,
    variants: &[VariantId],
) -> Result<HashMap<VariantId, TaxClassId>, sqlx::Error> {
    let ids: Vec<Uuid> = variants.iter().map(|variant| variant.uuid()).collect();
    let rows = sqlx::query!(
        r#"select variant_id as "variant: VariantId", tax_class_id as "class!: TaxClassId"
           from variant_class where variant_id = any($1) and tax_class_id is not null"#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.variant, row.class)).collect())
}

/// The version of a channel that the replica knows.
pub async fn channel_version(conn: &mut PgConnection, id: ChannelId) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!("select version from channel where id = $1", id.uuid()).fetch_optional(conn).await
}
