//! Settings of a tenant.

use bloom_fault::Fault;
use bloom_kernel::{TenantId, Timestamp};
use sqlx::PgConnection;

use crate::domain::setting::{CaptureMode, Settings};

/// The settings, or the defaults where none were made.
pub async fn setting_get(connection: &mut PgConnection) -> Result<Settings, Fault> {
    let row = sqlx::query!("select capture, unpaid_hours, version from order_setting").fetch_optional(connection).await?;
    Ok(row.map_or_else(Settings::default, |row| Settings {
        capture: if row.capture == "on_fulfilment" { CaptureMode::OnFulfilment } else { CaptureMode::Manual },
        unpaid_hours: row.unpaid_hours,
        version: row.version,
    }))
}

/// Replaces settings that nobody has changed since the version before; false when somebody has.
pub async fn setting_put(
    connection: &mut PgConnection,
    tenant: TenantId,
    settings: &Settings,
    now: Timestamp,
) -> Result<bool, Fault> {
    let written = sqlx::query!(
        "insert into order_setting (tenant_id, capture, unpaid_hours, version, updated_at) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id) do update
             set capture = excluded.capture, unpaid_hours = excluded.unpaid_hours, version = excluded.version,
                 updated_at = excluded.updated_at
             where order_setting.version = excluded.version - 1",
        tenant.uuid(),
        settings.capture.as_str(),
        settings.unpaid_hours,
        settings.version,
        now,
    )
    .execute(connection)
    .await?;
    Ok(written.rows_affected() == 1)
}
