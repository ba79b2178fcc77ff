//! Shards, leases, positions.

use std::time::Duration;

use crate::Bus;
use crate::shard::SHARDS;
use crate::store::lease::{lease_claim, lease_positions, lease_release};
use crate::store::outbox::{Advance, outbox_after, outbox_pending, outbox_stamp};
use crate::tests::fixture::pair;

#[tokio::test]
async fn an_old_owner_can_stamp_nothing() {
    let pair = pair(Bus::in_process()).await;
    pair.change("thing").await;
    let mut tx = pair.alpha.db.system().await.unwrap();
    let old = lease_claim(&mut tx, "old", 0.0).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = pair.alpha.db.system().await.unwrap();
    let new = lease_claim(&mut tx, "new", 60.0).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((old.len(), new.len()), (SHARDS, SHARDS));
    assert!(old.iter().zip(&new).all(|(old, new)| new.epoch == old.epoch + 1));

    for (grants, stamped) in [(&old, 0), (&new, 1), (&new, 0)] {
        let mut tx = pair.alpha.db.system().await.unwrap();
        let shards: Vec<i16> = (0..16).collect();
        let mut events = outbox_pending(&mut tx, "alpha", &shards, 10).await.unwrap();
        if events.is_empty() {
            tx.commit().await.unwrap();
            assert_eq!(stamped, 0);
            continue;
        }
        events[0].position = 1;
        let grant = grants.iter().find(|grant| grant.shard == events[0].shard).unwrap();
        let advance = Advance { shard: grant.shard, epoch: grant.epoch, from: 0, to: 1 };
        assert_eq!(outbox_stamp(&mut tx, &[advance], &events).await.unwrap(), stamped);
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_shard_has_one_owner_until_its_lease_ends_or_is_given_back() {
    let pair = pair(Bus::in_process()).await;
    let mut tx = pair.alpha.db.system().await.unwrap();
    let mine = lease_claim(&mut tx, "one", 60.0).await.unwrap();
    assert_eq!(lease_claim(&mut tx, "two", 60.0).await.unwrap().len(), 0);
    let renewed = lease_claim(&mut tx, "one", 60.0).await.unwrap();
    assert!(mine.iter().zip(&renewed).all(|(before, after)| before.epoch == after.epoch));
    lease_release(&mut tx, "one").await.unwrap();
    assert_eq!(lease_claim(&mut tx, "two", 60.0).await.unwrap().len(), SHARDS);
}

#[tokio::test]
async fn positions_are_gap_free_and_in_order_of_writing() {
    let pair = pair(Bus::in_process()).await;
    let mut relay = pair.relay();
    for round in 0..3 {
        for thing in 0..20 {
            pair.change(&format!("thing-{thing}")).await;
        }
        assert_eq!(relay.round().await.unwrap(), 20, "round {round}");
    }
    assert_eq!(relay.round().await.unwrap(), 0);
    let mut tx = pair.alpha.db.system().await.unwrap();
    let heads = lease_positions(&mut tx).await.unwrap();
    assert_eq!(heads.iter().sum::<i64>(), 60);
    let from: Vec<(i16, i64)> = (0..16).map(|shard| (shard, 0)).collect();
    let log = outbox_after(&mut tx, "alpha", &from, 1_000).await.unwrap();
    for shard in 0..16 {
        let positions: Vec<i64> = log.iter().filter(|event| event.shard == shard).map(|event| event.position).collect();
        let expected: Vec<i64> = (1..=i64::try_from(positions.len()).unwrap()).collect();
        assert_eq!(positions, expected);
    }
    assert_eq!(log.len(), 60);
}

#[tokio::test]
async fn a_restarted_relay_goes_on_where_the_lease_says() {
    let pair = pair(Bus::in_process()).await;
    pair.change("thing").await;
    let mut first = pair.relay();
    first.lease = Duration::from_millis(1);
    assert_eq!(first.round().await.unwrap(), 1);
    pair.change("thing").await;
    // Real time: the lease runs out on the clock of the database.
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(pair.relay().round().await.unwrap(), 1);
    let mut tx = pair.alpha.db.system().await.unwrap();
    assert_eq!(lease_positions(&mut tx).await.unwrap().iter().max(), Some(&2));
}
