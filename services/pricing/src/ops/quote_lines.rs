//! Pricing lines: one statement for the price rows of all lines, one for taxes that are not in memory.

use bloom_fault::Fault;
use bloom_kernel::{Rounding, TaxClassId, TenantId, VariantId};

use crate::Pricing;
use crate::domain::choice::Occasion;
use crate::domain::place::Address;
use crate::domain::quote::{Context, Delivery, Line, Quote, quote};
use crate::error;
use crate::store::candidate::candidates_of_lines;

/// Most lines of a document.
pub const LINES_MAX: usize = 200;

/// A line asked for.
#[derive(Debug, Clone)]
pub struct AskedLine {
    /// The caller's name for it.
    pub id: String,
    /// What is sold.
    pub variant_id: VariantId,
    /// Its tax class; none: the tenant's default class.
    pub class_id: Option<TaxClassId>,
    /// How many.
    pub quantity: i64,
}

/// A document asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// When and where it is sold.
    pub occasion: Occasion,
    /// Whether amounts are shown with tax.
    pub gross: bool,
    /// Where it goes.
    pub address: Address,
    /// The lines.
    pub lines: Vec<AskedLine>,
    /// The charge for delivery.
    pub delivery: Option<Delivery>,
    /// Whether rows that cannot win are looked at, so that the quote can say why.
    pub explain: bool,
}

/// Prices a document; says also how it was rounded.
pub async fn quote_lines(app: &Pricing, tenant: TenantId, asked: Asked) -> Result<(Quote, Rounding), Fault> {
    let wanted: Vec<(VariantId, i64)> = asked.lines.iter().map(|line| (line.variant_id, line.quantity)).collect();
    let read = candidates_of_lines(&app.db, tenant, &wanted, &asked.occasion, asked.explain).await?;
    let home = read.candidates.iter().flatten().filter_map(|candidate| candidate.list.tax_country.clone());
    let countries = home.chain([asked.address.country.clone()]).collect();
    let (mut taxes, missing) = app.taxes.remembered(tenant, countries, read.tax_version).await;
    if !missing.is_empty() {
        let mut conn = app.db.read(tenant).await?;
        taxes.extend(app.taxes.taxes(&mut conn, tenant, missing, read.tax_version).await?);
    }
    let with_rows = |(line, candidates): (AskedLine, _)| {
        let AskedLine { id, variant_id, class_id, quantity } = line;
        Line { id, variant_id, class_id, quantity, candidates }
    };
    let lines: Vec<Line> = asked.lines.into_iter().zip(read.candidates).map(with_rows).collect();
    let context = Context { occasion: asked.occasion, gross: asked.gross, address: asked.address, rounding: read.rounding };
    let quote = quote(&context, &lines, asked.delivery, &taxes).map_err(error::of_quote)?;
    Ok((quote, read.rounding))
}
