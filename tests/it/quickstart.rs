//! The quickstart guide works: the test runs the code on the page.

use std::process::Command;

use bloom::state::{DevState, StateDir};
use serde_json::json;

use crate::fleet;
use crate::shop::{Shop, eventually};

const GUIDE: &str = include_str!("../../docs/quickstart.md");

#[test]
fn the_guide_ends_with_a_paid_order() {
    fleet::test(async |fleet| {
        let shop = Shop::found(fleet).await;
        shop.open().await;
        let product = |number: i64| {
            json!({
                "external_id": format!("part-{number}"), "title": format!("Part {number}"), "status": "active", "channels": ["web"],
                "variants": [{
                    "sku": format!("SKU-{number}"), "weight_grams": 500, "prices": [{ "currency": "INR", "amount": 2499 }],
                    "stock": [{ "location": "BLR-1", "on_hand": 10 }],
                }],
            })
        };
        shop.import(&[product(1), product(2)]).await;
        eventually("the products are for sale", async || {
            let page = shop.get("/v1/catalog/products").await.body;
            let ready =
                page["data"].as_array()?.iter().all(|item| item["price"].is_object() && item["inventory"]["available"] == 10);
            ready.then_some(())
        })
        .await;
        let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("quickstart-{}", std::process::id()));
        let state = DevState {
            gateway_url: shop.url.clone(),
            secret_key: shop.secret_key.clone(),
            publishable_key: shop.publishable_key.clone(),
            ..DevState::default()
        };
        StateDir::open(&folder.join(".bloom")).and_then(|dir| dir.write(&state)).expect("the folder is laid");
        let script: String = code(GUIDE);
        assert_eq!(script.matches("curl ").count(), 11, "ten requests, and one more look at the order");
        let run = move || Command::new("bash").args(["-euo", "pipefail", "-c", &script]).current_dir(folder).output();
        let output = tokio::task::spawn_blocking(run).await.expect("it is not cut off").expect("bash is there");
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{stdout}\n{stderr}");
        assert!(stdout.trim_end().ends_with("is paid."), "{stdout}");
    });
}

/// The `sh` code blocks of a page, joined in order.
fn code(page: &str) -> String {
    let mut blocks = String::new();
    for block in page.split("```sh\n").skip(1) {
        blocks.push_str(block.split("```").next().unwrap_or_default());
    }
    blocks
}
