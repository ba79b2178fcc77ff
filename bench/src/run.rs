//! Runs the benchmark.

use std::path::PathBuf;

use bloom_kernel::VariantId;
use serde_json::json;

use crate::client::Api;
use crate::cluster::Server;
use crate::events::{self, Arrived};
use crate::fleet::{Fleet, Launcher, Tenant};
use crate::front::{self, Compared};
use crate::list::{Listed, Lists, Side};
use crate::machine::{Cpu, memory_mb};
use crate::orders::{Orders, Purchases};
use crate::plan::{Arguments, Part, Plan};
use crate::report::{Report, Row, Wanted, median, number};
use crate::shop::{self, Imported};
use crate::{Outcome, load};

/// Number of variants that are bought.
const BOUGHT: u32 = 20_000;

pub(crate) async fn run(arguments: &Arguments) -> Outcome {
    let checkout = checkout()?;
    let program = arguments.program()?;
    step("PostgreSQL of the bench's own");
    let server = Server::start(&checkout)?;
    let state = checkout.join(".bloom/bench");
    if state.exists() {
        std::fs::remove_dir_all(&state)?;
    }
    let launcher = Launcher { program, state, database_url: server.url() };
    let mut report = Report::default();
    let outcome = Run { arguments, plan: arguments.plan(), server: &server, launcher: &launcher }.all(&mut report).await;
    if !arguments.keep {
        server.erase()?;
    }
    outcome?;
    if arguments.quick {
        report.note("A quick run: it shows that the benchmark works; its results mean little.");
    }
    report.print();
    report.write(&checkout.join("bench/latest.json"))
}

/// The folder that this program was built from, otherwise the current one.
fn checkout() -> Outcome<PathBuf> {
    let here = std::env::current_dir()?;
    if here.join("bench").is_dir() { Ok(here) } else { Err("start it with ./dev bench, in the checkout".into()) }
}

fn step(what: &str) {
    println!("▸ {what}");
}

struct Run<'a> {
    arguments: &'a Arguments,
    plan: Plan,
    server: &'a Server,
    launcher: &'a Launcher,
}

impl Run<'_> {
    async fn all(&self, report: &mut Report) -> Outcome {
        step("the platform, with an empty database");
        let mut fleet = self.launcher.start().await?;
        tokio::time::sleep(self.plan.rest).await;
        let idle = memory_mb(fleet.pid(), "VmRSS")?;
        report.rows.push(Row::new("memory of `bloom` at rest", idle, "MB", Wanted::AtMost { must: 250.0, aim: 250.0 }));

        step("two merchants");
        let (big, small) = (self.launcher.found("Large")?, self.launcher.found("Small")?);
        let option = shop::open(&mut Api::new(&fleet.address, &big.secret_key)).await?;
        shop::open(&mut Api::new(&fleet.address, &small.secret_key)).await?;
        shop::import(self.server, &fleet, &small, 0, self.plan.products_small).await?;
        self.catalogue(report, &fleet, &big).await?;
        if self.arguments.wants(Part::Events) {
            step("price changes on their way to the list");
            let arrived = events::measure(self.server, &fleet, &big, self.plan).await?;
            of_events(report, &arrived);
        }
        if self.arguments.wants(Part::Orders) {
            step("purchases, and their statements again");
            let mut orders = Orders {
                server: self.server,
                launcher: self.launcher,
                tenant: &big,
                option: &option,
                plan: self.plan,
                variants: self.variants(&big)?,
                groups: 0,
            };
            let purchases;
            (purchases, fleet) = orders.compare(fleet).await?;
            of_orders(report, &purchases);
        }
        if self.arguments.wants(Part::Front) {
            step("the gateway beside HAProxy");
            let compared = front::compare(self.server, self.launcher, &fleet, &big, self.plan).await?;
            of_front(report, &compared);
        }
        let loaded = memory_mb(fleet.pid(), "VmRSS")?;
        report.note(format!("Memory of `bloom` at the end: {} MB.", number(loaded)));
        fleet.stop()
    }

    /// Imports the products in two parts, and measures the list after each.
    async fn catalogue(&self, report: &mut Report, fleet: &Fleet, big: &Tenant) -> Outcome {
        let Plan { products_first, products, .. } = self.plan;
        let lists = Lists { server: self.server, fleet, tenant: big, plan: self.plan };
        let wanted = self.arguments.wants(Part::List);
        step(&format!("import of {products_first} products"));
        let first = shop::import(self.server, fleet, big, 0, products_first).await?;
        self.server.tidy()?;
        let few = if wanted { Some(lists.wait(None).await?) } else { None };
        step(&format!("import of {} more", products - products_first));
        let second = shop::import(self.server, fleet, big, products_first, products).await?;
        of_import(report, &first, &second);
        self.server.tidy()?;
        let Some((rate, few)) = few else { return Ok(()) };
        step("pages of the list");
        let (_, many) = lists.wait(Some(rate)).await?;
        of_wait(report, rate, products_first, &few, products, &many);
        let listed = lists.compare().await?;
        of_list(report, &listed);
        Ok(())
    }

    fn variants(&self, tenant: &Tenant) -> Outcome<Vec<String>> {
        let rows = self
            .server
            .rows(&format!("select id from catalog.variant where tenant_id = '{}' order by id limit {BOUGHT}", tenant.id))?;
        rows.iter().flatten().map(|id| Ok(VariantId::from_uuid(id.parse()?).to_string())).collect()
    }
}

