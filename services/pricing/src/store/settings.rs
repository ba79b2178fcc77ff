//! How a tenant calculates.

use bloom_db::TenantTx;
use bloom_kernel::{Rounding, Timestamp};
use sqlx::PgConnection;

use crate::domain::tax_setup::Settings;

/// The mode of its word in the database.
pub fn rounding(word: &str) -> Rounding {
    match word {
        "half_even" => Rounding::HalfEven,
        "half_down" => Rounding::HalfDown,
        // The only other word that the column admits.
        _ => Rounding::HalfUp,
    }
}

fn word(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::HalfUp => "half_up",
        Rounding::HalfEven => "half_even",
        Rounding::HalfDown => "half_down",
    }
}

/// The settings; the defaults when nothing was set.
pub async fn settings_get(conn: &mut PgConnection) -> Result<Settings, sqlx::Error> {
    let row = sqlx::query!("select rounding, base_lists_gross, version, tax_version from settings").fetch_optional(conn).await?;
    Ok(row.map_or_else(Settings::default, |row| Settings {
        rounding: rounding(&row.rounding),
        base_lists_gross: row.base_lists_gross,
        version: row.version,
        tax_version: row.tax_version,
    }))
}

/// Writes settings over this version; `false` when they have another by now.
pub async fn settings_put(tx: &mut TenantTx, settings: &Settings, over: i64, now: Timestamp) -> Result<bool, sqlx::Error> {
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
        word(settings.rounding),
        settings.base_lists_gross,
        settings.version,
        over,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts a change that tax calculations may notice; returns the new count. Changes of one tenant's taxes queue here.
pub async fn tax_version_raise(tx: &mut TenantTx, now: Timestamp) -> Result<i64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let defaults = Settings::default();
    sqlx::query_scalar!(
        "insert into settings (tenant_id, rounding, base_lists_gross, tax_version, version, updated_at)
         values ($1, $2, $3, 1, 0, $4)
         on conflict (tenant_id) do update set tax_version = settings.tax_version + 1
         returning tax_version",
        tenant,
        word(defaults.rounding),
        defaults.base_lists_gross,
        now,
    )
    .fetch_one(&mut **tx)
    .await
}
