//! Pushes prices and stock of an applied chunk to pricing and inventory. Setting a price twice is safe; a count of stock is
//! idempotent by its operation id, so that units sold since are not brought back.
//!
//! Locations and amounts are checked before a line is applied. Should an owner still refuse a row, its error in the report says
//! that the product was saved.

use std::collections::{BTreeMap, BTreeSet};

use bloom_contract_inventory::{SetStockRequest, StockRow};
use bloom_contract_pricing::{PriceRow, SetPricesRequest};
use bloom_fault::{Code, Fault};
use bloom_kernel::{ImportId, ViolationCode};
use bloom_runtime::RequestContext;
use uuid::Uuid;

use super::model::{LineError, PushLine, PushPrice, PushStock, lines_of};
use super::store::{chunk_push, chunk_pushed, error_insert};
use crate::Catalog;

/// Ends the message of a row that is refused after its product was saved.
const PRODUCT_SAVED: &str = "The product of the line was saved without it.";
/// Most rows of one request.
const ROWS_MAX: usize = 1_000;

/// Pushes the first applied chunk. False when there is none.
pub(super) async fn push_next(app: &Catalog, context: &RequestContext, id: ImportId) -> Result<bool, Fault> {
    let mut conn = app.db.read(context.tenant).await?;
    let Some((seq, text)) = chunk_push(&mut conn, id).await? else { return Ok(false) };
    drop(conn);
    let lines: Vec<PushLine> = serde_json::from_str(&text).map_err(Fault::internal)?;
    let chunk = format!("{id}-{seq}");
    let (prices, stock) = futures::join!(push_prices(app, context, &lines), push_stock(app, context, &chunk, &lines));
    let mut errors = prices?;
    errors.append(&mut stock?);
    app.db
        .transaction(context, async |tx| {
            let now = tx.now();
            if chunk_pushed(tx, id, seq, lines_of(&errors), now).await? {
                error_insert(tx, id, &errors).await?;
            }
            Ok(())
        })
        .await?;
    Ok(true)
}

