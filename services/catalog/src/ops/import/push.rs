//! Prices and stock of an applied chunk to those who own them. Both calls say what shall be, so saying it again is safe; that so
//! many units were counted is said once, as some may have been sold since.

use std::collections::{BTreeMap, BTreeSet};

use bloom_contract_inventory::{SetStockRequest, StockRow};
use bloom_contract_pricing::{PriceRow, SetPricesRequest};
use bloom_fault::{Code, Fault};
use bloom_kernel::ImportId;
use bloom_runtime::RequestContext;
use uuid::Uuid;

use super::apply::{PushLine, PushPrice, PushStock, failed};
use crate::Catalog;
use crate::domain::import::LineError;
use crate::store::import::{chunk_push, chunk_pushed, error_insert};

/// Rows of one call.
const ROWS_MAX: usize = 1_000;

/// Hands on the first chunk that waits for it. False when there is none.
pub async fn push_next(app: &Catalog, call: &RequestContext, id: ImportId) -> Result<bool, Fault> {
    let mut conn = app.db.read(call.tenant).await?;
    let Some((seq, text)) = chunk_push(&mut conn, id).await? else { return Ok(false) };
    drop(conn);
    let lines: Vec<PushLine> = serde_json::from_str(&text).map_err(Fault::internal)?;
    let chunk = format!("{id}-{seq}");
    let (prices, stock) = futures::join!(push_prices(app, call, &lines), push_stock(app, call, &chunk, &lines));
    let mut errors = prices?;
    errors.append(&mut stock?);
    let mut tx = app.db.write(call).await?;
    if chunk_pushed(&mut tx, id, seq, failed(&errors), app.host.now(call.tenant)).await? {
        error_insert(&mut tx, call.tenant, id, &errors).await?;
        tx.commit().await?;
    }
    Ok(true)
}

/// Of several lines about one thing the last one counts.
fn latest<'a, T, K: Ord>(
    lines: &'a [PushLine],
    pick: impl Fn(&'a PushLine) -> &'a [T],
    key: impl Fn(&'a T) -> K,
) -> Vec<(i64, &'a T)> {
    let all = lines.iter().flat_map(|line| pick(line).iter().map(move |row| (line.line, row)));
    all.map(|(line, row)| (key(row), (line, row))).collect::<BTreeMap<_, _>>().into_values().collect()
}

async fn push_prices(app: &Catalog, call: &RequestContext, lines: &[PushLine]) -> Result<Vec<LineError>, Fault> {
    let mut errors = Vec::new();
    let rows = latest(lines, |line| &line.prices, |price: &PushPrice| (&price.variant, &price.currency));
    for rows in rows.chunks(ROWS_MAX) {
        let mut rows = rows.to_vec();
        while !rows.is_empty() {
            let prices = rows.iter().map(|(_, price)| price_row(price)).collect();
            let request = app.host.request(call, SetPricesRequest { prices });
            let Err(status) = app.pricing.clone().set_prices(request).await else { break };
            let (bad, good) = sort_out(Fault::from(status), rows, "/prices/")?;
            errors.extend(bad.into_iter().map(|(line, price, why)| line_error(line, &price.at, &why)));
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

async fn push_stock(app: &Catalog, call: &RequestContext, chunk: &str, lines: &[PushLine]) -> Result<Vec<LineError>, Fault> {
    let mut errors = Vec::new();
    let rows = latest(lines, |line| &line.stock, |stock: &PushStock| (&stock.variant, &stock.location));
    for rows in rows.chunks(ROWS_MAX) {
        let mut rows = rows.to_vec();
        while !rows.is_empty() {
            let stock = rows.iter().map(|(_, stock)| stock_row(stock)).collect();
            // Without the rows that were refused it is another count.
            let which = bloom_runtime::request_context::fingerprint(
                "stock",
                &rows.iter().map(|(line, stock)| (line, &stock.at)).collect::<Vec<_>>(),
            );
            let which = Uuid::from_slice(&which[..16]).map_err(Fault::internal)?;
            let request = SetStockRequest { rows: stock, operation_id: format!("{chunk}-{which}") };
            match app.inventory.clone().set_stock(app.host.request(call, request)).await {
                Ok(reply) => {
                    let unknown: BTreeSet<String> = reply.into_inner().unknown_locations.into_iter().collect();
                    let lost = rows.iter().filter(|(_, stock)| unknown.contains(&stock.location));
                    errors.extend(lost.map(|(line, stock)| LineError {
                        line: *line,
                        pointer: format!("{}/location", stock.at),
                        code: "unknown_location".to_owned(),
                        message: format!("There is no location `{}`.", stock.location),
                    }));
                    break;
                }
                Err(status) => {
                    let (bad, good) = sort_out(Fault::from(status), rows, "/rows/")?;
                    errors.extend(bad.into_iter().map(|(line, stock, why)| line_error(line, &stock.at, &why)));
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

type Sorted<'a, T> = (Vec<(i64, &'a T, Why)>, Vec<(i64, &'a T)>);

/// After a refusal: the rows that it names (all when it names none) and the others. A failure that is nobody's fault is
/// passed on, so that the chunk is handed on again.
fn sort_out<'a, T>(fault: Fault, rows: Vec<(i64, &'a T)>, prefix: &str) -> Result<Sorted<'a, T>, Fault> {
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
    // A refusal whose places mean nothing here would be refused for ever.
    if bad.is_empty() {
        bad = good.drain(..).map(|(line, row)| (line, row, Why { code: all.0.clone(), message: all.1.clone() })).collect();
    }
    Ok((bad, good))
}

fn line_error(line: i64, at: &str, why: &Why) -> LineError {
    LineError { line, pointer: at.to_owned(), code: why.code.clone(), message: why.message.clone() }
}
