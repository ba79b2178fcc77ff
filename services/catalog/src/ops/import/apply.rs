//! One chunk to the catalogue, in one transaction with its checkpoint.

use std::collections::{BTreeMap, BTreeSet};

use bloom_db::TenantTx;
use bloom_fault::{Code, Fault, Violation};
use bloom_kernel::{CategoryId, ImportId, ProductId, TaxClassId, Timestamp};
use bloom_runtime::RequestContext;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::working::{Names, Working, violations};
use crate::Catalog;
use crate::channels::CHANNELS_MAX;
use crate::domain::category::{Category, CategoryCreate, DEPTH_MAX, check_name};
use crate::domain::check::Checks;
use crate::domain::import::{ImportStatus, LINE_ERRORS_MAX, LineError};
use crate::domain::import_line::ImportLine;
use crate::domain::import_parts::Parts;
use crate::domain::product::Product;
use crate::error::refused;
use crate::events::{tell_categories, tell_products};
use crate::ops::known::tax_classes_ask;
use crate::store::After;
use crate::store::category::{category_insert, category_paths};
use crate::store::channel::channel_list;
use crate::store::heard::tax_class_known;
use crate::store::import::{Applied, SpooledChunk, chunk_applied, chunk_body, error_insert, import_lock};
use crate::store::listing::{listing_refresh, topology_share};
use crate::store::product::{product_find, product_load, product_lock, product_write};
use crate::store::product_type::product_type_named;

/// A line of a chunk with its number.
struct Line {
    nr: i64,
    line: ImportLine,
}

/// What pricing and inventory are still to be told of a line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PushLine {
    pub(super) line: i64,
    pub(super) prices: Vec<PushPrice>,
    pub(super) stock: Vec<PushStock>,
}

/// A price of a variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PushPrice {
    /// Where it stands in the line.
    pub(super) at: String,
    pub(super) variant: String,
    pub(super) currency: String,
    pub(super) amount: i64,
}

/// Stock of a variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PushStock {
    /// Where it stands in the line.
    pub(super) at: String,
    pub(super) variant: String,
    pub(super) location: String,
    pub(super) on_hand: i64,
}

/// What came of some lines.
#[derive(Default)]
struct Outcome {
    applied: Applied,
    errors: Vec<LineError>,
    push: Vec<PushLine>,
}

/// What became of the next chunk.
enum Step {
    /// There is none.
    Nothing,
    Applied,
    /// Its lines name tax classes that no event has told of yet. It was let go: nobody is asked inside a transaction.
    Ask(BTreeSet<TaxClassId>),
}

/// What pricing has answered.
#[derive(Default)]
struct Told {
    asked: BTreeSet<TaxClassId>,
    known: Vec<TaxClassId>,
}

