//! The gateway as a process of its own.

use std::collections::BTreeMap;

use bloom_process::{Settings, listen, until_stopped};
use bloom_runtime::{Peers, StartError, telemetry};

use crate::config::{GatewayConfig, Rate};
use crate::proxies::TrustedProxies;
use crate::{Gateway, NAME};

/// Serves the gateway until shutdown.
pub async fn serve(settings: &Settings) -> Result<(), StartError> {
    let _telemetry = telemetry::init(NAME, &settings.telemetry)?;
    let shutdown = until_stopped()?;
    let addresses = settings.addresses(bloom_fleet::SERVICES);
    let peers = Peers::default();
    for (name, address) in &addresses {
        peers.at(name, address)?;
    }
    let host = settings.host(NAME, peers, shutdown)?;
    let config = gateway_config(settings, &addresses)?;
    let listener = listen(&settings.listen).await?;
    tracing::info!(listen = settings.listen, "serving");
    Gateway::new(config, host)?.run(listener).await
}

/// The product's routes over the given upstream addresses, with the limits of the settings.
pub fn gateway_config(settings: &Settings, addresses: &BTreeMap<String, String>) -> Result<GatewayConfig, StartError> {
    let rate = |per_second: u32| Rate { per_second, burst: per_second.saturating_mul(2) };
    Ok(GatewayConfig {
        per_key: rate(settings.rate_per_key),
        per_tenant: rate(settings.rate_per_tenant),
        per_address: rate(settings.rate_per_address),
        trusted_proxies: TrustedProxies::parse(settings.trusted_proxies.as_deref().unwrap_or_default())?,
        redis_url: settings.redis_url.clone(),
        ..GatewayConfig::new(addresses)?
    })
}
