//! Compares pages of the product list through the gateway with the same statement in `pgbench`.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;

use crate::client::Connection;
use crate::cluster::Server;
use crate::fleet::{Fleet, Tenant};
use crate::load::{Visitor, Visits, closed, open};
use crate::machine::{Cpu, Meter};
use crate::pgbench::{CLIENTS, Reached, Script};
use crate::plan::Plan;
use crate::record::Recording;
use crate::{Outcome, client};

const PAGE: &str = "/v1/catalog/products?limit=20";
const ROLE: &str = "bloom_catalog";
const SCHEMA: &str = "catalog";
/// Number of pages that a visitor reads, one after the other.
const PAGES: usize = 25;
/// Enough that a slow response delays no other reader.
const READERS: usize = 32;

/// Reads pages, or revalidates them.
struct Reader {
    connection: Connection,
    key: String,
    paths: Vec<String>,
    next: usize,
    /// The `ETag` of the last response.
    seen: Option<String>,
}

impl Reader {
    fn request(&self, path: &str) -> Outcome<Request<Full<Bytes>>> {
        let request = self.connection.request(Method::GET, path, &self.key);
        let request = match &self.seen {
            Some(tag) => request.header(header::IF_NONE_MATCH, tag),
            None => request,
        };
        Ok(request.body(Full::default())?)
    }
}

impl Visitor for Reader {
    async fn turn(&mut self) -> Outcome {
        let request = self.request(&self.paths[self.next])?;
        self.next = (self.next + 1) % self.paths.len();
        let answer = self.connection.send(request).await?;
        answer.expect(if self.seen.is_some() { 304 } else { 200 })?;
        Ok(())
    }
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    pub(crate) rate: f64,
    pub(crate) cpu: Cpu,
}

/// The results for the list rows of the report.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) pages: Vec<Side>,
    pub(crate) unchanged: Vec<Side>,
    pub(crate) sql: Vec<Side>,
}

pub(crate) struct Lists<'a> {
    pub(crate) server: &'a Server,
    pub(crate) fleet: &'a Fleet,
    pub(crate) tenant: &'a Tenant,
    pub(crate) plan: Plan,
}

impl Lists<'_> {
    fn readers(&self, count: usize, paths: &[String], seen: Option<&str>) -> Vec<Reader> {
        (0..count)
            .map(|number| Reader {
                connection: Connection::to(&self.fleet.address),
                key: self.tenant.secret_key.clone(),
                paths: paths.to_vec(),
                next: number % paths.len(),
                seen: seen.map(str::to_owned),
            })
            .collect()
    }

    async fn measure(&self, seen: Option<&str>) -> Outcome<Side> {
        let mut readers = self.readers(CLIENTS, &[PAGE.to_owned()], seen);
        closed(&mut readers, Duration::from_millis(500)).await.valid("warming up")?;
        let meter = Meter::start(self.server.pid, Some(self.fleet.pid()));
        let visits = closed(&mut readers, self.plan.turn).await.valid("the list")?;
        let (cpu, _) = meter.stop();
        Ok(Side { rate: visits.rate(), cpu: cpu.per(visits.done) })
    }

    /// Rows "list" and "list, unchanged": A is the platform, B is `pgbench`.
    pub(crate) async fn compare(&self) -> Outcome<Listed> {
        let tag = self.tag().await?;
        let script = self.script().await?;
        let seconds = self.plan.turn.as_secs();
        let mut listed = Listed { pages: vec![], unchanged: vec![], sql: vec![] };
        for _ in 0..self.plan.rounds {
            listed.pages.push(self.measure(None).await?);
            listed.sql.push(script.run(self.server, seconds)?.into());
            listed.unchanged.push(self.measure(Some(&tag)).await?);
            listed.sql.push(script.run(self.server, seconds)?.into());
            listed.pages.push(self.measure(None).await?);
        }
        Ok(listed)
    }

    async fn tag(&self) -> Outcome<String> {
        let mut readers = self.readers(1, &[PAGE.to_owned()], None);
        let request = readers[0].request(PAGE)?;
        let answer = readers[0].connection.send(request).await?;
        answer.expect(200)?;
        Ok(answer.header(header::ETAG).to_owned())
    }

    /// The statement of a page, as the platform sends it.
    async fn script(&self) -> Outcome<Script> {
        let from = self.server.log_end();
        self.server.log_statements(true)?;
        let mut found = None;
        client::eventually("the statement of a page is logged", Duration::from_secs(10), async || {
            self.tag().await?;
            let recording = Recording::read(&self.server.log(), from, self.server.log_end(), 0)?;
            found = recording
                .units
                .iter()
                .filter(|unit| recording.roles[unit.role] == ROLE)
                .flat_map(|unit| &unit.statements)
                .find(|statement| recording.texts[statement.text].contains("from listing_entry"))
                .map(|statement| {
                    Script::new(ROLE, SCHEMA, &self.tenant.id.to_string(), &recording.texts[statement.text], statement)
                });
            Ok(found.is_some())
        })
        .await?;
        self.server.log_statements(false)?;
        found.ok_or_else(|| "a page without a statement".into())
    }

    /// Paths of the first pages, using the platform's cursors.
    async fn paths(&self) -> Outcome<Vec<String>> {
        let mut paths = vec![PAGE.to_owned()];
        let mut reader = self.readers(1, &paths, None).remove(0);
        while paths.len() < PAGES {
            let request = reader.request(&paths[paths.len() - 1])?;
            let answer = reader.connection.send(request).await?;
            let page: serde_json::Value = serde_json::from_slice(answer.expect(200)?)?;
            let Some(next) = page["page"]["next"].as_str() else { break };
            paths.push(format!("{PAGE}&cursor={next}"));
        }
        Ok(paths)
    }

    /// Response times of pages at half of the maximum rate, or at the given one.
    pub(crate) async fn wait(&self, rate: Option<f64>) -> Outcome<(f64, Visits)> {
        let paths = self.paths().await?;
        let rate = match rate {
            Some(rate) => rate,
            None => self.measure(None).await?.rate / 2.0,
        };
        let mut readers = self.readers(READERS, &paths, None);
        closed(&mut readers, Duration::from_millis(500)).await.valid("warming up")?;
        let visits = open(&mut readers, rate, self.plan.turn * 2).await.valid("pages at a rate")?;
        Ok((rate, visits))
    }
}

impl From<Reached> for Side {
    fn from(reached: Reached) -> Self {
        Self { rate: reached.rate, cpu: reached.cpu }
    }
}
