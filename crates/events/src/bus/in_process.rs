//! The in-process bus. A service's outbox is its log: the relay stamps positions, consumers read by position and commit
//! their cursor together with the effect. Recently stamped events are cached in memory, so a consumer that keeps up
//! reads nothing from the database; a slower one reads the outbox.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bloom_db::Db;
use bloom_fault::Fault;
use tokio::sync::watch;

use crate::shard::{Positions, SHARDS, index};
use crate::store::outbox::{Logged, outbox_after, place};

/// Size of the cached documents per service: enough for consumers that are slightly behind.
const RECENT_BYTES: usize = 2 << 20;

/// Maximum number of events of one shard per read.
const READ_LIMIT: i64 = 128;

/// The logs of all services of this process, and the progress of their consumers. Cheap to clone.
#[derive(Clone, Default)]
pub struct InProcess(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    logs: HashMap<String, Arc<Log>>,
    readers: Vec<Arc<Progress>>,
}

impl InProcess {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log of a service, which may not have started yet.
    pub(crate) fn log(&self, service: &str) -> Arc<Log> {
        self.state().logs.entry(service.to_owned()).or_insert_with(|| Arc::new(Log::new(service))).clone()
    }

    /// Registers a consumer's progress.
    pub(crate) fn reading(&self, service: &'static str) -> Arc<Progress> {
        let progress = Arc::new(Progress { service, positions: Mutex::default() });
        self.state().readers.push(progress.clone());
        progress
    }

    /// The position in every shard that all consumers of the service have passed.
    pub(crate) fn floors(&self, service: &str) -> Positions {
        let mut floors = [i64::MAX; SHARDS];
        for reader in self.state().readers.iter().filter(|reader| reader.service == service) {
            let positions = reader.get().unwrap_or_default();
            floors.iter_mut().zip(positions).for_each(|(floor, position)| *floor = (*floor).min(position));
        }
        floors
    }
}

/// How far a consumer has read a source; `None` before it has loaded the source's state.
pub(crate) struct Progress {
    pub(crate) service: &'static str,
    positions: Mutex<Option<Positions>>,
}

impl Progress {
    pub(crate) fn get(&self) -> Option<Positions> {
        *self.positions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, positions: Option<Positions>) {
        *self.positions.lock().unwrap_or_else(PoisonError::into_inner) = positions;
    }
}

/// What consumers can learn about a log without a database query.
#[derive(Clone, Default)]
pub(crate) struct Head {
    /// Where the log is stored; set when its service starts.
    pub(crate) db: Option<Db>,
    /// Last stamped positions; set when the relay has read them.
    pub(crate) positions: Option<Positions>,
}

/// The published events of one service.
pub(crate) struct Log {
    pub(crate) service: String,
    pub(crate) head: watch::Sender<Head>,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    /// Number of the first cached event.
    first: u64,
    events: VecDeque<Arc<Logged>>,
    bytes: usize,
}

impl Log {
    fn new(service: &str) -> Self {
        Self { service: service.to_owned(), head: watch::Sender::new(Head::default()), recent: Mutex::default() }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the log's database when its service starts.
    pub(crate) fn open(&self, db: &Db) {
        self.head.send_modify(|head| head.db = Some(db.clone()));
    }

    /// Publishes the last positions and wakes consumers that are behind.
    pub(crate) fn advance(&self, positions: Positions) {
        self.head.send_if_modified(|head| {
            let changed = head.positions != Some(positions);
            head.positions = Some(positions);
            changed
        });
    }

    /// Caches newly stamped events; a call of [`advance`](Self::advance) must follow.
    pub(crate) fn keep(&self, events: Vec<Logged>) {
        let mut recent = self.recent();
        for event in events {
            recent.bytes += event.envelope.data.get().len();
            recent.events.push_back(Arc::new(event));
        }
        while recent.bytes > RECENT_BYTES {
            let Some(event) = recent.events.pop_front() else { break };
            recent.bytes -= event.envelope.data.get().len();
            recent.first += 1;
        }
    }

    /// The number of the next event to be cached.
    pub(crate) fn end(&self) -> u64 {
        let recent = self.recent();
        recent.first + recent.events.len() as u64
    }

    /// Cached events from `number` on that follow `seen` without a gap, and the number to continue with; `None` when
    /// the cache does not reach back that far.
    fn since(&self, number: u64, seen: &Positions, limit: usize) -> Option<(Vec<Arc<Logged>>, u64)> {
        let recent = self.recent();
        let skip = usize::try_from(number.checked_sub(recent.first)?).ok()?;
        let mut reached = *seen;
        let mut events = Vec::new();
        let mut next = number;
        for event in recent.events.iter().skip(skip).take(limit) {
            let reached = &mut reached[place(event)];
            next += 1;
            if event.position <= *reached {
                continue;
            }
            if event.position != *reached + 1 {
                return None;
            }
            *reached = event.position;
            events.push(event.clone());
        }
        Some((events, next))
    }
}

/// A consumer's place in a log.
pub(crate) struct Place {
    pub(crate) positions: Positions,
    /// Number of the next cached event to read.
    pub(crate) number: u64,
}

impl Log {
    /// The events after a place, and the place after them; `None` when the place is at the head.
    pub(crate) async fn next(&self, at: &Place, limit: usize) -> Result<Option<(Vec<Arc<Logged>>, Place)>, Fault> {
        let head = self.head.borrow().clone();
        let (Some(db), Some(heads)) = (head.db, head.positions) else { return Ok(None) };
        let behind: Vec<(i16, i64)> =
            (0_i16..).zip(at.positions).filter(|(shard, position)| *position < heads[index(*shard)]).collect();
        if behind.is_empty() {
            return Ok(None);
        }
        if let Some((events, number)) = self.since(at.number, &at.positions, limit)
            && !events.is_empty()
        {
            let positions = advanced(&at.positions, &events);
            return Ok(Some((events, Place { positions, number })));
        }
        let number = self.end();
        let mut tx = db.system().await?;
        let events = outbox_after(&mut tx, &self.service, &behind, READ_LIMIT).await?;
        tx.commit().await?;
        let events: Vec<Arc<Logged>> = events.into_iter().map(Arc::new).collect();
        if gap(&at.positions, &events) || events.is_empty() {
            // Retention dropped these events while this consumer was stopped. Only a replay restores its state.
            tracing::error!(
                service = self.service,
                ?behind,
                "published events were dropped before they were read; replay the consumers of this service"
            );
        }
        let positions = if events.is_empty() { heads } else { advanced(&at.positions, &events) };
        Ok(Some((events, Place { positions, number })))
    }
}

fn advanced(from: &Positions, events: &[Arc<Logged>]) -> Positions {
    let mut positions = *from;
    for event in events {
        let position = &mut positions[place(event)];
        *position = (*position).max(event.position);
    }
    positions
}

/// Whether a position is missing between a place and the events read after it.
fn gap(from: &Positions, events: &[Arc<Logged>]) -> bool {
    let mut read = *from;
    for event in events {
        read[place(event)] += 1;
    }
    read != advanced(from, events)
}
