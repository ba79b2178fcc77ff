//! Many concurrent buyers of one unit.

use futures::future::join_all;

use crate::fleet;
use crate::shop::eventually;
use crate::trade::{Levels, Trade, amount};

const BUYERS: usize = 50;

#[test]
fn of_fifty_buyers_of_one_unit_one_gets_it() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("LAST", 9_900, 1), ("PLENTY", 100, 1_000)]).await;
        let baskets = join_all((0..BUYERS).map(|_| trade.basket(&[("LAST", 1), ("PLENTY", 1)]))).await;
        let keys: Vec<String> = (0..BUYERS).map(|buyer| format!("buyer {buyer}")).collect();
        let answers = join_all(baskets.iter().zip(&keys).map(|(basket, key)| trade.buy(basket, "tok_success", key))).await;

        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|answer| (answer.status, answer.code())).collect::<Vec<_>>());
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!([answer.status.to_string().as_str(), answer.code()], ["409", "insufficient_stock"], "{:#}", answer.body);
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
        assert_eq!(trade.count("/v1/orders").await, 1);
        let payments = trade.get("/v1/payments?limit=100").await.expect(200).body;
        let payments = payments["data"].as_array().expect("a list");
        let kept = payments.iter().filter(|payment| amount(&payment["authorised"]) != amount(&payment["voided"])).count();
        assert_eq!(kept, 1, "one charge, no stray one");
        eventually("nothing is held any more", async || {
            (trade.count("/v1/inventory/holds?status=active").await == 0).then_some(())
        })
        .await;
        assert_eq!(trade.levels("LAST").await, Levels { on_hand: 1, allocated: 1, held: 0 });
        assert_eq!(trade.levels("PLENTY").await, Levels { on_hand: 1_000, allocated: 1, held: 0 });

        // A buyer who got nothing can buy as soon as a unit is free again.
        let order = &won[0].body["order"];
        trade.act(order, "cancel", &serde_json::json!({}), "cancel").await.expect(200);
        let loser = answers.iter().position(|answer| answer.status != 201).expect("49 of them");
        eventually("the unit is free again", async || {
            (trade.levels("LAST").await == Levels { on_hand: 1, allocated: 0, held: 0 }).then_some(())
        })
        .await;
        trade.buy(&baskets[loser], "tok_success", "second try").await.expect(201);
    });
}
