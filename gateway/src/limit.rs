//! Rate limits with GCRA per key and per environment, and per address for requests without a known key. Local by
//! default; through Redis when configured, so that all gateways share the counts. When Redis does not answer, limits
//! are local for a second and no request fails.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bloom_fault::{Code, Fault};
use bloom_runtime::{ServiceContext, StartError};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use http::HeaderValue;
use moka::sync::Cache;

use crate::NAME;
use crate::auth::Principal;
use crate::config::{GatewayConfig, Rate};

type Bucket = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

const REDIS_DEADLINE: Duration = Duration::from_millis(40);
const REDIS_REST_S: i64 = 1;
const GUESSER_REST: Duration = Duration::from_secs(1);
/// A bucket that was not used for this long is full again.
const IDLE: Duration = Duration::from_mins(10);

/// The rate limits of a gateway.
pub(crate) struct Limiter {
    keys: Buckets,
    tenants: Buckets,
    /// By address: requests without a key or with an invalid one.
    anonymous: Buckets,
    /// Addresses that exceeded their limit of unknown keys in the last second.
    guessers: Cache<IpAddr, Decision>,
    redis: Option<Shared>,
}

struct Buckets {
    name: &'static str,
    rate: Rate,
    quota: Quota,
    by_id: Cache<String, Arc<Bucket>>,
    clock: DefaultClock,
}

struct Shared {
    connection: redis::aio::ConnectionManager,
    script: redis::Script,
    /// Seconds since the epoch until which Redis is not asked after a failure.
    rest_until: AtomicI64,
}

/// Whether a request is allowed, and the values for its rate-limit headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decision {
    pub(crate) allowed: bool,
    name: &'static str,
    rate: Rate,
    remaining: u32,
    /// Seconds until a refused request may be sent again.
    pub(crate) retry_after_s: u32,
}

impl Decision {
    /// `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11).
    pub(crate) fn policy_field(&self) -> HeaderValue {
        field(&format!("\"{}\";q={};w={}", self.name, self.rate.burst, window_s(self.rate)))
    }

    /// `RateLimit`: the remaining requests, and when the bucket is full again (for a refusal: when the next request is
    /// allowed).
    pub(crate) fn field(&self) -> HeaderValue {
        let spent = self.rate.burst.saturating_sub(self.remaining);
        let reset = if self.allowed { spent.div_ceil(self.rate.per_second.max(1)) } else { self.retry_after_s };
        field(&format!("\"{}\";r={};t={reset}", self.name, self.remaining))
    }

    /// The 429 for a refused request.
    pub(crate) fn refusal(&self) -> Fault {
        let detail = "Too many requests. Wait as long as Retry-After says.";
        Fault::new(Code::RateLimited, "rate_limited", detail).retry_after(self.retry_after_s)
    }

    fn tightness(&self) -> (bool, u64) {
        (self.allowed, u64::from(self.remaining) * 1_000 / u64::from(self.rate.burst.max(1)))
    }
}

