//! The gRPC calls of other services.

use bloom_contract_pricing::{DeliveryLine, FindTaxClassesRequest, PriceRow, QuoteLine, QuoteRequest, SetPricesRequest};
use bloom_kernel::{TaxClassId, VariantId};
use serde_json::json;
use tonic::Code;

use crate::tests::{Fixture, fixture};

fn price_row(variant: VariantId, amount: i64) -> PriceRow {
    PriceRow {
        variant_id: variant.to_string(),
        price_list_id: String::new(),
        currency: "EUR".to_owned(),
        amount,
        min_quantity: 1,
    }
}

fn quote(lines: &[(VariantId, i64)]) -> QuoteRequest {
    let line = |(at, (variant, quantity)): (usize, &(VariantId, i64))| QuoteLine {
        line_id: format!("l{at}"),
        variant_id: variant.to_string(),
        tax_class_id: String::new(),
        quantity: *quantity,
    };
    QuoteRequest {
        channel_id: String::new(),
        currency: "EUR".to_owned(),
        gross: true,
        country: "DE".to_owned(),
        region: "Bavaria, south".to_owned(),
        postal_code: String::new(),
        lines: lines.iter().enumerate().map(line).collect(),
        delivery: None,
    }
}

impl Fixture {
    async fn set_prices(&self, prices: Vec<PriceRow>) -> Result<i64, tonic::Status> {
        let request = self.env.host.request(&self.call(), SetPricesRequest { prices });
        self.grpc.clone().set_prices(request).await.map(|reply| reply.into_inner().changed)
    }

    async fn send_quote(&self, request: QuoteRequest) -> Result<bloom_contract_pricing::QuoteReply, tonic::Status> {
        self.grpc.clone().quote(self.env.host.request(&self.call(), request)).await.map(tonic::Response::into_inner)
    }
}

