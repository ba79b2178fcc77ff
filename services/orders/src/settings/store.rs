//! SQL of the settings.

use bloom_db::TenantTx;
use sqlx::PgConnection;

use super::model::{CaptureMode, OrderSettings, UnpaidHours};

/// The settings, or the defaults where none were stored.
pub async fn settings_get(conn: &mut PgConnection) -> sqlx::Result<OrderSettings> {
    let stored = sqlx::query_as!(
        OrderSettings,
        r#"select capture as "capture: CaptureMode", unpaid_hours as "unpaid_hours: UnpaidHours", version from order_setting"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(stored.unwrap_or_default())
}

/// Stores the settings if the stored version is the one before; false when another request has changed them.
pub async fn settings_put(tx: &mut TenantTx, settings: &OrderSettings) -> sqlx::Result<bool> {
    let written = sqlx::query!(
        "insert into order_setting (tenant_id, capture, unpaid_hours, version, updated_at) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id) do update
             set capture = excluded.capture, unpaid_hours = excluded.unpaid_hours, version = excluded.version,
                 updated_at = excluded.updated_at
             where order_setting.version = excluded.version - 1",
        tx.tenant().uuid(),
        settings.capture.as_str(),
        settings.unpaid_hours.get(),
        settings.version,
        tx.now(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(written.rows_affected() == 1)
}
