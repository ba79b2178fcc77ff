//! Pricing the lines of a document: one statement for the price rows of all lines, one for tax tables that are not cached.

use bloom_fault::Fault;
use bloom_kernel::{TaxClassId, TenantId, VariantId};

use super::calculate::{Calculation, CalculationLine, Delivery, calculate};
use super::model::QuoteContext;
use super::store::candidates_of_lines;
use crate::Pricing;
use crate::tax::TaxRules;

/// Most lines of a document.
pub const LINES_MAX: usize = 200;

/// A line to price.
#[derive(Debug, Clone)]
pub struct RequestedLine {
    /// The caller's id of the line.
    pub id: String,
    pub variant_id: VariantId,
    /// Its tax class; none: the tenant's default class.
    pub class_id: Option<TaxClassId>,
    pub quantity: i64,
}

/// A document to price.
#[derive(Debug, Clone)]
pub struct QuoteRequest {
    pub context: QuoteContext,
    pub lines: Vec<RequestedLine>,
    /// The charge for delivery.
    pub delivery: Option<Delivery>,
    /// Whether rows that cannot win are read too, so that the quote can name the reasons.
    pub explain: bool,
}

/// Prices a document for a cart, a checkout or a caller of the API.
pub async fn price_lines(app: &Pricing, tenant: TenantId, request: QuoteRequest) -> Result<Calculation, Fault> {
    let QuoteRequest { context, lines, delivery, explain } = request;
    let keys: Vec<(VariantId, i64)> = lines.iter().map(|line| (line.variant_id, line.quantity)).collect();
    let read = candidates_of_lines(&app.db, tenant, &keys, &context, explain).await?;
    let tax_countries = read.candidates.iter().flatten().filter_map(|candidate| candidate.list.tax_country.clone());
    let countries = tax_countries.chain([context.destination.country.clone()]).collect();
    let (mut tables, missing) = app.taxes.cached(tenant, countries, read.tax_version).await;
    if !missing.is_empty() {
        let mut conn = app.db.read(tenant).await?;
        tables.extend(app.taxes.tables(&mut conn, tenant, missing, read.tax_version).await?);
    }
    let with_candidates = |(line, candidates): (RequestedLine, _)| {
        let RequestedLine { id, variant_id, class_id, quantity } = line;
        CalculationLine { id, variant_id, class_id, quantity, candidates }
    };
    let lines: Vec<CalculationLine> = lines.into_iter().zip(read.candidates).map(with_candidates).collect();
    Ok(calculate(&context, &lines, delivery, &TaxRules { rounding: read.rounding, tables })?)
}
