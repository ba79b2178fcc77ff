//! Measures the time from the commit of a price change to the commit of the list row that shows it, by PostgreSQL's
//! commit times.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bloom_kernel::PriceId;
use bytes::Bytes;
use http::{Method, header};
use http_body_util::Full;
use uuid::Uuid;

use crate::Outcome;
use crate::client::{Connection, eventually};
use crate::cluster::Server;
use crate::fleet::{Fleet, Tenant};
use crate::load::{Visitor, open};
use crate::machine::{Cpu, Meter};
use crate::plan::Plan;

/// Changes per second that reach the list.
const RATE: u32 = 500;
const MERCHANTS: usize = 32;
const SETTLE: Duration = Duration::from_mins(1);

/// A price to be changed once.
struct Change {
    path: String,
    version: String,
    amount: u64,
}

/// Changes one price after the other; all merchants share the list of remaining prices.
struct Merchant {
    connection: Connection,
    key: String,
    changes: Rc<RefCell<VecDeque<Change>>>,
}

impl Visitor for Merchant {
    async fn turn(&mut self) -> Outcome {
        let change = self.changes.borrow_mut().pop_front().ok_or("no price is left to change")?;
        let body = format!(r#"{{"price":{{"amount":{},"currency":"INR"}}}}"#, change.amount);
        let request = self
            .connection
            .request(Method::PATCH, &change.path, &self.key)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::IF_MATCH, change.version);
        self.connection.send(request.body(Full::new(Bytes::from(body)))?).await?.expect(200)?;
        Ok(())
    }
}

/// How long changes took to arrive, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    pub(crate) changes: u64,
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) longest: f64,
    /// CPU per change.
    pub(crate) cpu: Cpu,
}

/// Changes each price once at a steady rate, and reads when each change was committed and when the list showed it.
pub(crate) async fn measure(server: &Server, fleet: &Fleet, tenant: &Tenant, plan: Plan) -> Outcome<Arrived> {
    let count = u64::from(RATE) * plan.changes.as_secs();
    let changes = prices(server, tenant.id, count)?;
    let changes = Rc::new(RefCell::new(changes));
    let mut merchants: Vec<Merchant> = (0..MERCHANTS)
        .map(|_| Merchant {
            connection: Connection::to(&fleet.address),
            key: tenant.secret_key.clone(),
            changes: changes.clone(),
        })
        .collect();
    let meter = Meter::start(server.pid, Some(fleet.pid()));
    let visits = open(&mut merchants, f64::from(RATE), plan.changes).await.valid("price changes")?;
    let shown = shown(tenant.id, count);
    eventually("every change reaches the list", SETTLE, async || {
        Ok(server.number(&format!("select count(*) {shown} and l.price_amount = p.amount"))? >= visits.done)
    })
    .await?;
    let (cpu, _) = meter.stop();
    let row = server.rows(&format!(
        "with late as (
             select 1000 * extract(epoch from pg_xact_commit_timestamp(l.xmin) - pg_xact_commit_timestamp(p.xmin)) as ms {shown}
         )
         select count(*), percentile_cont(0.5) within group (order by ms), percentile_cont(0.99) within group (order by ms), max(ms)
         from late"
    ))?;
    let [changes, p50, p99, longest] = row.first().map(Vec::as_slice).unwrap_or_default() else {
        return Err("no change was found in the list".into());
    };
    let done = changes.parse()?;
    Ok(Arrived {
        changes: done,
        rate: visits.rate(),
        p50: p50.parse()?,
        p99: p99.parse()?,
        longest: longest.parse()?,
        cpu: cpu.per(done),
    })
}

/// The prices to change: those of the oldest unchanged products.
fn prices(server: &Server, tenant: Uuid, count: u64) -> Outcome<VecDeque<Change>> {
    let rows = server.rows(&format!(
        "select id, version, amount from pricing.price where tenant_id = '{tenant}' and version = 1 order by id limit {count}"
    ))?;
    rows.iter()
        .map(|row| {
            let [id, version, amount] = row.as_slice() else { return Err("a price has three columns".into()) };
            let id = PriceId::from_uuid(id.parse()?);
            Ok(Change {
                path: format!("/v1/pricing/prices/{id}"),
                version: format!("\"{version}\""),
                amount: amount.parse::<u64>()? + 1,
            })
        })
        .collect()
}

/// The query for the changed prices and what the list shows.
fn shown(tenant: Uuid, count: u64) -> String {
    format!(
        "from (select * , xmin from pricing.price where tenant_id = '{tenant}' and version = 2 order by updated_at desc limit {count}) p
         join catalog.variant v on v.tenant_id = p.tenant_id and v.id = p.variant_id
         join catalog.listing l on l.tenant_id = v.tenant_id and l.product_id = v.product_id
         where true"
    )
}
