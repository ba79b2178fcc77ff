//! The description of the API.

use std::sync::Arc;

use bloom_events::Bus;
use bloom_web::Start;

use super::fixture;
use crate::SERVICE;

#[tokio::test]
async fn every_operation_is_described_and_has_a_permission() {
    let fixture = fixture().await;
    let start = Start {
        context: fixture.env.host.clone(),
        db: fixture.env.db.clone(),
        bus: Bus::in_process(),
        addresses: Arc::default(),
    };
    let mut service = (SERVICE.start)(start).unwrap();
    let (_, api) = service.router();
    let api = serde_json::to_value(api).unwrap();
    let paths = api["paths"].as_object().unwrap();
    let operations: Vec<_> = paths.values().flat_map(|path| path.as_object().unwrap().values()).collect();
    assert_eq!(operations.len(), 27);
    for operation in &operations {
        assert!(operation["operationId"].is_string() && operation["summary"].is_string(), "{operation}");
        assert!(operation["x-permission"].as_str().unwrap().starts_with("pricing:"), "{operation}");
    }
    for (name, schema) in api["components"]["schemas"].as_object().unwrap() {
        let input = ["Create", "Update", "ShipTo", "Set", "Amount", "Area"].iter().any(|ending| name.ends_with(ending));
        assert!(!input || schema["additionalProperties"] == false, "{name}: {schema}");
    }
}
