//! Holds through gRPC: exact under concurrent buyers, expired at their time, idempotent.

use bloom_contract_inventory as proto;
use bloom_fault::Fault;
use bloom_kernel::OrderId;
use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::json;

use super::fixture;
use crate::SERVICE;

fn reasons<T>(outcomes: &[Result<T, Fault>]) -> Vec<&str> {
    outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).map(|fault| &*fault.reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_buyers_of_one_unit_one_gets_it() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let outcomes = join_all((0..50).map(|_| fixture.take(variant, 1))).await;
    let won: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(reasons(&outcomes), ["insufficient_stock"; 49]);
    assert_eq!(fixture.levels(variant, shop).await, [1, 0, 1, 0]);

    fixture.release(&won[0].hold_id).await.unwrap();
    fixture.take(variant, 1).await.unwrap();
    assert!(fixture.breaches().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hold_is_refused_while_units_are_free() {
    let fixture = fixture().await;
    let (first, second) = (fixture.location("A", 0).await, fixture.location("B", 1).await);
    let variant = fixture.variant(&[(first, 13), (second, 7)]).await;
    let outcomes = join_all((0..50).map(|_| fixture.take(variant, 1))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 20);
    assert_eq!(fixture.levels(variant, first).await[2], 13);
    assert_eq!(fixture.levels(variant, second).await[2], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_agree_about_the_last_unit() {
    let fixture = fixture().await;
    let other = fixture.env.serve(&SERVICE).await;
    let shop = fixture.location("BLR", 0).await;
    for _ in 0..20 {
        let variant = fixture.variant(&[(shop, 1)]).await;
        let wanted = json!({ "lines": [{ "line_id": "1", "variant_id": variant, "quantity": 1 }], "ttl_seconds": 60 });
        let buyers = [&fixture.client, &other, &fixture.client, &other];
        let requests = buyers.map(|client| client.post("/v1/inventory/holds").json(&wanted).send());
        let mut outcomes: Vec<_> =
            join_all(requests).await.into_iter().map(|answer| (answer.status, answer.code().to_owned())).collect();
        outcomes.sort_unstable();
        let refused = (409, "insufficient_stock".to_owned());
        assert_eq!(outcomes[1..], [refused.clone(), refused.clone(), refused], "{outcomes:?}");
        assert_eq!((outcomes[0].0, fixture.levels(variant, shop).await), (201, [1, 0, 1, 0]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_with_lines_in_opposite_order_do_not_deadlock() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let (one, two) = (fixture.variant(&[(shop, 9)]).await, fixture.variant(&[(shop, 9)]).await);
    let requests: Vec<_> =
        (0..40).map(|n| fixture.wanted(&if n % 2 == 0 { [(one, 1), (two, 1)] } else { [(two, 1), (one, 1)] }, &[])).collect();
    let outcomes = join_all(requests.iter().map(|request| fixture.hold(request))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 9);
    assert_eq!(reasons(&outcomes), ["insufficient_stock"; 31]);
}

#[tokio::test]
async fn a_hold_takes_all_lines_or_none() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let (plenty, scarce) = (fixture.variant(&[(shop, 10)]).await, fixture.variant(&[(shop, 3)]).await);
    let fault = fixture.hold(&fixture.wanted(&[(plenty, 1), (scarce, 2), (scarce, 2)], &[])).await.unwrap_err();
    assert_eq!((&*fault.reason, fault.code.status().as_u16()), ("insufficient_stock", 409));
    let pointers: Vec<_> = fault.errors.iter().map(|e| (e.pointer.as_str(), e.message.as_str())).collect();
    assert_eq!(pointers, [("/lines/1", "3 available"), ("/lines/2", "3 available")]);
    assert_eq!(fixture.levels(plenty, shop).await, [10, 0, 0, 10]);
}

#[tokio::test]
async fn a_repeated_hold_is_placed_once() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let request = fixture.wanted(&[(variant, 1)], &[]);
    let first = fixture.hold(&request).await.unwrap();
    assert_eq!(fixture.hold(&request).await.unwrap(), first);
    assert_eq!(fixture.levels(variant, shop).await, [1, 0, 1, 0]);

    let mut other = request.clone();
    other.lines[0].quantity = 2;
    assert_eq!(fixture.hold(&other).await.unwrap_err().reason, "idempotency_key_reused");
    fixture.release(&request.hold_id).await.unwrap();
    assert_eq!(fixture.hold(&request).await.unwrap_err().reason, "hold_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_repeats_of_a_hold_place_it_once() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 5)]).await;
    let request = fixture.wanted(&[(variant, 3)], &[]);
    let outcomes = join_all((0..8).map(|_| fixture.hold(&request))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(fixture.levels(variant, shop).await, [5, 0, 3, 2]);
}

#[tokio::test]
async fn an_expired_hold_frees_its_units_at_once() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let (variant, other) = (fixture.variant(&[(shop, 1)]).await, fixture.variant(&[(shop, 1)]).await);
    let first = fixture.hold(&fixture.wanted(&[(variant, 1), (other, 1)], &[])).await.unwrap();
    assert_eq!(fixture.take(variant, 1).await.unwrap_err().reason, "insufficient_stock");
    fixture.env.clock.advance(TimeDelta::seconds(600));
    // Whether or not the timer has run, the units are free and the hold has expired.
    assert_eq!(fixture.levels(other, shop).await, [1, 0, 0, 1]);
    let next = fixture.take(variant, 1).await.unwrap();
    assert_eq!(next.status(), proto::HoldStatus::Active);
    assert_eq!(fixture.extend(&first.hold_id, 600).await.unwrap_err().reason, "hold_expired");
    assert_eq!(fixture.commit(&first.hold_id, fixture.id()).await.unwrap_err().reason, "hold_expired");
    fixture.eventually("select data from outbox where kind like '%hold.expired'").await;
    assert_eq!(fixture.release(&first.hold_id).await.unwrap().status(), proto::HoldStatus::Expired);
    assert_eq!(fixture.levels(variant, shop).await, [1, 0, 1, 0]);
    assert!(fixture.breaches().await.is_empty());
}

#[tokio::test]
async fn a_slower_clock_cannot_revive_an_expired_hold() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let (variant, other) = (fixture.variant(&[(shop, 1)]).await, fixture.variant(&[(shop, 1)]).await);
    let first = fixture.hold(&fixture.wanted(&[(variant, 1), (other, 1)], &[])).await.unwrap();
    // An instance with a fast clock gives the unit to another buyer. The hold's owner then calls an instance with a slow clock.
    fixture.env.clock.advance(TimeDelta::seconds(600));
    fixture.take(variant, 1).await.unwrap();
    fixture.env.clock.advance(TimeDelta::seconds(-5));
    assert_eq!(fixture.commit(&first.hold_id, fixture.id()).await.unwrap_err().reason, "hold_expired");
    assert_eq!(fixture.extend(&first.hold_id, 60).await.unwrap_err().reason, "hold_expired");
    assert_eq!(fixture.levels(variant, shop).await, [1, 0, 1, 0]);
    assert!(fixture.breaches().await.is_empty());
    fixture.release(&first.hold_id).await.unwrap();
    assert_eq!(fixture.levels(other, shop).await, [1, 0, 0, 1]);
    assert!(fixture.breaches().await.is_empty());
}

#[tokio::test]
async fn a_hold_lasts_as_long_as_it_is_extended() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 2)]).await;
    let hold = fixture.take(variant, 2).await.unwrap();
    fixture.env.clock.advance(TimeDelta::seconds(599));
    let extended = fixture.extend(&hold.hold_id, 100).await.unwrap();
    assert_eq!((extended.status(), extended.allocations), (proto::HoldStatus::Active, hold.allocations));
    fixture.env.clock.advance(TimeDelta::seconds(99));
    assert_eq!(fixture.take(variant, 1).await.unwrap_err().reason, "insufficient_stock");
    fixture.env.clock.advance(TimeDelta::seconds(1));
    fixture.take(variant, 1).await.unwrap();
}

#[tokio::test]
async fn a_hold_released_before_it_is_placed_is_never_placed() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let request = fixture.wanted(&[(variant, 1)], &[]);
    assert_eq!(fixture.release(&request.hold_id).await.unwrap().status(), proto::HoldStatus::Released);
    assert_eq!(fixture.release(&request.hold_id).await.unwrap().status(), proto::HoldStatus::Released);
    assert_eq!(fixture.hold(&request).await.unwrap_err().reason, "hold_expired");
    assert_eq!(fixture.levels(variant, shop).await, [1, 0, 0, 1]);
}

