//! Replays recorded statements on a copy of the database from before: the same prepared statements with the same
//! parameters in the same transactions, with as many clients as `pgbench` would use, without pauses. `pgbench` itself
//! cannot do this: one purchase's transactions depend on each other, and every statement has its own parameters.
//!
//! Dependencies keep their order: a unit waits for the earlier ones that share an id with it and had ended before it
//! began. Each service's relay and timers (whose role sees all tenants) also keep their order.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Condvar, Mutex, PoisonError};

use bloom_pgdev::Address;
use uuid::Uuid;

use crate::Outcome;
use crate::cluster::Server;
use crate::machine::{Cpu, Meter};
use crate::pgbench::CLIENTS;
use crate::record::{Recording, Unit};
use crate::wire::Wire;

/// Earlier units of the same id beyond this many are taken to be implied by those in between.
const LOOK_BACK: usize = 8;

/// Results of a replay.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    pub(crate) seconds: f64,
    pub(crate) units: usize,
    pub(crate) statements: usize,
    pub(crate) cpu: Cpu,
    pub(crate) refused: usize,
    pub(crate) first_refusal: Option<String>,
}

/// Replays the units before the load one by one, then the load as fast as possible; only the load is measured.
pub(crate) fn replay(server: &Server, database: &str, recording: &Recording, load_from: u64) -> Outcome<Replayed> {
    let split = recording.units.partition_point(|unit| unit.begin < load_from);
    let (before, load) = recording.units.split_at(split);
    // Connections stay open, so that prepared statements remain prepared, as in the platform's pools.
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::new(server, database, recording)).collect();
    work(&mut clients, before)?;
    let meter = Meter::start(server.pid, None);
    let (refused, first_refusal) = work(&mut clients, load)?;
    let (cpu, seconds) = meter.stop();
    let statements = load.iter().map(|unit| unit.statements.len()).sum();
    Ok(Replayed { seconds, units: load.len(), statements, cpu, refused, first_refusal })
}

/// One of the clients, with a connection for each role it has used.
struct Client<'a> {
    address: &'a Address,
    database: &'a str,
    recording: &'a Recording,
    wires: HashMap<usize, Wire>,
}

impl<'a> Client<'a> {
    fn new(server: &'a Server, database: &'a str, recording: &'a Recording) -> Self {
        Self { address: &server.address, database, recording, wires: HashMap::new() }
    }

    fn run(&mut self, unit: &Unit) -> Outcome<Vec<String>> {
        let role = &self.recording.roles[unit.role];
        let wire = match self.wires.remove(&unit.role) {
            Some(wire) => wire,
            None => Wire::connect(self.address, role, self.database, schema(role))?,
        };
        let wire = self.wires.entry(unit.role).or_insert(wire);
        let mut refusals = Vec::new();
        for statement in &unit.statements {
            let text = &self.recording.texts[statement.text];
            if let Some(refusal) = wire.run(statement, text)? {
                refusals.push(format!("{refusal} — {role}: {text}"));
            }
        }
        wire.settle()?;
        Ok(refusals)
    }
}

/// The schema of a role: `bloom_cart` and `bloom_cart_system` use `cart`.
fn schema(role: &str) -> &str {
    let name = role.strip_prefix("bloom_").unwrap_or(role);
    name.strip_suffix("_system").unwrap_or(name)
}

fn is_system(role: &str) -> bool {
    role.ends_with("_system")
}

/// Which units each unit waits for, and which wait for it.
pub(crate) struct Order {
    waiting: Vec<usize>,
    followers: Vec<Vec<usize>>,
}

impl Order {
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> &[usize] {
        &self.waiting
    }

    pub(crate) fn of(units: &[Unit], roles: &[String]) -> Self {
        let mut order = Self { waiting: vec![0; units.len()], followers: vec![Vec::new(); units.len()] };
        let mut holders: HashMap<Uuid, Vec<usize>> = HashMap::new();
        let mut last_of_role: HashMap<usize, usize> = HashMap::new();
        for (index, unit) in units.iter().enumerate() {
            let mut before: Vec<usize> = Vec::new();
            for id in &unit.ids {
                let held = holders.entry(*id).or_default();
                before.extend(held.iter().rev().take(LOOK_BACK).filter(|earlier| units[**earlier].end < unit.begin));
                held.push(index);
            }
            if is_system(&roles[unit.role]) {
                before.extend(last_of_role.insert(unit.role, index));
            }
            before.sort_unstable();
            before.dedup();
            order.waiting[index] = before.len();
            for earlier in before {
                order.followers[earlier].push(index);
            }
        }
        order
    }
}

struct Queue {
    waiting: Vec<usize>,
    /// Oldest first.
    ready: BinaryHeap<Reverse<usize>>,
    left: usize,
    refused: usize,
    first_refusal: Option<String>,
    broken: Option<String>,
}

fn work(clients: &mut [Client<'_>], units: &[Unit]) -> Outcome<(usize, Option<String>)> {
    let Some(first) = clients.first() else { return Ok((0, None)) };
    let Order { waiting, followers } = Order::of(units, &first.recording.roles);
    let ready = waiting.iter().enumerate().filter(|(_, count)| **count == 0).map(|(index, _)| Reverse(index)).collect();
    let queue = Queue { waiting, ready, left: units.len(), refused: 0, first_refusal: None, broken: None };
    let (queue, changed) = (Mutex::new(queue), Condvar::new());
    std::thread::scope(|scope| {
        for client in clients {
            let (queue, changed, followers) = (&queue, &changed, &followers);
            scope.spawn(move || drain(client, units, followers, queue, changed));
        }
    });
    let queue = queue.into_inner().unwrap_or_else(PoisonError::into_inner);
    match queue.broken {
        Some(why) => Err(format!("the replay broke off: {why}").into()),
        None => Ok((queue.refused, queue.first_refusal)),
    }
}

fn drain(client: &mut Client<'_>, units: &[Unit], followers: &[Vec<usize>], queue: &Mutex<Queue>, changed: &Condvar) {
    let mut guard = queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if guard.left == 0 || guard.broken.is_some() {
            changed.notify_all();
            return;
        }
        let Some(Reverse(index)) = guard.ready.pop() else {
            guard = changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        drop(guard);
        let outcome = client.run(&units[index]);
        guard = queue.lock().unwrap_or_else(PoisonError::into_inner);
        guard.left -= 1;
        match outcome {
            Ok(refusals) => {
                guard.refused += refusals.len();
                guard.first_refusal = guard.first_refusal.take().or_else(|| refusals.into_iter().next());
            }
            Err(error) => guard.broken = Some(error.to_string()),
        }
        for follower in &followers[index] {
            guard.waiting[*follower] -= 1;
            if guard.waiting[*follower] == 0 {
                guard.ready.push(Reverse(*follower));
                changed.notify_one();
            }
        }
        if guard.left == 0 {
            changed.notify_all();
        }
    }
}
