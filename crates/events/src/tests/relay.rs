//! Shards, leases, positions.

use std::time::Duration;

use sqlx::PgConnection;

use crate::Bus;
use crate::shard::SHARDS;
use crate::store::lease::{Grant, lease_claim, lease_positions, lease_release, owner_share};
use crate::store::outbox::{Advance, outbox_after, outbox_pending, outbox_stamp};
use crate::tests::fixture::{eventually, pair};

async fn claim(conn: &mut PgConnection, owner: &str, seconds: f64) -> Vec<Grant> {
    let share = owner_share(conn, owner, seconds).await.unwrap();
    lease_claim(conn, owner, seconds, share).await.unwrap()
}

#[tokio::test]
async fn a_former_owner_cannot_stamp() {
    let pair = pair(Bus::in_process()).await;
    pair.change("thing").await;
    let mut tx = pair.alpha.db.system().await.unwrap();
    let old = claim(&mut tx, "old", 0.0).await;
    tx.commit().await.unwrap();
    let mut tx = pair.alpha.db.system().await.unwrap();
    let new = claim(&mut tx, "new", 60.0).await;
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
async fn a_shard_has_one_owner_until_its_lease_ends() {
    let pair = pair(Bus::in_process()).await;
    let mut tx = pair.alpha.db.system().await.unwrap();
    let mine = claim(&mut tx, "one", 60.0).await;
    assert_eq!(claim(&mut tx, "two", 60.0).await.len(), 0);
    let renewed = claim(&mut tx, "one", 60.0).await;
    assert!(renewed.iter().all(|after| mine.iter().any(|before| (before.shard, before.epoch) == (after.shard, after.epoch))));
    lease_release(&mut tx, "one").await.unwrap();
    assert_eq!(claim(&mut tx, "two", 60.0).await.len(), SHARDS);
}

#[tokio::test]
async fn positions_are_gap_free_and_in_insertion_order() {
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
async fn a_restarted_relay_resumes_at_the_lease_position() {
    let pair = pair(Bus::in_process()).await;
    pair.change("thing").await;
    let mut first = pair.relay();
    first.lease = Duration::from_millis(1);
    assert_eq!(first.round().await.unwrap(), 1);
    pair.change("thing").await;
    // Real time: the lease expires by the database's clock.
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(pair.relay().round().await.unwrap(), 1);
    let mut tx = pair.alpha.db.system().await.unwrap();
    assert_eq!(lease_positions(&mut tx).await.unwrap().iter().max(), Some(&2));
}

/// Number of shards each owner holds after each has claimed twice; asserts that no shard has two owners.
async fn split(conn: &mut PgConnection, owners: &[&str]) -> Vec<usize> {
    let mut held = Vec::new();
    for _ in 0..2 {
        held.clear();
        for owner in owners {
            held.push(claim(conn, owner, 60.0).await);
        }
    }
    let mut shards: Vec<i16> = held.iter().flatten().map(|grant| grant.shard).collect();
    shards.sort_unstable();
    shards.dedup();
    assert_eq!(shards.len(), SHARDS, "each shard has one owner");
    held.iter().map(Vec::len).collect()
}

#[tokio::test]
async fn owners_share_evenly_and_moved_shards_get_a_new_epoch() {
    let pair = pair(Bus::in_process()).await;
    let mut tx = pair.alpha.db.system().await.unwrap();
    assert_eq!(split(&mut tx, &["a"]).await, [16]);
    assert_eq!(claim(&mut tx, "b", 60.0).await.len(), 0, "no shard is taken from its owner");
    let kept = claim(&mut tx, "a", 60.0).await;
    let moved = claim(&mut tx, "b", 60.0).await;
    assert_eq!((kept.len(), moved.len()), (8, 8));
    assert!(kept.iter().all(|grant| grant.epoch == 1) && moved.iter().all(|grant| grant.epoch == 2));
    assert_eq!(split(&mut tx, &["a", "b", "c"]).await, [6, 5, 5]);
    assert_eq!(split(&mut tx, &["a", "b", "c"]).await, [6, 5, 5], "an even split stays as it is");
    lease_release(&mut tx, "b").await.unwrap();
    assert_eq!(split(&mut tx, &["a", "c"]).await, [8, 8]);
    // One owner stops renewing: its leases and its registration expire together.
    claim(&mut tx, "a", 0.0).await;
    assert_eq!(split(&mut tx, &["c"]).await, [16]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_that_alternate_publish_everything_once_in_order() {
    let pair = pair(Bus::in_process()).await;
    let mut relays = Vec::new();
    let mut changes = 0;
    for expected in [vec![16], vec![8, 8], vec![6, 5, 5]] {
        let mut relay = pair.relay();
        relay.lease = Duration::from_millis(300);
        relays.push(relay);
        eventually("the split is even", async || {
            changes += 1;
            pair.change(&format!("thing-{}", changes % 20)).await;
            for relay in &mut relays {
                relay.round().await.unwrap();
            }
            let mut held: Vec<usize> = relays.iter().map(|relay| relay.grants.len()).collect();
            held.sort_unstable_by(|a, b| b.cmp(a));
            held == expected
        })
        .await;
    }
    let gone = relays.pop().unwrap();
    gone.release().await;
    eventually("two take over what the third gave back", async || {
        for relay in &mut relays {
            relay.round().await.unwrap();
        }
        pair.publisher().server().standing().await.unwrap().outbox == 0 && relays.iter().all(|relay| relay.grants.len() == 8)
    })
    .await;
    let mut tx = pair.alpha.db.system().await.unwrap();
    let from: Vec<(i16, i64)> = (0..16).map(|shard| (shard, 0)).collect();
    let log = outbox_after(&mut tx, "alpha", &from, 1_000).await.unwrap();
    assert_eq!(log.len(), changes);
    for thing in 0..20 {
        let aggregate = format!("thing-{thing}");
        let mut events: Vec<_> = log.iter().filter(|event| event.envelope.aggregate == aggregate).collect();
        events.sort_by_key(|event| event.position);
        assert!(events.iter().zip(1..).all(|(event, version)| event.envelope.version == version), "{aggregate}");
    }
}