#[tokio::test]
async fn a_committed_hold_belongs_to_its_order_for_good() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 3)]).await;
    let (order, other): (OrderId, OrderId) = (fixture.id(), fixture.id());
    let request = fixture.wanted(&[(variant, 2)], &[]);
    let hold = fixture.hold(&request).await.unwrap();
    let allocations = fixture.commit(&hold.hold_id, order).await.unwrap();
    assert_eq!(allocations, hold.allocations);
    assert_eq!(fixture.commit(&hold.hold_id, order).await.unwrap(), allocations);
    assert_eq!(fixture.commit(&hold.hold_id, other).await.unwrap_err().reason, "hold_committed");
    assert_eq!(fixture.release(&hold.hold_id).await.unwrap().status(), proto::HoldStatus::Committed);
    assert_eq!(fixture.hold(&request).await.unwrap().status(), proto::HoldStatus::Committed);
    fixture.env.clock.advance(TimeDelta::days(40));
    assert_eq!(fixture.levels(variant, shop).await, [3, 2, 0, 1]);
    assert!(fixture.breaches().await.is_empty());
}

#[tokio::test]
async fn an_unknown_hold_answers_not_found() {
    let fixture = fixture().await;
    let unknown: bloom_kernel::HoldId = fixture.id();
    assert_eq!(fixture.extend(&unknown.to_string(), 60).await.unwrap_err().reason, "not_found");
    assert_eq!(fixture.commit(&unknown.to_string(), fixture.id()).await.unwrap_err().reason, "not_found");
}

type Spoil = fn(&mut bloom_contract_inventory::HoldRequest);

#[tokio::test]
async fn bad_requests_name_their_field() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let good = fixture.wanted(&[(variant, 1)], &[]);
    let cases: [(&str, Spoil); 8] = [
        ("/hold_id", |r| r.hold_id = "hold_x".to_owned()),
        ("/lines", |r| r.lines.clear()),
        ("/lines/0/quantity", |r| r.lines[0].quantity = 0),
        ("/lines/0/quantity", |r| r.lines[0].quantity = -1),
        ("/lines/0/quantity", |r| r.lines[0].quantity = i64::MAX),
        ("/lines/0/variant_id", |r| r.lines[0].variant_id = "prod_1".to_owned()),
        ("/lines/1/line_id", |r| r.lines.push(r.lines[0].clone())),
        ("/ttl_seconds", |r| r.ttl_seconds = 2_678_401),
    ];
    for (pointer, spoil) in cases {
        let mut request = good.clone();
        spoil(&mut request);
        let fault = fixture.hold(&request).await.unwrap_err();
        assert_eq!((fault.code.status().as_u16(), fault.errors[0].pointer.as_str()), (400, pointer));
    }
}
