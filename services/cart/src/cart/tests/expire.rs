//! The removal of carts, and the check of their totals.

use serde_json::json;

use super::super::expire::expire;
use crate::tests::{Fixture, storefront};

#[tokio::test]
async fn an_unchanged_cart_is_removed_after_its_retention() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    fixture.env.clock.advance(chrono::TimeDelta::days(20));
    let path = format!("/v1/carts/{}", guest.id);
    storefront(fixture.client.patch(&path), &guest.token).if_match(1).json(&json!({})).send().await.expect(200);
    let app = crate::Carts::new(crate::Config::default(), fixture.env.host.clone(), fixture.env.db.clone());
    fixture.env.clock.advance(chrono::TimeDelta::days(15));
    let id = guest.id.parse().unwrap();
    expire(&app, &fixture.env.call(), id, ()).await.unwrap();
    fixture.read(&guest).await.expect(200);
    fixture.env.clock.advance(chrono::TimeDelta::days(16));
    for _ in 0..2 {
        expire(&app, &fixture.env.call(), id, ()).await.unwrap();
    }
    fixture.read(&guest).await.expect(404);
    let mut connection = fixture.env.superuser().await;
    let answered: i64 =
        sqlx::query_scalar("select count(*) from outbox where kind = 'cart.deleted'").fetch_one(&mut connection).await.unwrap();
    assert_eq!(answered, 1);
}

#[tokio::test]
async fn the_check_finds_a_total_that_is_not_the_sum() {
    let fixture = Fixture::new().await;
    fixture.guest().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
    let mut connection = fixture.env.superuser().await;
    sqlx::query("update cart set document = jsonb_set(document, '{total,amount}', '1')").execute(&mut connection).await.unwrap();
    assert_eq!(fixture.breaches().await, ["cart_totals_are_sums"]);
}
