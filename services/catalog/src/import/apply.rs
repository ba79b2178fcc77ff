//! Applies one chunk to the catalogue, in one transaction with its checkpoint. A line is applied as a whole or not at all.

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ImportId, ProductId};
use bloom_runtime::RequestContext;

use super::bisect::Parts;
use super::line::{ImportLine, NumberedLine};
use super::model::{ImportStatus, LineError, PushLine, PushPrice, PushStock, lines_of, report, violations};
use super::references::{Answers, Foreign, Lookup, foreign_references, names};
use super::store::{Applied, SpooledChunk, chunk_applied, chunk_body, error_insert, import_lock};
use super::workspace::Workspace;
use crate::Catalog;
use crate::listing::{listing_refresh, product_lock, topology_share};
use crate::product::{Product, product_find, product_load, product_write};

/// The result of applying some lines.
#[derive(Default)]
struct Outcome {
    applied: Applied,
    errors: Vec<LineError>,
    push: Vec<PushLine>,
}

enum Step {
    NothingLeft,
    Applied,
    /// These references must be looked up at their owners first; the transaction was rolled back.
    MissingReferences(Foreign),
}

/// How the lines of a chunk are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// All at once.
    Whole,
    /// In parts, to find the lines that the database refuses.
    Bisect,
}

/// Applies the next chunk of an import. False when none is left.
pub(super) async fn apply_next(app: &Catalog, context: &RequestContext, id: ImportId) -> Result<bool, Fault> {
    let mut answers = Answers::default();
    loop {
        let whole = apply_chunk(app, context, id, Mode::Whole, &answers).await.map_err(|fault| app.db.explain(fault));
        let step = match whole {
            // Another transaction wrote in between, or two lines conflict in a way that only the database detects. The second try
            // begins without locks and sees the other's rows; what is refused again is bisected.
            Err(fault) if is_refusal(&fault) => apply_chunk(app, context, id, Mode::Bisect, &answers).await?,
            other => other?,
        };
        match step {
            Step::NothingLeft => return Ok(false),
            Step::Applied => return Ok(true),
            Step::MissingReferences(missing) => answers.look_up(app, context, missing).await?,
        }
    }
}

/// Whether a line is the cause, because a constraint refused it. Any other fault is a fault of the service.
fn is_refusal(fault: &Fault) -> bool {
    fault.code.status().is_client_error() && !(fault.code == Code::Conflict && fault.reason == "busy")
}

async fn apply_chunk(
    app: &Catalog,
    context: &RequestContext,
    id: ImportId,
    mode: Mode,
    answers: &Answers,
) -> Result<Step, Fault> {
    let mut tx = app.db.write(context).await?;
    let Some(job) = import_lock(&mut tx, id).await? else { return Ok(Step::NothingLeft) };
    if job.import.status != ImportStatus::Running || job.chunks <= job.next_chunk {
        return Ok(Step::NothingLeft);
    }
    let Some(chunk) = chunk_body(&mut tx, id, job.next_chunk).await? else { return Ok(Step::NothingLeft) };
    let mut outcome = Outcome::default();
    let lines = read(&chunk, &mut outcome);
    let foreign = match foreign_references(&mut tx, &lines, answers).await? {
        Lookup::Complete(foreign) => foreign,
        Lookup::Missing(missing) => return Ok(Step::MissingReferences(missing)),
    };
    topology_share(&mut tx).await?;
    match mode {
        Mode::Whole => apply_lines(&mut tx, &foreign, &lines, &mut outcome).await?,
        Mode::Bisect => apply_parts(app, &mut tx, &foreign, &lines, &mut outcome).await?,
    }
    outcome.applied.lines = i64::from(chunk.lines);
    outcome.applied.failed = lines_of(&outcome.errors);
    error_insert(&mut tx, id, &outcome.errors).await?;
    let push = (!outcome.push.is_empty()).then(|| serde_json::to_string(&outcome.push)).transpose().map_err(Fault::internal)?;
    let now = tx.now();
    chunk_applied(&mut tx, id, chunk.seq, &outcome.applied, push.as_deref(), now).await?;
    app.lists_changed(&mut tx);
    tx.commit().await?;
    Ok(Step::Applied)
}

fn read(chunk: &SpooledChunk, outcome: &mut Outcome) -> Vec<NumberedLine> {
    let mut lines = Vec::new();
    for (nr, text) in (chunk.first_line..).zip(chunk.body.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        match ImportLine::parse(text) {
            Ok(line) => lines.push(NumberedLine { nr, line }),
            Err(violations) => outcome.errors.extend(report(nr, violations)),
        }
    }
    lines
}