#[tokio::test]
async fn setting_the_same_prices_again_changes_nothing() {
    let fixture = fixture().await;
    let shop = fixture.channel("shop", true, "DE", json!({})).await;
    let variants: Vec<VariantId> = (0..1_000).map(|_| fixture.id()).collect();
    let rows: Vec<PriceRow> = variants.iter().map(|variant| price_row(*variant, 500)).collect();
    assert_eq!(fixture.set_prices(rows.clone()).await.unwrap(), 1_000);
    assert_eq!(fixture.set_prices(rows.clone()).await.unwrap(), 0);
    assert_eq!(fixture.published(variants[999]).await.unwrap(), (1, vec![(shop, Some(500))]));
    let mut more = rows.clone();
    more.push(price_row(fixture.id(), 1));
    assert_eq!(fixture.set_prices(more).await.unwrap_err().code(), Code::InvalidArgument);
    let mut bad = rows;
    bad[7].amount = -1;
    assert_eq!(fixture.set_prices(bad.clone()).await.unwrap_err().code(), Code::InvalidArgument);
    bad[7].variant_id = "var_nonsense".to_owned();
    assert_eq!(fixture.set_prices(bad).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn parallel_imports_of_the_same_rows_agree() {
    let fixture = fixture().await;
    fixture.channel("shop", true, "DE", json!({})).await;
    let variants: Vec<VariantId> = (0..50).map(|_| fixture.id()).collect();
    let imports = (0..8).map(|number| {
        let mut rows: Vec<PriceRow> = variants.iter().map(|variant| price_row(*variant, 100 + number)).collect();
        if number % 2 == 0 {
            rows.reverse();
        }
        fixture.set_prices(rows)
    });
    let outcomes = futures::future::join_all(imports).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
    let lists = fixture.client.get("/v1/pricing/price-lists").send().await.expect(200).json;
    assert_eq!(lists["data"].as_array().unwrap().len(), 1, "one base list, however many requests need it at once");
}

#[tokio::test]
async fn grpc_and_rest_price_a_cart_alike() {
    let fixture = fixture().await;
    fixture.taxes(&[("DE", 190_000)]).await;
    let (lamp, shade, unpriced): (VariantId, VariantId, VariantId) = (fixture.id(), fixture.id(), fixture.id());
    fixture.set_price(None, lamp, 1, 850).await;
    fixture.set_price(None, shade, 3, 165).await;
    let mut request = quote(&[(lamp, 2), (shade, 3), (unpriced, 1), (shade, 1)]);
    request.delivery = Some(DeliveryLine { amount: 490, tax_class_id: String::new() });
    let reply = fixture.send_quote(request).await.unwrap();
    let priced: Vec<bool> = reply.lines.iter().map(|line| line.priced).collect();
    assert_eq!(priced, [true, true, false, false]);
    assert_eq!(reply.lines[0].line_id, "l0");
    assert_eq!((reply.lines[1].unit_amount, reply.lines[1].line_amount), (165, 495));
    assert_eq!((reply.subtotal, reply.delivery_total, reply.total), (2_195, 490, 2_685));
    assert_eq!(reply.taxes.iter().map(|row| row.tax_amount).sum::<i64>(), reply.tax_total);
    let parts = reply.lines.iter().chain(&reply.delivery);
    assert_eq!(parts.map(|line| line.tax_amount).sum::<i64>(), reply.tax_total);

    let rest = fixture
        .quote(json!({ "currency": "EUR", "gross": true, "ship_to": { "country": "DE" },
            "delivery": { "price": { "amount": 490, "currency": "EUR" } },
            "lines": [{ "variant_id": lamp, "quantity": 2 }, { "variant_id": shade, "quantity": 3 }] }))
        .await;
    assert_eq!((&rest["total"]["amount"], &rest["tax_total"]["amount"]), (&json!(reply.total), &json!(reply.tax_total)));
}

#[tokio::test]
async fn invalid_quote_requests_are_refused() {
    let fixture = fixture().await;
    let variant: VariantId = fixture.id();
    fixture.set_price(None, variant, 1, 1_000_000_000_000).await;
    let with = |change: fn(&mut QuoteRequest)| {
        let mut request = quote(&[(variant, 1)]);
        change(&mut request);
        fixture.send_quote(request)
    };
    assert_eq!(with(|request| request.currency = "eur".to_owned()).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(with(|request| request.country = String::new()).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(with(|request| request.lines[0].quantity = 0).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(with(|request| request.lines[0].quantity = i64::MAX).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(with(|request| request.lines[0].tax_class_id = "x".to_owned()).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(with(|request| request.channel_id = "chan_x".to_owned()).await.unwrap_err().code(), Code::NotFound);
    let huge = with(|request| {
        request.lines[0].quantity = 1_000_000;
        request.lines = vec![request.lines[0].clone(); 10];
    });
    let fault = bloom_fault::Fault::from(huge.await.unwrap_err());
    assert_eq!(fault.reason, "amount_out_of_range");
    assert!(with(|_| ()).await.is_ok());
}

#[tokio::test]
async fn delivery_without_lines_uses_the_current_taxes() {
    let fixture = fixture().await;
    fixture.taxes(&[("DE", 190_000)]).await;
    let charge = |class: String| {
        let delivery = Some(DeliveryLine { amount: 119, tax_class_id: class });
        fixture.send_quote(QuoteRequest { delivery, ..quote(&[]) })
    };
    assert_eq!(charge(String::new()).await.unwrap().tax_total, 19);
    let created = fixture.create("tax-classes", json!({ "code": "post", "name": "Post" })).await;
    let post = created["id"].as_str().unwrap().to_owned();
    assert_eq!(charge(post).await.unwrap().tax_total, 0, "known at once, though no rate is due for it");
    fixture.update("settings", json!({ "rounding": "half_even" })).await;
    assert_eq!(charge(String::new()).await.unwrap().total, 119);
}

#[tokio::test]
async fn tax_classes_are_found_by_their_own_tenant() {
    let fixture = fixture().await;
    let class = fixture.taxes(&[]).await;
    let unknown_id: TaxClassId = fixture.id();
    let find = |tenant, tax_class_ids: Vec<String>| {
        let mut call = fixture.call();
        call.tenant = tenant;
        let request = fixture.env.host.request(&call, FindTaxClassesRequest { tax_class_ids });
        let mut client = fixture.grpc.clone();
        async move { client.find_tax_classes(request).await }
    };
    let ids = vec![unknown_id.to_string(), class.clone(), "garbled".to_owned()];
    assert_eq!(find(fixture.env.tenant, ids.clone()).await.unwrap().into_inner().tax_class_ids, [class.as_str()]);
    assert_eq!(find(fixture.env.other_tenant, ids).await.unwrap().into_inner().tax_class_ids, Vec::<String>::new());
    assert_eq!(find(fixture.env.tenant, vec![class; 251]).await.unwrap_err().code(), Code::InvalidArgument);
}
