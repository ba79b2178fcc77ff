//! SQL of the tax classes of variants.

use std::collections::HashMap;

use bloom_db::TenantTx;
use bloom_kernel::{ProductId, TaxClassId, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

/// The tax class of a variant in one version of its product.
#[derive(Debug, Clone, Copy)]
pub struct VariantClass {
    pub variant_id: VariantId,
    pub product_id: ProductId,
    /// The class; none: the tenant's default class.
    pub class_id: Option<TaxClassId>,
    /// The version of the product.
    pub version: i64,
}

/// Writes the tax classes of variants (each variant once) unless a newer version is stored; returns the variants whose class
/// has changed. A variant of the default class gets no row until it has had another class.
pub async fn variant_classes_put(tx: &mut TenantTx, classes: &[VariantClass]) -> sqlx::Result<Vec<VariantId>> {
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

/// The tax classes of variants; variants of the default class are left out.
pub async fn variant_classes_get(
    conn: &mut PgConnection,
    variants: &[VariantId],
) -> sqlx::Result<HashMap<VariantId, TaxClassId>> {
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
