//! Changing carts.

use serde_json::json;

use crate::tests::{Fixture, problems, storefront};

#[tokio::test]
async fn line_changes_require_the_version_of_the_cart() {
    let fixture = Fixture::new().await;
    let (guest, cart) = fixture.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let lines = format!("{path}/lines");
    let more =
        json!({ "lines": [{ "variant_id": fixture.shirt, "quantity": 2 }, { "variant_id": fixture.lamp, "quantity": 1 }] });
    storefront(fixture.client.post(&lines), &guest.token).json(&more).send().await.expect(428);
    storefront(fixture.client.post(&lines), &guest.token).if_match(7).json(&more).send().await.expect(412);
    let added = storefront(fixture.client.post(&lines), &guest.token).if_match(1).json(&more).send().await.expect(200);
    assert_eq!(added.version(), 2);
    assert_eq!(added.json["lines"][0]["quantity"], 3, "the same variant is one line");
    // 3 × 300 g + 6000 g: the second step
    assert_eq!(added.json["delivery"]["price"]["amount"], 500);
    assert_eq!(added.json["total"]["amount"], 3 * 1_000 + 2_500 + 500);

    let shirt = cart.json["lines"][0]["id"].as_str().unwrap().to_owned();
    let line = format!("{lines}/{shirt}");
    let to =
        |quantity: i64| storefront(fixture.client.patch(&line), &guest.token).if_match(2).json(&json!({ "quantity": quantity }));
    for bad in [0, -1, 1_000_001, i64::MAX] {
        let refused = to(bad).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], "/quantity");
    }
    to(1_000_000).send().await.expect(200);
    let removed = storefront(fixture.client.delete(&line), &guest.token).if_match(3).send().await.expect(200);
    assert_eq!(removed.json["lines"].as_array().unwrap().len(), 1);
    storefront(fixture.client.delete(&line), &guest.token).if_match(4).send().await.expect(404);
    let overflow = json!({ "lines": [{ "variant_id": fixture.lamp, "quantity": 1_000_000 }] });
    let overflow = storefront(fixture.client.post(&lines), &guest.token).if_match(4).json(&overflow).send().await.expect(400);
    assert_eq!(overflow.json["errors"][0]["code"], "out_of_range");
    let read = fixture.read(&guest).await.expect(200);
    assert_eq!(read.version(), 4, "refused requests change nothing");
}

#[tokio::test]
async fn if_none_match_applies_to_reads_only() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let request = storefront(fixture.client.patch(&path), &guest.token).if_match(guest.version);
    let next = format!("\"{}\"", guest.version + 1);
    let changed = request.header("if-none-match", &next).json(&json!({ "email": "b@example.com" })).send().await.expect(200);
    assert_eq!(changed.json["email"], "b@example.com");
    let read = storefront(fixture.client.get(&path), &guest.token).header("if-none-match", &next).send().await;
    assert_eq!(read.status, 304);
}

#[tokio::test]
async fn a_changed_price_is_a_problem_until_the_cart_is_written() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    fixture.price(&fixture.shirt, 1_200).await;
    let read = fixture.read(&guest).await.expect(200);
    assert_eq!(problems(&read), ["price_changed"]);
    assert_eq!(
        (&read.json["problems"][0]["old"]["amount"], &read.json["problems"][0]["new"]["amount"]),
        (&json!(1_000), &json!(1_200))
    );
    assert_eq!(read.json["total"]["amount"], 1_100, "the cart shows the stored prices");
    let path = format!("/v1/carts/{}", guest.id);
    let accepted = storefront(fixture.client.patch(&path), &guest.token).if_match(1).json(&json!({})).send().await.expect(200);
    assert_eq!((problems(&accepted), &accepted.json["total"]["amount"]), (vec!["price_changed"], &json!(1_300)));
    assert_eq!(problems(&fixture.read(&guest).await), Vec::<&str>::new());
}

#[tokio::test]
async fn of_concurrent_writers_of_a_version_one_succeeds() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let path = format!("/v1/carts/{}/lines", guest.id);
    let body = json!({ "lines": [{ "variant_id": fixture.lamp, "quantity": 1 }] });
    let writers = (0..8).map(|_| storefront(fixture.client.post(&path), &guest.token).if_match(1).json(&body).send());
    let answers = futures::future::join_all(writers).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 412).count();
    assert_eq!((won, refused), (1, 7), "{answers:?}");
    assert_eq!(fixture.read(&guest).await.json["lines"][1]["quantity"], 1);
}