/// The rows of all lines; of several rows with one key the last one.
fn latest<'a, T, K: Ord>(
    lines: &'a [PushLine],
    pick: impl Fn(&'a PushLine) -> &'a [T],
    key: impl Fn(&'a T) -> K,
) -> Vec<(i64, &'a T)> {
    let all = lines.iter().flat_map(|line| pick(line).iter().map(move |row| (line.line, row)));
    all.map(|(line, row)| (key(row), (line, row))).collect::<BTreeMap<_, _>>().into_values().collect()
}

async fn push_prices(app: &Catalog, context: &RequestContext, lines: &[PushLine]) -> Result<Vec<LineError>, Fault> {
    let mut errors = Vec::new();
    let rows = latest(lines, |line| &line.prices, |price: &PushPrice| (&price.variant, &price.currency));
    for rows in rows.chunks(ROWS_MAX) {
        let mut rows = rows.to_vec();
        while !rows.is_empty() {
            let prices = rows.iter().map(|(_, price)| price_row(price)).collect();
            let request = app.context.request(context, SetPricesRequest { prices });
            let Err(status) = app.pricing.clone().set_prices(request).await else { break };
            let (bad, good) = split_refused(Fault::from(status), rows, "/prices/")?;
            errors.extend(bad.into_iter().map(|(line, price, why)| line_error(line, price.at.clone(), &why.code, &why.message)));
            rows = good;
        }
    }
    Ok(errors)
}

fn price_row(price: &PushPrice) -> PriceRow {
    PriceRow {
        variant_id: price.variant.clone(),
        price_list_id: String::new(),
        currency: price.currency.clone(),
        amount: price.amount,
        min_quantity: 1,
    }
}

async fn push_stock(app: &Catalog, context: &RequestContext, chunk: &str, lines: &[PushLine]) -> Result<Vec<LineError>, Fault> {
    let mut errors = Vec::new();
    let rows = latest(lines, |line| &line.stock, |stock: &PushStock| (&stock.variant, &stock.location));
    for rows in rows.chunks(ROWS_MAX) {
        let mut rows = rows.to_vec();
        while !rows.is_empty() {
            let stock = rows.iter().map(|(_, stock)| stock_row(stock)).collect();
            // Without the refused rows it is another operation.
            let rows_id = bloom_runtime::request_context::fingerprint(
                "stock",
                &rows.iter().map(|(line, stock)| (line, &stock.at)).collect::<Vec<_>>(),
            );
            let rows_id = Uuid::from_slice(&rows_id[..16]).map_err(Fault::internal)?;
            let request = SetStockRequest { rows: stock, operation_id: format!("{chunk}-{rows_id}") };
            match app.inventory.clone().set_stock(app.context.request(context, request)).await {
                Ok(reply) => {
                    let unknown: BTreeSet<String> = reply.into_inner().unknown_locations.into_iter().collect();
                    let refused = rows.iter().filter(|(_, stock)| unknown.contains(&stock.location));
                    errors.extend(refused.map(|(line, stock)| {
                        let message = format!("There is no location `{}`.", stock.location);
                        line_error(*line, format!("{}/location", stock.at), ViolationCode::Unknown.as_str(), &message)
                    }));
                    break;
                }
                Err(status) => {
                    let (bad, good) = split_refused(Fault::from(status), rows, "/rows/")?;
                    errors.extend(
                        bad.into_iter().map(|(line, stock, why)| line_error(line, stock.at.clone(), &why.code, &why.message)),
                    );
                    rows = good;
                }
            }
        }
    }
    Ok(errors)
}

fn stock_row(stock: &PushStock) -> StockRow {
    StockRow { variant_id: stock.variant.clone(), location_code: stock.location.clone(), on_hand: stock.on_hand }
}

struct Why {
    code: String,
    message: String,
}

type Split<'a, T> = (Vec<(i64, &'a T, Why)>, Vec<(i64, &'a T)>);

/// Splits rows by a refusal: those that it names (all if it names none) and the others. Any other fault is returned, so that
/// the chunk is pushed again.
fn split_refused<'a, T>(fault: Fault, rows: Vec<(i64, &'a T)>, prefix: &str) -> Result<Split<'a, T>, Fault> {
    if !fault.code.status().is_client_error() || matches!(fault.code, Code::RateLimited | Code::Conflict | Code::Unauthenticated)
    {
        return Err(fault);
    }
    let mut named = BTreeMap::new();
    for violation in &fault.errors {
        let index = violation.pointer.strip_prefix(prefix).and_then(|rest| rest.split('/').next()?.parse::<usize>().ok());
        if let Some(index) = index.filter(|index| *index < rows.len()) {
            named.entry(index).or_insert_with(|| (violation.code.clone(), violation.message.clone()));
        }
    }
    let all = (fault.reason.to_string(), fault.public_detail().to_owned());
    let (mut bad, mut good) = (Vec::new(), Vec::new());
    for (index, (line, row)) in rows.into_iter().enumerate() {
        match named.remove(&index) {
            Some((code, message)) => bad.push((line, row, Why { code, message })),
            None if fault.errors.is_empty() => bad.push((line, row, Why { code: all.0.clone(), message: all.1.clone() })),
            None => good.push((line, row)),
        }
    }
    // A refusal whose pointers match no row would repeat forever.
    if bad.is_empty() {
        bad = good.drain(..).map(|(line, row)| (line, row, Why { code: all.0.clone(), message: all.1.clone() })).collect();
    }
    Ok((bad, good))
}

fn line_error(line: i64, pointer: String, code: &str, message: &str) -> LineError {
    LineError { line, pointer, code: code.to_owned(), message: format!("{message} {PRODUCT_SAVED}") }
}
