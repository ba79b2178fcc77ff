//! SQL of the settings.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{Rounding, TenantId};
use sqlx::PgConnection;

use super::model::{PricingSettings, SettingsId};

/// The rounding mode of its text in the database.
pub fn rounding_from_text(text: &str) -> Rounding {
    match text {
        "half_even" => Rounding::HalfEven,
        "half_down" => Rounding::HalfDown,
        // The only other text that the column admits.
        _ => Rounding::HalfUp,
    }
}

fn rounding_text(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::HalfUp => "half_up",
        Rounding::HalfEven => "half_even",
        Rounding::HalfDown => "half_down",
    }
}

/// The settings; the defaults when the tenant has set none.
pub async fn settings_get(conn: &mut PgConnection) -> sqlx::Result<PricingSettings> {
    let row = sqlx::query!("select rounding, base_lists_gross, version, tax_version from settings").fetch_optional(conn).await?;
    Ok(row.map_or_else(PricingSettings::default, |row| PricingSettings {
        rounding: rounding_from_text(&row.rounding),
        base_lists_gross: row.base_lists_gross,
        version: row.version,
        tax_version: row.tax_version,
    }))
}

/// Settings of all tenants that have set any, for the export.
pub async fn settings_export(
    conn: &mut PgConnection,
    page: ExportPage<SettingsId>,
) -> sqlx::Result<Vec<(TenantId, PricingSettings)>> {
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", rounding, base_lists_gross, version, tax_version
           from settings where version > 0 and ($1::uuid is null or tenant_id > $1) order by tenant_id limit $2"#,
        page.after.map(|(tenant, _)| tenant.uuid()),
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    let records = rows.into_iter().map(|row| {
        let settings = PricingSettings {
            rounding: rounding_from_text(&row.rounding),
            base_lists_gross: row.base_lists_gross,
            version: row.version,
            tax_version: row.tax_version,
        };
        (row.tenant_id, settings)
    });
    Ok(records.collect())
}

/// Writes the settings when the stored ones have the version `over`; `false` when they have another.
pub async fn settings_put(tx: &mut TenantTx, settings: &PricingSettings, over: i64) -> sqlx::Result<bool> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "insert into settings (tenant_id, rounding, base_lists_gross, tax_version, version, updated_at)
         select $1, $2, $3, 0, $4, $6 where $5::int8 = 0
            or exists (select from settings where tenant_id = $1 and version = $5)
         on conflict (tenant_id) do update
           set rounding = excluded.rounding, base_lists_gross = excluded.base_lists_gross, version = excluded.version,
               updated_at = excluded.updated_at
           where settings.version = $5",
        tenant,
        rounding_text(settings.rounding),
        settings.base_lists_gross,
        settings.version,
        over,
        tx.now(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts a change that a calculation of tax may notice, and returns the new count. The row lock makes changes of one tenant's
/// taxes run one after the other.
pub async fn tax_version_raise(tx: &mut TenantTx) -> sqlx::Result<i64> {
    let tenant = tx.tenant().uuid();
    let defaults = PricingSettings::default();
    sqlx::query_scalar!(
        "insert into settings (tenant_id, rounding, base_lists_gross, tax_version, version, updated_at)
         values ($1, $2, $3, 1, 0, $4)
         on conflict (tenant_id) do update set tax_version = settings.tax_version + 1
         returning tax_version",
        tenant,
        rounding_text(defaults.rounding),
        defaults.base_lists_gross,
        tx.now(),
    )
    .fetch_one(&mut **tx)
    .await
}