/// Parts of the lines, each after a savepoint; a line that the database refuses is reported.
async fn apply_parts(
    app: &Catalog,
    tx: &mut TenantTx,
    foreign: &Foreign,
    lines: &[NumberedLine],
    outcome: &mut Outcome,
) -> Result<(), Fault> {
    let mut parts = Parts::new(lines.len());
    while let Some(part) = parts.pop() {
        let mut of_part = Outcome::default();
        let lines_of_part = &lines[part.clone()];
        let applied = tx.part(async |tx| {
            let applied = apply_lines(tx, foreign, lines_of_part, &mut of_part).await;
            applied.map_err(|fault| app.db.explain(fault))
        });
        match applied.await {
            Ok(()) => {
                outcome.applied.created += of_part.applied.created;
                outcome.applied.updated += of_part.applied.updated;
                outcome.errors.append(&mut of_part.errors);
                outcome.push.append(&mut of_part.push);
            }
            Err(fault) if is_refusal(&fault) => {
                if let Some(line) = parts.refused(part) {
                    outcome.errors.extend(report(lines[line].nr, violations(&fault)));
                }
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// All lines in a fixed number of statements.
async fn apply_lines(tx: &mut TenantTx, foreign: &Foreign, lines: &[NumberedLine], outcome: &mut Outcome) -> Result<(), Fault> {
    let existing = existing_products(tx, lines).await?;
    let mut names = names(tx, lines, &existing, foreign).await?;
    let created_categories = std::mem::take(&mut names.created_categories);
    let mut workspace = Workspace::new(names, existing);
    let mut good = Vec::new();
    for line in lines {
        match workspace.apply(&line.line, tx) {
            Ok(()) => good.push(line),
            Err(violations) => outcome.errors.extend(report(line.nr, violations)),
        }
    }
    let (mut changed, created) = workspace.changed();
    // Two imports of the same new products wait for each other at the first of them, which rules out a deadlock.
    changed.sort_by(|one, other| one.external_id.cmp(&other.external_id));
    let ids: Vec<ProductId> = changed.iter().map(|product| product.id).collect();
    product_write(tx, &changed).await?;
    listing_refresh(tx, &ids).await?;
    for category in &created_categories {
        tx.publish(category);
    }
    for product in &changed {
        tx.publish(*product);
    }
    tx.flush_if_large().await?;
    outcome.applied.created += created;
    outcome.applied.updated += i64::try_from(ids.len()).unwrap_or_default() - created;
    outcome.push.extend(good.into_iter().filter_map(|line| push_line(line, &workspace)));
    Ok(())
}

/// The products that the lines identify, locked.
async fn existing_products(tx: &mut TenantTx, lines: &[NumberedLine]) -> Result<Vec<Product>, Fault> {
    let external: Vec<String> = lines.iter().filter_map(|line| line.line.external_id.as_ref()).map(ToString::to_string).collect();
    let variants = || lines.iter().flat_map(|line| &line.line.variants);
    let skus: Vec<String> = variants().map(|variant| variant.sku.to_string()).collect();
    let variant_external: Vec<String> =
        variants().filter_map(|variant| variant.external_id.as_ref()).map(ToString::to_string).collect();
    let found = product_find(tx, &external, &skus, &variant_external).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let ids = product_lock(tx, &found).await?;
    Ok(product_load(tx, &ids).await?)
}

fn push_line(line: &NumberedLine, workspace: &Workspace) -> Option<PushLine> {
    let mut push = PushLine { line: line.nr, prices: Vec::new(), stock: Vec::new() };
    for (index, imported) in line.line.variants.iter().enumerate() {
        let Some(variant) = workspace.variant(&imported.sku).map(|id| id.to_string()) else { continue };
        push.prices.extend(imported.prices.iter().enumerate().map(|(nr, price)| PushPrice {
            at: format!("/variants/{index}/prices/{nr}"),
            variant: variant.clone(),
            currency: price.currency().to_string(),
            amount: price.amount(),
        }));
        push.stock.extend(imported.stock.iter().enumerate().map(|(nr, stock)| PushStock {
            at: format!("/variants/{index}/stock/{nr}"),
            variant: variant.clone(),
            location: stock.location.to_string(),
            on_hand: stock.on_hand.get(),
        }));
    }
    (!push.prices.is_empty() || !push.stock.is_empty()).then_some(push)
}
