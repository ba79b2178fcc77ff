//! Settings of a tenant.

use bloom_fault::Fault;
use bloom_kernel::{TenantId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

/// When money is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMode {
    /// When the merchant says so.
    Manual,
    /// What is shipped is drawn.
    OnFulfilment,
}

/// How a tenant's orders are handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// When money is drawn.
    pub capture: CaptureMode,
    /// Hours until an order that nobody paid expires.
    #[schemars(range(min = 1, max = 8760))]
    pub unpaid_hours: i32,
    /// Rises with every change; the `ETag`.
    pub version: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { capture: CaptureMode::Manual, unpaid_hours: 72, version: 0 }
    }
}

impl CaptureMode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::OnFulfilment => "on_fulfilment",
        }
    }
}

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