fn of_import(report: &mut Report, first: &Imported, second: &Imported) {
    let rate = f64::from(second.products) / second.seconds;
    let detail = |import: &Imported| {
        format!(
            "{} products ({} MB): imported after {} s, all listed after {} s; {} MB before, {} MB at most",
            import.products,
            number(import.megabytes),
            number(import.seconds),
            number(import.listed),
            number(import.before_mb),
            number(import.peak_mb),
        )
    };
    let cpu = second.cpu.per(u64::from(second.products));
    report
        .rows
        .push(Row::new("import with prices and stock", rate, "products/s", Wanted::Nothing).ours("until applied", Some(cpu)));
    let listed = f64::from(second.products) / second.listed;
    report.rows.push(Row::new("import, until all are listed", listed, "products/s", Wanted::Nothing));
    let grown = second.peak_mb - second.before_mb;
    let wanted = Wanted::AtMost { must: 200.0, aim: 200.0 };
    let small = format!("{} MB with {} products", number(first.peak_mb - first.before_mb), first.products);
    report.rows.push(Row::new("import: memory above rest, at most", grown, "MB", wanted).ours(small, None));
    report.note(detail(first));
    report.note(detail(second));
    report.raw.insert("imports".into(), json!([format!("{first:?}"), format!("{second:?}")]));
}

fn of_wait(report: &mut Report, rate: f64, few_products: u32, few: &load::Visits, products: u32, many: &load::Visits) {
    let [before, after] = [few, many].map(|visits| visits.percentile_ms(99.0));
    let what = format!("list p99 at {products} ÷ at {few_products} products");
    let detail = |visits: &load::Visits| {
        let [p50, p99] = [50.0, 99.0].map(|percent| number(visits.percentile_ms(percent)));
        format!("p50 {p50} ms, p99 {p99} ms")
    };
    let wanted = Wanted::AtMost { must: 1.5, aim: 1.0 };
    let row = Row::new(what, after / before, "", wanted).ours(detail(many), None).peer(detail(few), None);
    report.rows.push(row);
    report.note(format!("List pages came at {}/s, half of what could be had, from 25 consecutive pages.", number(rate)));
}

fn of_list(report: &mut Report, listed: &Listed) {
    let rate = |sides: &[Side]| median(sides.iter().map(|side| side.rate));
    let cpu = |sides: &[Side]| middle(sides.iter().map(|side| side.cpu));
    let detail = |sides: &[Side]| format!("{}/s", number(rate(sides)));
    let sql = rate(&listed.sql);
    let row = |what: &str, sides: &[Side], wanted: Wanted| {
        Row::new(what, rate(sides) / sql, "", wanted)
            .ours(detail(sides), Some(cpu(sides)))
            .peer(format!("pgbench {}", detail(&listed.sql)), Some(cpu(&listed.sql)))
    };
    report.rows.push(row("list of 20, no cache ÷ its SQL", &listed.pages, Wanted::AtLeast { must: 0.35, aim: 0.5 }));
    report.rows.push(row("list of 20, 304 ÷ its SQL", &listed.unchanged, Wanted::AtLeast { must: 1.0, aim: 1.0 }));
    let spread = |sides: &[Side]| sides.iter().map(|side| number(side.rate)).collect::<Vec<_>>().join(", ");
    report.note(format!("A-A: the list gave {} pages/s; pgbench {}.", spread(&listed.pages), spread(&listed.sql)));
    report.raw.insert("list".into(), json!(format!("{listed:?}")));
}

fn of_events(report: &mut Report, arrived: &Arrived) {
    let detail = format!("{} changes at {}/s, longest {} ms", arrived.changes, number(arrived.rate), number(arrived.longest));
    let [fifty, ninety_nine] =
        [(arrived.p50, 20.0), (arrived.p99, 100.0)].map(|(figure, most)| (figure, Wanted::AtMost { must: most, aim: most }));
    report.rows.push(Row::new("commit to list, p50", fifty.0, "ms", fifty.1).ours(detail, Some(arrived.cpu)));
    report.rows.push(Row::new("commit to list, p99", ninety_nine.0, "ms", ninety_nine.1));
    report.raw.insert("events".into(), json!(format!("{arrived:?}")));
}

