//! Delayed changes of the test provider.

use bloom_fault::Fault;
use bloom_runtime::RequestContext;

use crate::Sandbox;
use crate::authorisation::{Verdict, decide};
use crate::movement::movement_settle;
use crate::notice::notify;
use crate::object::{ObjectId, ObjectKind, Status};

/// Settles a pending object and notifies the account.
pub(crate) async fn settle(app: &Sandbox, context: &RequestContext, object: ObjectId, (): ()) -> Result<(), Fault> {
    if object.kind == ObjectKind::Authorisation {
        return decide(app, context, object.id, Status::Pending, Verdict::Succeeds).await.map(drop);
    }
    app.db
        .transaction(context, async |tx| {
            if let Some(settled) = movement_settle(tx, object.id).await? {
                let now = tx.now();
                notify(tx, &settled.body(), 1, now).await?;
            }
            Ok(())
        })
        .await
}

/// Ends an authorisation whose payer has not acted.
pub(crate) async fn expire(app: &Sandbox, context: &RequestContext, object: ObjectId, (): ()) -> Result<(), Fault> {
    decide(app, context, object.id, Status::RequiresAction, Verdict::Fails("expired")).await.map(drop)
}