/// Applies the next chunk of an import. False when there is none.
pub async fn apply_next(app: &Catalog, call: &RequestContext, id: ImportId) -> Result<bool, Fault> {
    let mut told = Told::default();
    loop {
        let step = match apply_chunk(app, call, id, Way::Together, &told).await {
            // Somebody else wrote in between, or two lines are at odds in a way that only the database sees. All locks are
            // let go; in the next try the other's rows are there to be changed, and what is refused still is taken apart.
            Err(fault) if line_is_at_fault(&fault) => apply_chunk(app, call, id, Way::InParts, &told).await?,
            other => other?,
        };
        match step {
            Step::Nothing => return Ok(false),
            Step::Applied => return Ok(true),
            Step::Ask(classes) => {
                told.known.extend(tax_classes_ask(app, call, &classes).await?);
                told.asked.extend(classes);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Together,
    InParts,
}

/// A refusal by a constraint is one of the line; anything else is ours.
fn line_is_at_fault(fault: &Fault) -> bool {
    fault.code.status().is_client_error() && !(fault.code == Code::Conflict && fault.reason == "busy")
}

async fn apply_chunk(app: &Catalog, call: &RequestContext, id: ImportId, way: Way, told: &Told) -> Result<Step, Fault> {
    let mut tx = app.db.write(call).await?;
    let Some(job) = import_lock(&mut tx, id).await? else { return Ok(Step::Nothing) };
    if job.import.status != ImportStatus::Running || job.chunks <= job.next_chunk {
        return Ok(Step::Nothing);
    }
    let Some(chunk) = chunk_body(&mut tx, id, job.next_chunk).await? else { return Ok(Step::Nothing) };
    let now = app.host.now(call.tenant);
    let mut outcome = Outcome::default();
    let lines = read(&chunk, &mut outcome);
    let named = tax_classes_named(&lines);
    let mut classes = told.known.clone();
    classes.extend(tax_classes_heard(&mut tx, &named).await?);
    let unheard: BTreeSet<_> = named.into_iter().filter(|id| !classes.contains(id) && !told.asked.contains(id)).collect();
    if !unheard.is_empty() {
        return Ok(Step::Ask(unheard));
    }
    topology_share(&mut tx, call.tenant).await?;
    match way {
        Way::Together => apply_lines(app, call, &mut tx, &lines, &classes, now, &mut outcome).await?,
        Way::InParts => apply_parts(app, call, &mut tx, &lines, &classes, now, &mut outcome).await?,
    }
    outcome.applied.lines = i64::from(chunk.lines);
    outcome.applied.failed = failed(&outcome.errors);
    error_insert(&mut tx, call.tenant, id, &outcome.errors).await?;
    let push = (!outcome.push.is_empty()).then(|| serde_json::to_string(&outcome.push)).transpose().map_err(Fault::internal)?;
    chunk_applied(&mut tx, id, chunk.seq, &outcome.applied, push.as_deref(), now).await?;
    tx.commit().await?;
    Ok(Step::Applied)
}

/// How many lines the errors are about.
pub(super) fn failed(errors: &[LineError]) -> i64 {
    let lines: BTreeSet<i64> = errors.iter().map(|error| error.line).collect();
    i64::try_from(lines.len()).unwrap_or_default()
}

/// Violations as lines of the report.
pub(super) fn report(line: i64, violations: Vec<Violation>) -> impl Iterator<Item = LineError> {
    violations.into_iter().take(LINE_ERRORS_MAX).map(move |Violation { pointer, code, message }| {
        // NUL, which the database cannot hold, may stand in a quoted name.
        LineError { line, pointer: pointer.replace('\0', ""), code, message: message.replace('\0', "") }
    })
}

fn read(chunk: &SpooledChunk, outcome: &mut Outcome) -> Vec<Line> {
    let mut lines = Vec::new();
    for (nr, text) in (chunk.first_line..).zip(chunk.body.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let line = ImportLine::parse(text).map_err(|violation| vec![violation]);
        match line.and_then(|line| line.check_keys().map(|()| line)) {
            Ok(line) => lines.push(Line { nr, line }),
            Err(violations) => outcome.errors.extend(report(nr, violations)),
        }
    }
    lines
}

/// Parts of the lines, each behind a savepoint: what the database refuses goes into the report.
async fn apply_parts(
    app: &Catalog,
    call: &RequestContext,
    tx: &mut TenantTx,
    lines: &[Line],
    classes: &[TaxClassId],
    now: Timestamp,
    outcome: &mut Outcome,
) -> Result<(), Fault> {
    let mut parts = Parts::new(lines.len());
    while let Some(part) = parts.pop() {
        sqlx::query("savepoint part").execute(&mut **tx).await?;
        let mut one = Outcome::default();
        match apply_lines(app, call, tx, &lines[part.clone()], classes, now, &mut one).await {
            Ok(()) => {
                outcome.applied.created += one.applied.created;
                outcome.applied.updated += one.applied.updated;
                outcome.errors.append(&mut one.errors);
                outcome.push.append(&mut one.push);
            }
            Err(fault) if line_is_at_fault(&fault) => {
                sqlx::query("rollback to savepoint part").execute(&mut **tx).await?;
                if let Some(line) = parts.refused(part) {
                    outcome.errors.extend(report(lines[line].nr, violations(&fault)));
                }
            }
            Err(fault) => return Err(fault),
        }
        sqlx::query("release savepoint part").execute(&mut **tx).await?;
    }
    Ok(())
}

/// All lines in a handful of statements, however many they are.
async fn apply_lines(
    app: &Catalog,
    call: &RequestContext,
    tx: &mut TenantTx,
    lines: &[Line],
    classes: &[TaxClassId],
    now: Timestamp,
    outcome: &mut Outcome,
) -> Result<(), Fault> {
    let present = present(tx, lines).await?;
    let mut names = names(app, call, tx, lines, &present, now).await?;
    names.tax_classes = classes.to_vec();
    let mut working = Working::new(&app.host, call, names, present);
    let mut good = Vec::new();
    for line in lines {
        match working.apply(&line.line, now) {
            Ok(()) => good.push(line),
            Err(violations) => outcome.errors.extend(report(line.nr, violations)),
        }
    }
    let (mut changed, created) = working.changed();
    // Two imports of the same new products wait for one another at the first of them, and not each for the other.
    changed.sort_by(|one, other| one.external_id.cmp(&other.external_id));
    let ids: Vec<ProductId> = changed.iter().map(|product| product.id).collect();
    product_write(tx, call.tenant, &changed).await.map_err(refused)?;
    listing_refresh(tx, &ids).await?;
    tell_products(tx, &app.host, call, &changed).await?;
    outcome.applied.created += created;
    outcome.applied.updated += i64::try_from(ids.len()).unwrap_or_default() - created;
    outcome.push.extend(good.into_iter().filter_map(|line| push_line(line, &working)));
    Ok(())
}

fn tax_classes_named(lines: &[Line]) -> BTreeSet<TaxClassId> {
    lines.iter().flat_map(|line| &line.line.variants).filter_map(|variant| variant.tax_class_id).collect()
}

/// Those of the tax classes that events have told of.
async fn tax_classes_heard(tx: &mut TenantTx, named: &BTreeSet<TaxClassId>) -> Result<Vec<TaxClassId>, Fault> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = named.iter().map(|id| id.uuid()).collect();
    Ok(tax_class_known(tx, &ids).await?)
}

/// The products that the lines speak of, locked.
async fn present(tx: &mut TenantTx, lines: &[Line]) -> Result<Vec<Product>, Fault> {
    let external: Vec<String> = lines.iter().filter_map(|line| line.line.external_id.clone()).collect();
    let variants = || lines.iter().flat_map(|line| &line.line.variants);
    let skus: Vec<String> = variants().map(|variant| variant.sku.clone()).collect();
    let variant_external: Vec<String> = variants().filter_map(|variant| variant.external_id.clone()).collect();
    let found = product_find(tx, &external, &skus, &variant_external).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let ids = product_lock(tx, &found).await?;
    Ok(product_load(tx, &ids).await?)
}

async fn names(
    app: &Catalog,
    call: &RequestContext,
    tx: &mut TenantTx,
    lines: &[Line],
    present: &[Product],
    now: Timestamp,
) -> Result<Names, Fault> {
    let mut names = Names::default();
    let codes: BTreeSet<String> = lines.iter().filter_map(|line| line.line.product_type.clone()).collect();
    let ids: BTreeSet<Uuid> = present.iter().filter_map(|product| Some(product.product_type_id?.uuid())).collect();
    if !codes.is_empty() || !ids.is_empty() {
        let (codes, ids): (Vec<_>, Vec<_>) = (codes.into_iter().collect(), ids.into_iter().collect());
        names.types = product_type_named(tx, &codes, &ids).await?;
    }
    let start = After { tenant: call.tenant, id: Uuid::nil() };
    for (_, channel) in channel_list(tx, start, CHANNELS_MAX).await? {
        if channel.is_default {
            names.default_channels.push(channel.id);
        }
        names.channels.insert(channel.code, channel.id);
    }
    names.categories = categories(app, call, tx, lines, now).await?;
    Ok(names)
}

/// The categories that the lines name by well-formed paths; what does not exist is created.
async fn categories(
    app: &Catalog,
    call: &RequestContext,
    tx: &mut TenantTx,
    lines: &[Line],
    now: Timestamp,
) -> Result<BTreeMap<String, CategoryId>, Fault> {
    let mut paths = BTreeSet::new();
    for path in lines.iter().flat_map(|line| line.line.categories.iter().flatten()) {
        if well_formed(path) {
            let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
            paths.extend(ends.map(|end| path[..end].to_owned()));
        }
    }
    if paths.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted: Vec<String> = paths.iter().cloned().collect();
    let mut known: BTreeMap<String, CategoryId> = category_paths(tx, &wanted).await?.into_iter().collect();
    let mut created = Vec::new();
    // A path sorts before those that it begins, so a parent is there before its children.
    for path in wanted {
        if known.contains_key(&path) {
            continue;
        }
        let (above, name) = path.rsplit_once('/').map_or((None, path.as_str()), |(above, name)| (Some(above), name));
        let input = CategoryCreate {
            parent_id: above.and_then(|above| known.get(above)).copied(),
            name: name.to_owned(),
            position: 0,
            metadata: bloom_kernel::Metadata::default(),
        };
        let category = Category::create(app.host.id(call.tenant), input, now)?;
        category_insert(tx, call.tenant, &category).await.map_err(refused)?;
        known.insert(path, category.id);
        created.push(category);
    }
    tell_categories(tx, &app.host, call, &created).await?;
    Ok(known)
}

fn well_formed(path: &str) -> bool {
    let mut checks = Checks::default();
    for name in path.split('/') {
        check_name("", name, &mut checks);
    }
    path.split('/').count() <= DEPTH_MAX && checks.into_violations().is_empty()
}

fn push_line(line: &Line, working: &Working<'_>) -> Option<PushLine> {
    let mut push = PushLine { line: line.nr, prices: Vec::new(), stock: Vec::new() };
    for (index, told) in line.line.variants.iter().enumerate() {
        let Some(variant) = working.variant(&told.sku).map(|id| id.to_string()) else { continue };
        push.prices.extend(told.prices.iter().enumerate().map(|(nr, price)| PushPrice {
            at: format!("/variants/{index}/prices/{nr}"),
            variant: variant.clone(),
            currency: price.currency().to_string(),
            amount: price.amount(),
        }));
        push.stock.extend(told.stock.iter().enumerate().map(|(nr, stock)| PushStock {
            at: format!("/variants/{index}/stock/{nr}"),
            variant: variant.clone(),
            location: stock.location.clone(),
            on_hand: stock.on_hand,
        }));
    }
    (!push.prices.is_empty() || !push.stock.is_empty()).then_some(push)
}
