//! SQL of the settings.

use bloom_fault::Fault;
use bloom_kernel::{TenantId, Timestamp};
use sqlx::PgConnection;

use super::model::{CaptureMode, OrderSettings};

/// The settings, or the defaults where none were stored.
pub(crate) async fn settings_get(conn: &mut PgConnection) -> Result<OrderSettings, Fault> {
    let row = sqlx::query!("select capture, unpaid_hours, version from order_setting").fetch_optional(conn).await?;
    Ok(row.map_or_else(OrderSettings::default, |row| OrderSettings {
        capture: if row.capture == "on_fulfilment" { CaptureMode::OnFulfilment } else { CaptureMode::Manual },
        unpaid_hours: row.unpaid_hours,
        version: row.version,
    }))
}

/// Stores the settings if the stored version is the one before; false when another request has changed them.
pub(crate) async fn settings_put(
    conn: &mut PgConnection,
    tenant: TenantId,
    settings: &OrderSettings,
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
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}
