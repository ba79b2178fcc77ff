//! Decides a waiting authorisation: after a time, or when the payer acts on the issuer's page.

use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use uuid::Uuid;

use super::model::Authorisation;
use super::store::{authorisation_lock, authorisation_update};
use crate::Sandbox;
use crate::notice::notify;
use crate::object::Status;
use crate::scenario::unschedule_expiry;

/// The result of a waiting authorisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It succeeds.
    Succeeds,
    /// It fails, for this reason.
    Fails(&'static str),
}

/// Decides an authorisation that waits in this status, and notifies the account. In any other status it is unchanged.
pub(crate) async fn decide(
    app: &Sandbox,
    context: &RequestContext,
    id: Uuid,
    waits: Status,
    verdict: Verdict,
) -> Result<Authorisation, Fault> {
    app.db
        .transaction(context, async |tx| {
            let authorisation = authorisation_lock(tx, id).await?;
            let mut authorisation = authorisation.ok_or_else(|| Fault::not_found("authorisation"))?;
            if authorisation.status != waits {
                return Ok(authorisation);
            }
            (authorisation.status, authorisation.failure_code) = match verdict {
                Verdict::Succeeds => (Status::Succeeded, None),
                Verdict::Fails(code) => (Status::Failed, Some(code.to_owned())),
            };
            authorisation.sequence += 1;
            authorisation_update(tx, &authorisation).await?;
            unschedule_expiry(tx, authorisation.object_id());
            let now = tx.now();
            notify(tx, &authorisation.body(&app.public_url), 1, now).await?;
            Ok(authorisation)
        })
        .await
}
