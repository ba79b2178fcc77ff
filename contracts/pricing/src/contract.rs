//! The behaviour that every implementation of pricing must have. The service's tests run it against the service and the fake.

use bloom_kernel::{TaxClassId, VariantId};
use bloom_runtime::RequestContext;

use crate::{DeliveryLine, PriceRow, PricingClient, QuoteLine, QuoteRefusal, QuoteRequest};

/// Asserts the contract. The tenant needs this tax class, and a tax of 18 % in India for lines without a class.
///
/// # Panics
/// When an answer differs from the contract.
pub async fn assert_contract(client: &PricingClient, caller: &RequestContext, class: TaxClassId, ids: [VariantId; 2]) {
    let [lamp, unpriced] = ids;
    let row = |min_quantity, amount| PriceRow {
        variant_id: lamp.to_string(),
        price_list_id: String::new(),
        currency: "INR".to_owned(),
        amount,
        min_quantity,
    };
    assert_eq!(client.set_prices(caller, vec![row(1, 1_180), row(10, 1_000_000_000_000)]).await.ok(), Some(2));
    assert_eq!(client.set_prices(caller, vec![row(1, 1_180)]).await.ok(), Some(0), "the same price changes nothing");

    let line = |variant: VariantId, quantity: i64| QuoteLine {
        line_id: quantity.to_string(),
        variant_id: variant.to_string(),
        tax_class_id: String::new(),
        quantity,
    };
    let quote = |lines: Vec<QuoteLine>| QuoteRequest {
        currency: "INR".to_owned(),
        gross: true,
        country: "IN".to_owned(),
        lines,
        ..QuoteRequest::default()
    };
    let delivery = Some(DeliveryLine { amount: 118, tax_class_id: String::new() });
    let request = QuoteRequest { delivery, ..quote(vec![line(lamp, 2), line(unpriced, 1)]) };
    let reply = client.quote(caller, request).await.expect("the document is priced");
    let lines: Vec<_> = reply.lines.iter().map(|line| (line.line_id.as_str(), line.priced, line.unit_amount)).collect();
    assert_eq!(lines, [("2", true, 1_180), ("1", false, 0)]);
    assert_eq!((reply.lines[0].net_amount, reply.lines[0].tax_amount, reply.lines[0].gross_amount), (2_000, 360, 2_360));
    let tax = (reply.lines[0].taxes[0].rate_ppm, reply.lines[0].taxes[0].taxable_amount, reply.lines[0].taxes[0].tax_amount);
    assert_eq!(tax, (180_000, 2_000, 360));
    assert_eq!((reply.taxes[0].rate_ppm, reply.taxes[0].taxable_amount, reply.taxes[0].tax_amount), (180_000, 2_100, 378));
    assert_eq!((reply.subtotal, reply.delivery_total, reply.tax_total, reply.total), (2_360, 118, 378, 2_478));

    let refusal = async |lines| client.quote(caller, quote(lines)).await.err().and_then(|fault| QuoteRefusal::from_fault(&fault));
    let unknown = QuoteLine { tax_class_id: TaxClassId::from(lamp.uuid()).to_string(), ..line(lamp, 1) };
    assert_eq!(refusal(vec![unknown]).await, Some(QuoteRefusal::UnknownTaxClass));
    assert_eq!(refusal(vec![line(lamp, 1_000_000); 10]).await, Some(QuoteRefusal::AmountOutOfRange));

    let found = client.find_tax_classes(caller, &[class, TaxClassId::from(lamp.uuid())]).await;
    assert_eq!(found.ok(), Some(vec![class]));
}
