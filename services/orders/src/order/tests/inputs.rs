//! Inputs: serde accepts exactly what the schema describes.

use bloom_testkit::assert_schema_agrees;
use serde_json::json;

use crate::order::cancel::OrderCancel;
use crate::order::capture::CaptureCreate;
use crate::order::fulfil::{FulfilmentCreate, FulfilmentShip};
use crate::order::model::OrderUpdate;
use crate::order::refund::RefundCreate;
use crate::order::routes::OrderSearch;

#[test]
fn inputs_agree_with_their_schemas() {
    let lines = json!([{ "line_id": "oli_01jd6zv4x8e5yag7k3m2n9p0qr", "quantity": 2 }]);
    let tracking = json!({ "carrier": "India Post", "number": "EX123456789IN", "url": "https://track.example/EX123456789IN" });
    let money = json!({ "amount": 2_499, "currency": "INR" });
    assert_schema_agrees::<OrderUpdate>([json!({ "metadata": { "erp": "4711", "gone": null } })]);
    assert_schema_agrees::<OrderCancel>([json!({ "reason": "The buyer changed their mind." })]);
    assert_schema_agrees::<CaptureCreate>([json!({ "amount": money })]);
    assert_schema_agrees::<RefundCreate>([json!({ "amount": money, "lines": lines, "reason": "late" })]);
    assert_schema_agrees::<FulfilmentShip>([json!({ "tracking": tracking })]);
    let location = "loc_01jd6zv4x8e5yag7k3m2n9p0qr";
    let all = json!({ "lines": lines, "location_id": location, "shipped": true, "tracking": tracking });
    assert_schema_agrees::<FulfilmentCreate>([all]);
    let search = json!({
        "limit": 2, "number": "1001", "email": "asha@example.com", "status": "confirmed", "payment_status": "paid",
        "fulfilment_status": "partial", "placed_from": "2026-01-05T09:00:00Z", "placed_to": "2026-01-06T09:00:00Z",
    });
    assert_schema_agrees::<OrderSearch>([search]);
}
