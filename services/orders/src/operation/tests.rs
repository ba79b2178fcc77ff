//! Statements on an operation that may have been settled already.

use bloom_fault::{Code, Fault};
use bloom_kernel::{FulfilmentId, Money};

use super::model::{OperationKind, OperationStatus};
use super::store::{
    operation_attempted, operation_get, operation_insert, operation_settle, operations_moving_money, operations_shipping,
    operations_waiting,
};
use crate::failure::Failure;
use crate::order::order_get;
use crate::tests::Fixture;

/// Otherwise captured money would count as being captured for ever, and a changed payment would repeat settled calls.
#[tokio::test(flavor = "multi_thread")]
async fn an_operation_runs_until_it_is_settled_once() {
    let fixture = Fixture::open().await;
    let id = fixture.order(1).await["id"].as_str().unwrap().parse().unwrap();
    let (env, call) = (&fixture.env, fixture.env.call());
    let mut tx = env.db.write(&call).await.unwrap();
    let order = order_get(&mut tx, id).await.unwrap().unwrap().order;
    let new = |kind| order.operation(env.host.id(env.tenant), kind, "test", env.host.now(env.tenant));
    let money = Money::new(300, order.currency);
    let fulfilment: FulfilmentId = env.host.id(env.tenant);
    let operations = [
        new(OperationKind::Capture).with_amount(money),
        new(OperationKind::Refund).with_amount(money),
        new(OperationKind::Void),
        new(OperationKind::Ship).with_target(fulfilment),
        new(OperationKind::Release),
    ];
    operation_insert(&mut tx, &operations).await.unwrap();
    let moving = operations_moving_money(&mut tx, id).await.unwrap();
    assert_eq!((moving.capturing, moving.voiding), (300, true));
    assert_eq!(operations_shipping(&mut tx, id).await.unwrap(), [fulfilment]);
    assert_eq!(operations_waiting(&mut tx, id).await.unwrap(), [], "the first call is still running");
    for operation in &operations {
        operation_attempted(&mut tx, operation.id, operation.created_at).await.unwrap();
    }
    let waiting = operations_waiting(&mut tx, id).await.unwrap();
    assert!(waiting.len() == 2 && operations[..2].iter().all(|operation| waiting.contains(&operation.id)), "{waiting:?}");

    let refused = Failure::of(&Fault::new(Code::Conflict, "second", "Second."));
    for operation in &operations {
        for (failure, is_first) in [(None, true), (Some(&refused), false)] {
            assert_eq!(operation_settle(&mut tx, operation.id, failure, operation.created_at).await.unwrap(), is_first);
        }
        let settled = operation_get(&mut tx, operation.id).await.unwrap().unwrap();
        assert_eq!((settled.status, settled.failure, settled.attempts), (OperationStatus::Succeeded, None, 1));
    }
    let moving = operations_moving_money(&mut tx, id).await.unwrap();
    assert_eq!((moving.capturing, moving.voiding), (0, false));
    assert_eq!(operations_shipping(&mut tx, id).await.unwrap(), []);
    assert_eq!(operations_waiting(&mut tx, id).await.unwrap(), []);
}
