//! Settings through REST.

use bloom_testkit::assert_schema_agrees;
use insta::assert_json_snapshot;
use serde_json::json;

use super::model::PricingSettingsUpdate;
use crate::tests::{fixture, with_stable_ids};

#[tokio::test]
async fn settings_begin_with_defaults_and_are_guarded() {
    let fixture = fixture().await;
    let read = fixture.client.get("/v1/pricing/settings").send().await.expect(200);
    assert_eq!(read.json, json!({ "rounding": "half_up", "base_lists_gross": true, "version": 0 }));
    // A tax that is set up first inserts the row; the version stays 0.
    fixture.taxes(&[("DE", 190_000)]).await;
    let change = json!({ "rounding": "half_even" });
    let _ = fixture.client.patch("/v1/pricing/settings").json(&change).send().await.expect(428);
    let changed = fixture.client.patch("/v1/pricing/settings").if_match(0).json(&change).send().await.expect(200);
    assert_eq!((changed.version(), &changed.json["rounding"]), (1, &json!("half_even")));
    let _ = fixture.client.patch("/v1/pricing/settings").if_match(0).json(&change).send().await.expect(412);
    let _ = fixture.client.patch("/v1/pricing/settings").if_match(1).json(&json!({ "rounding": "up" })).send().await.expect(400);
    let other = fixture.client.get("/v1/pricing/settings").tenant(fixture.env.other_tenant).send().await.expect(200);
    assert_eq!(other.json["rounding"], "half_up");
}

#[tokio::test]
async fn bodies_and_events_of_the_settings() {
    let fixture = fixture().await;
    let before = fixture.client.get("/v1/pricing/settings").send().await.expect(200).json;
    let updated = fixture.update("settings", json!({ "rounding": "half_even", "base_lists_gross": false })).await;
    let cleared = fixture.client.patch("/v1/pricing/settings").if_match(1).json(&json!({ "rounding": null }));
    assert_json_snapshot!(with_stable_ids(json!({
        "before": before, "updated": updated, "events": fixture.event_documents("settings").await,
        "cleared": cleared.send().await.expect(400).json,
    })));
}

#[test]
fn inputs_agree_with_their_schemas() {
    assert_schema_agrees::<PricingSettingsUpdate>([json!({ "rounding": "half_even", "base_lists_gross": false })]);
}
