//! `bloom check`: every service checks its invariants, and invariants across services are compared here. Exit code 1
//! names the violations. The platform must be idle: services are read one after the other, and the data compared across
//! services is held in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bloom_contract_platform::{CheckRequest, DrainedRequest, ExportStateRequest, StateRecord};
use bloom_process::{Settings, print_line};
use bloom_runtime::StartError;
use serde_json::Value;

use crate::SERVICES;
use crate::operate::failed;
use crate::peers::Reach;

mod charges;
pub(crate) mod projection;

/// Maximum number of breaches shown per invariant, and of differences that one breach names.
const EXAMPLES: usize = 5;

/// How to check.
#[derive(clap::Args, Clone, Debug)]
pub struct CheckOptions {
    /// Seconds to wait for events and timers to come to rest.
    #[arg(long, default_value_t = 30)]
    pub wait: u64,
}

/// One violated invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Name of the invariant.
    pub invariant: String,
    /// What differs, with ids.
    pub detail: String,
}

impl Breach {
    pub(crate) fn new(invariant: &str, detail: impl Into<String>) -> Self {
        Self { invariant: invariant.to_owned(), detail: bloom_events::brief(&detail.into()) }
    }
}

/// Runs the check on a running platform.
pub async fn run(settings: &Settings, state: &Path, options: &CheckOptions) -> Result<ExitCode, StartError> {
    let reach = Reach::new(settings, state)?;
    let (checked, breaches) = check(&reach, Duration::from_secs(options.wait)).await?;
    if breaches.is_empty() {
        print_line(format_args!("{} invariants hold", checked.len()))?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in report(&breaches) {
        print_line(line)?;
    }
    let broken: BTreeSet<&str> = breaches.iter().map(|breach| breach.invariant.as_str()).collect();
    print_line(format_args!("{} of {} invariants are broken", broken.len(), checked.len()))?;
    Ok(ExitCode::FAILURE)
}

/// The report lines: a few breaches per invariant, and how many more there are.
pub(crate) fn report(breaches: &[Breach]) -> Vec<String> {
    let mut of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for breach in breaches {
        of.entry(&breach.invariant).or_default().push(&breach.detail);
    }
    let mut lines = Vec::new();
    for (invariant, details) in of {
        lines.extend(details.iter().take(EXAMPLES).map(|detail| format!("{invariant}: {detail}")));
        if EXAMPLES < details.len() {
            lines.push(format!("{invariant}: and {} more", details.len() - EXAMPLES));
        }
    }
    lines
}

/// Waits until the platform is idle, then checks everything. Returns the checked and the violated invariants.
pub async fn check(reach: &Reach, wait: Duration) -> Result<(Vec<String>, Vec<Breach>), StartError> {
    let mut breaches = at_rest(reach, wait).await?;
    let mut checked = vec!["drained".to_owned()];
    for definition in SERVICES {
        let request = reach.host.request(&reach.call(), CheckRequest {});
        let reply = reach.platform(definition.name).check(request).await.map_err(failed)?.into_inner();
        checked.extend(reply.checked.iter().map(|name| format!("{}.{name}", definition.name)));
        breaches.extend(
            reply
                .breaches
                .into_iter()
                .map(|breach| Breach::new(&format!("{}.{}", definition.name, breach.invariant), breach.detail)),
        );
    }
    breaches.extend(charges::breaches(reach).await?);
    checked.push("charges_match_orders".to_owned());
    breaches.extend(projection::breaches(reach).await?);
    checked.push("listing_matches_sources".to_owned());
    Ok((checked, breaches))
}

/// Waits until nothing is unpublished, unapplied or parked in two consecutive polls, and nothing was published between
/// them.
async fn at_rest(reach: &Reach, wait: Duration) -> Result<Vec<Breach>, StartError> {
    let deadline = Instant::now() + wait;
    let mut before = None;
    loop {
        let mut left = Vec::new();
        let mut published = 0;
        for definition in SERVICES {
            let request = reach.host.request(&reach.call(), DrainedRequest {});
            let reply = reach.platform(definition.name).drained(request).await.map_err(failed)?.into_inner();
            published += reply.published;
            for (what, count) in [
                ("events unpublished", reply.outbox),
                ("events unapplied", reply.lag),
                ("events parked", reply.parked),
                ("timers due", reply.timers_due),
            ] {
                if count > 0 {
                    left.push(Breach::new("drained", format!("{}: {count} {what}", definition.name)));
                }
            }
        }
        if left.is_empty() && before == Some(published) {
            return Ok(left);
        }
        if Instant::now() > deadline {
            if left.is_empty() {
                left.push(Breach::new("drained", "events keep coming"));
            }
            return Ok(left);
        }
        before = Some(published);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The current state of all aggregates of some kinds, by tenant and aggregate.
pub(crate) async fn export(
    reach: &Reach,
    service: &str,
    kinds: &[&str],
) -> Result<BTreeMap<(String, String), Value>, StartError> {
    const PAGE: u32 = 10_000;
    let mut state = BTreeMap::new();
    let mut after = String::new();
    loop {
        let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let message = ExportStateRequest { kinds, after: after.clone(), limit: PAGE };
        let request = reach.host.request(&reach.call(), message);
        let mut stream = reach.platform(service).export_state(request).await.map_err(failed)?.into_inner();
        let mut count = 0;
        while let Some(record) = stream.message().await.map_err(failed)? {
            count += 1;
            after.clone_from(&record.cursor);
            let StateRecord { tenant_id, aggregate, data_json, .. } = record;
            state.insert((tenant_id, aggregate), serde_json::from_str(&data_json).unwrap_or(Value::Null));
        }
        if count < PAGE {
            return Ok(state);
        }
    }
}
