//! Route prefixes and their policies, validated before a port is bound.

use std::collections::BTreeMap;
use std::time::Duration;

use bloom_runtime::StartError;
use http::uri::{Authority, Uri};
use serde::Deserialize;

use crate::proxies::TrustedProxies;

/// Configuration of the gateway.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Longest prefix first.
    pub routes: Vec<Route>,
    /// `host:port` of each service.
    pub upstreams: BTreeMap<String, Authority>,
    /// Requests per second of one key, and its burst.
    pub per_key: Rate,
    /// The same limit for all keys of one environment together.
    pub per_tenant: Rate,
    /// Limit per address for requests without a key (provider webhooks) or with an invalid one.
    pub per_address: Rate,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// Redis through which gateways share their limits; without it each gateway counts alone.
    pub redis_url: Option<String>,
    /// Time limit for a client to send the first bytes of a connection, and the request line and headers of each
    /// request.
    pub head_timeout: Duration,
}

/// A rate limit: average and burst.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Average requests per second.
    pub per_second: u32,
    /// Maximum burst.
    pub burst: u32,
}

/// A route prefix and its policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Path prefix of whole segments.
    pub prefix: String,
    /// The service that handles it.
    pub service: String,
    /// Maximum size of a request body.
    #[serde(default = "default_body_limit")]
    pub body_limit_bytes: u64,
    /// Deadline of the whole request: 408 when the client's body is missing by then, 504 when the service's answer is.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
    /// Requires no key, because the service authenticates its callers itself (provider webhooks).
    #[serde(default)]
    pub anonymous: bool,
}

fn default_body_limit() -> u64 {
    1024 * 1024
}

fn default_timeout() -> u64 {
    30_000
}

impl Route {
    /// Deadline of a request.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

impl GatewayConfig {
    /// The routes of `fleet.toml` over the given upstream addresses (`http://host:port`).
    pub fn new(addresses: &BTreeMap<String, String>) -> Result<Self, StartError> {
        Self::with_routes(include_str!("routes.json"), addresses)
    }

    /// Routes from a JSON document of the shape of `routes.json`.
    pub fn with_routes(routes: &str, addresses: &BTreeMap<String, String>) -> Result<Self, StartError> {
        let mut routes: Vec<Route> =
            serde_json::from_str(routes).map_err(|error| StartError::caused("the gateway's routes are not readable", error))?;
        let mut upstreams = BTreeMap::new();
        for route in &routes {
            let bad = route.prefix.ends_with('/') || !route.prefix.starts_with('/') || route.timeout_ms == 0;
            if bad || routes.iter().filter(|other| other.prefix == route.prefix).count() > 1 {
                return Err(StartError::new(format!(
                    "the route `{}` is not usable: prefixes begin with a slash, end in none, come once, and have time to answer",
                    route.prefix
                )));
            }
            let address = addresses.get(&route.service).ok_or_else(|| {
                StartError::new(format!(
                    "the route `{}` leads to `{}`, whose address is not configured",
                    route.prefix, route.service
                ))
            })?;
            let authority = address
                .parse::<Uri>()
                .ok()
                .and_then(|uri| uri.into_parts().authority)
                .ok_or_else(|| StartError::new(format!("`{address}` is not an address for the service {}", route.service)))?;
            upstreams.insert(route.service.clone(), authority);
        }
        routes.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
        Ok(Self {
            routes,
            upstreams,
            per_key: Rate { per_second: 200, burst: 400 },
            per_tenant: Rate { per_second: 1_000, burst: 2_000 },
            per_address: Rate { per_second: 300, burst: 600 },
            trusted_proxies: TrustedProxies::default(),
            redis_url: None,
            head_timeout: Duration::from_secs(10),
        })
    }

    /// The route of a path: the longest matching prefix of whole segments.
    pub fn route(&self, path: &str) -> Option<&Route> {
        self.routes
            .iter()
            .find(|route| path.strip_prefix(route.prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}