/// The key under which a client is counted: its IPv4 address, or its /64 network, because an IPv6 client can choose any
/// address of its network.
fn sender(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

fn window_s(rate: Rate) -> u32 {
    rate.burst.div_ceil(rate.per_second.max(1))
}

fn field(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

impl Limiter {
    pub(crate) fn new(config: &GatewayConfig, host: &ServiceContext) -> Result<Self, StartError> {
        let redis = match &config.redis_url {
            None => None,
            Some(url) => shared(url, host)?,
        };
        Ok(Self {
            keys: Buckets::new("key", config.per_key),
            tenants: Buckets::new("tenant", config.per_tenant),
            anonymous: Buckets::new("address", config.per_address),
            guessers: Cache::builder().max_capacity(100_000).time_to_live(GUESSER_REST).build(),
            redis,
        })
    }

    /// Counts a request without a known key. Never over Redis: each gateway protects itself.
    pub(crate) fn check_anonymous(&self, address: IpAddr) -> Result<(), Fault> {
        let decision = self.anonymous.check(&sender(address).to_string());
        if decision.allowed { Ok(()) } else { Err(decision.refusal()) }
    }

    /// Whether identity may be asked about a key from this address. Refused while the address keeps sending unknown
    /// keys. Valid keys do not count, however many arrive at once after a restart.
    pub(crate) fn check_guesser(&self, address: IpAddr) -> Result<(), Fault> {
        match self.guessers.get(&sender(address)) {
            Some(refused) => Err(refused.refusal()),
            None => Ok(()),
        }
    }

    /// Counts a key that identity did not know.
    pub(crate) fn count_guess(&self, address: IpAddr) {
        let sender = sender(address);
        let decision = self.anonymous.check(&sender.to_string());
        if !decision.allowed {
            self.guessers.insert(sender, decision);
        }
    }

    /// Counts a request against the limits of key and tenant, and returns the tighter result.
    pub(crate) async fn check(&self, host: &ServiceContext, principal: &Principal) -> Decision {
        if let Some(redis) = &self.redis
            && let Some(decision) = redis.check(host, principal, self.keys.rate, self.tenants.rate).await
        {
            return decision;
        }
        let key = self.keys.check(&principal.key_id);
        if !key.allowed {
            return key;
        }
        let tenant = self.tenants.check(&principal.tenant_text);
        if tenant.tightness() < key.tightness() { tenant } else { key }
    }
}

impl Buckets {
    fn new(name: &'static str, rate: Rate) -> Self {
        let per_second = NonZeroU32::new(rate.per_second).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
        Self {
            name,
            rate,
            quota: Quota::per_second(per_second).allow_burst(burst),
            by_id: Cache::builder().max_capacity(200_000).time_to_idle(IDLE).build(),
            clock: DefaultClock::default(),
        }
    }

    fn check(&self, id: &str) -> Decision {
        let bucket = match self.by_id.get(id) {
            Some(bucket) => bucket,
            None => self.by_id.get_with_by_ref(id, || {
                Arc::new(RateLimiter::direct(self.quota).with_middleware::<StateInformationMiddleware>())
            }),
        };
        let Self { name, rate, .. } = *self;
        match bucket.check() {
            Ok(state) => Decision { allowed: true, name, rate, remaining: state.remaining_burst_capacity(), retry_after_s: 0 },
            Err(refused) => {
                let wait = refused.wait_time_from(self.clock.now());
                let retry_after_s = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1);
                Decision { allowed: false, name, rate, remaining: 0, retry_after_s }
            }
        }
    }
}

/// Checks both buckets in one call and stores per bucket the theoretical arrival time in microseconds. Returns the
/// index of the refusing bucket (0: none), then the remainder of each and the wait in microseconds.
const GCRA: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local left = {}
local next = {}
for i = 1, 2 do
  local interval, burst = tonumber(ARGV[i * 2 - 1]), tonumber(ARGV[i * 2])
  local arrival = math.max(tonumber(redis.call('GET', KEYS[i]) or 0), now)
  next[i] = arrival + interval
  local room = now + interval * burst - next[i]
  if room < 0 then return {i, 0, 0, -room} end
  left[i] = math.floor(room / interval)
end
for i = 1, 2 do
  redis.call('SET', KEYS[i], string.format('%.0f', next[i]), 'PX', math.ceil((next[i] - now) / 1000) + 1000)
end
return {0, left[1], left[2], 0}
";

fn shared(url: &str, host: &ServiceContext) -> Result<Option<Shared>, StartError> {
    let client =
        redis::Client::open(url).map_err(|_| StartError::new("BLOOM_REDIS_URL is not usable: it reads redis://host:port"))?;
    let connect = redis::aio::ConnectionManager::new_lazy_with_config(client, redis::aio::ConnectionManagerConfig::new());
    match connect {
        Ok(connection) => {
            let shared = Shared { connection, script: redis::Script::new(GCRA), rest_until: AtomicI64::new(0) };
            Ok(Some(shared))
        }
        Err(error) => {
            host.metrics.count(NAME, "redis_unreachable", 1);
            Err(StartError::caused("Redis cannot be used", error))
        }
    }
}

impl Shared {
    /// `None` when Redis does not answer: the caller then limits locally.
    async fn check(&self, host: &ServiceContext, principal: &Principal, key: Rate, tenant: Rate) -> Option<Decision> {
        let now = host.platform_now().timestamp();
        if now < self.rest_until.load(Ordering::Relaxed) {
            return None;
        }
        let mut connection = self.connection.clone();
        let mut call = self.script.key(format!("bloom:limit:{{{}}}:{}", principal.tenant_text, principal.key_id));
        call.key(format!("bloom:limit:{{{}}}", principal.tenant_text));
        for rate in [key, tenant] {
            call.arg(1_000_000 / u64::from(rate.per_second.max(1))).arg(rate.burst);
        }
        let reply = tokio::time::timeout(REDIS_DEADLINE, call.invoke_async::<(u8, u32, u32, u64)>(&mut connection)).await;
        let Ok(Ok((refused, key_left, tenant_left, wait_us))) = reply else {
            host.metrics.count(NAME, "redis_unreachable", 1);
            self.rest_until.store(now + REDIS_REST_S, Ordering::Relaxed);
            return None;
        };
        let retry_after_s = u32::try_from(wait_us.div_ceil(1_000_000)).unwrap_or(u32::MAX).max(1);
        let decide = |name, rate, remaining, allowed| Decision { allowed, name, rate, remaining, retry_after_s };
        Some(match refused {
            1 => decide("key", key, 0, false),
            2 => decide("tenant", tenant, 0, false),
            _ => {
                let (key, tenant) = (decide("key", key, key_left, true), decide("tenant", tenant, tenant_left, true));
                if tenant.tightness() < key.tightness() { tenant } else { key }
            }
        })
    }
}