fn of_orders(report: &mut Report, purchases: &Purchases) {
    let Purchases { bought, replayed, recorded, .. } = purchases;
    let ours = median(bought.iter().map(|bought| bought.rate));
    #[expect(clippy::cast_precision_loss, reason = "counts of a run")]
    let count = *recorded as f64;
    let peer = median(replayed.iter().map(|replayed| count / replayed.seconds));
    let cpu = middle(bought.iter().map(|bought| bought.cpu));
    let peer_cpu = middle(replayed.iter().map(|replayed| replayed.cpu.per(*recorded)));
    let row = Row::new("confirmed orders ÷ their SQL", ours / peer, "", Wanted::AtLeast { must: 0.35, aim: 0.6 });
    report
        .rows
        .push(row.ours(format!("{}/s", number(ours)), Some(cpu)).peer(format!("replay {}/s", number(peer)), Some(peer_cpu)));
    let all_ms = (cpu.fleet + cpu.postgres) / 1_000.0;
    let row = Row::new("CPU of an order, all processes", all_ms, "ms", Wanted::AtMost { must: 6.0, aim: 3.0 });
    report.rows.push(row.ours("fleet and PostgreSQL", None));
    let [p50, p99] = [50.0, 99.0].map(|percent| purchases.at_half.percentile_ms(percent));
    let checkout = load::percentile_ms(&purchases.checkouts, 99.0);
    let row = Row::new("purchase at half load, p99", p99, "ms", Wanted::AtMost { must: 300.0, aim: 300.0 });
    let detail = format!("{}/s; p50 {} ms; checkout alone p99 {} ms", number(purchases.half_rate), number(p50), number(checkout));
    report.rows.push(row.ours(detail, None));
    if let (Some(first), Some(again)) = (bought.first(), replayed.first()) {
        #[expect(clippy::cast_precision_loss, reason = "counts of a run")]
        let [units, statements] = [again.units, again.statements].map(|number| number as f64 / count);
        report.note(format!(
            "An order caused {} statements while it was measured, {} in {} transactions and reads while it was recorded.",
            number(first.statements),
            number(statements),
            number(units)
        ));
    }
    let [wrote, again] = purchases.written;
    report.note(format!(
        "Rows inserted, updated, deleted: {wrote:?} when recorded (start and stop included), {again:?} when replayed."
    ));
    for again in replayed {
        if let Some(refusal) = &again.first_refusal {
            report.note(format!("{} replayed statements were refused, the first with: {refusal}", again.refused));
        }
    }
    report.raw.insert(
        "orders".into(),
        json!({ "bought": format!("{bought:?}"), "replayed": format!("{replayed:?}"), "profile": purchases.profile }),
    );
}

fn of_front(report: &mut Report, compared: &Compared) {
    let per_second = |passed: &[front::Passed]| median(passed.iter().map(|passed| 1e6 / passed.proxy_micros));
    let detail = |passed: &[front::Passed]| {
        let micros = median(passed.iter().map(|passed| passed.proxy_micros));
        let [rate, p99] = [median(passed.iter().map(|passed| passed.rate)), median(passed.iter().map(|passed| passed.p99_ms))];
        format!("{} CPU-µs, {}/s, p99 {} ms", number(micros), number(rate), number(p99))
    };
    let (gateway, haproxy) = (per_second(&compared.gateway), per_second(&compared.haproxy));
    let row = Row::new("gateway ÷ HAProxy, requests per CPU-second", gateway / haproxy, "", Wanted::Nothing);
    report.rows.push(row.ours(detail(&compared.gateway), None).peer(format!("HAProxy {}", detail(&compared.haproxy)), None));
    let load = median(compared.gateway.iter().chain(&compared.haproxy).map(|passed| passed.load_micros));
    report.note(format!("Asking and answering behind both proxies took {} CPU-µs a request.", number(load)));
    report.raw.insert("front".into(), json!(format!("{compared:?}")));
}

fn middle(cpus: impl Iterator<Item = Cpu>) -> Cpu {
    let cpus: Vec<Cpu> = cpus.collect();
    let of = |part: fn(Cpu) -> f64| median(cpus.iter().copied().map(part));
    Cpu { load: of(|cpu| cpu.load), postgres: of(|cpu| cpu.postgres), fleet: of(|cpu| cpu.fleet) }
}
