//! CPU time and memory of process trees, from `/proc`.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::Outcome;

/// Linux reports CPU time to user space in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// One line of `/proc/<pid>/stat`.
struct Stat {
    pid: u32,
    parent: u32,
    /// CPU seconds of the process.
    own: f64,
    /// CPU seconds of its children that have ended.
    ended: f64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may contain any character.
        let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
        Some(Self {
            pid,
            parent: fields.get(1)?.parse().ok()?,
            own: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
            ended: (ticks(13)? + ticks(14)?) / TICKS_PER_SECOND,
        })
    }
}

/// CPU seconds of a process and of all its descendants, including those that have ended.
pub(crate) fn tree_cpu(root: u32) -> f64 {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    let all: Vec<Stat> = pids.filter_map(Stat::read).collect();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(parent) = tree.get(next).copied() {
        tree.extend(all.iter().filter(|stat| stat.parent == parent).map(|stat| stat.pid));
        next += 1;
    }
    all.iter().filter(|stat| tree.contains(&stat.pid)).map(|stat| stat.own + stat.ended).sum()
}

/// CPU seconds of this process, without its children.
pub(crate) fn own_cpu() -> f64 {
    Stat::read(std::process::id()).map_or(0.0, |stat| stat.own)
}

/// Resident memory in megabytes: `VmRSS` is the current value, `VmHWM` the peak.
pub(crate) fn memory_mb(pid: u32, field: &str) -> Outcome<f64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).ok_or("no such field")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}

/// Resets `VmHWM` to the current value.
pub(crate) fn forget_peak(pid: u32) -> Outcome {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// The pid on the first line of a file such as `postmaster.pid`.
pub(crate) fn pid_in(path: &Path) -> Outcome<u32> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.lines().next().unwrap_or_default().trim().parse()?)
}

/// CPU use by process, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    /// This process: load generator, and upstream where there is one.
    pub(crate) load: f64,
    /// PostgreSQL with all its processes.
    pub(crate) postgres: f64,
    /// The platform, or the proxy.
    pub(crate) fleet: f64,
}

impl Cpu {
    /// Converts to microseconds per operation.
    pub(crate) fn per(self, operations: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts of a run")]
        let micros = |seconds: f64| if operations == 0 { 0.0 } else { seconds * 1e6 / operations as f64 };
        Self { load: micros(self.load), postgres: micros(self.postgres), fleet: micros(self.fleet) }
    }
}

/// Measures CPU from its creation to [`Meter::stop`].
pub(crate) struct Meter {
    postgres: u32,
    fleet: Option<u32>,
    at_start: Cpu,
    began: Instant,
}

impl Meter {
    /// Starts with the roots of two process trees.
    pub(crate) fn start(postgres: u32, fleet: Option<u32>) -> Self {
        Self { postgres, fleet, at_start: now(postgres, fleet), began: Instant::now() }
    }

    /// The CPU used since the start, and the elapsed seconds.
    pub(crate) fn stop(&self) -> (Cpu, f64) {
        let seconds = self.began.elapsed().as_secs_f64();
        let (now, then) = (now(self.postgres, self.fleet), self.at_start);
        (Cpu { load: now.load - then.load, postgres: now.postgres - then.postgres, fleet: now.fleet - then.fleet }, seconds)
    }
}

fn now(postgres: u32, fleet: Option<u32>) -> Cpu {
    Cpu { load: own_cpu(), postgres: tree_cpu(postgres), fleet: fleet.map_or(0.0, tree_cpu) }
}
