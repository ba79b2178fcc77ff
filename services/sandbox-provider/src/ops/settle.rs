//! What becomes of an object later: by time, or by the payer at the issuer's page.

use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use uuid::Uuid;

use super::deliver_notice::announce;
use crate::Sandbox;
use crate::domain::{Authorisation, Kind, Status};
use crate::store::authorisation::{authorisation_lock, authorisation_update};
use crate::store::movement::movement_settle;
use crate::timers;

/// How an authorisation that waits ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It succeeds.
    Succeeds,
    /// It fails, for this reason.
    Fails(&'static str),
}

/// A pending object is done, and a notice tells.
pub(crate) async fn settle(app: &Sandbox, call: &RequestContext, kind: Kind, id: Uuid) -> Result<(), Fault> {
    match kind {
        Kind::Authorisation => decide(app, call, id, Status::Pending, Verdict::Succeeds).await.map(drop),
        Kind::Movement(_) => {
            let mut tx = app.db.write(call).await?;
            if let Some(done) = movement_settle(&mut tx, id).await? {
                announce(app, &mut tx, &done.json(), 1, app.host.now(call.tenant)).await?;
            }
            tx.commit().await
        }
    }
}

/// An authorisation that waits in this status ends, and a notice tells; one that does not wait so stays as it is.
pub(crate) async fn decide(
    app: &Sandbox,
    call: &RequestContext,
    id: Uuid,
    waits: Status,
    verdict: Verdict,
) -> Result<Authorisation, Fault> {
    let mut tx = app.db.write(call).await?;
    let mut authorisation = authorisation_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("authorisation"))?;
    if authorisation.status != waits {
        return Ok(authorisation);
    }
    (authorisation.status, authorisation.failure_code) = match verdict {
        Verdict::Succeeds => (Status::Succeeded, None),
        Verdict::Fails(code) => (Status::Failed, Some(code.to_owned())),
    };
    authorisation.sequence += 1;
    authorisation_update(&mut tx, &authorisation).await?;
    timers::expire_cancel(&mut tx, Kind::Authorisation, id).await?;
    let now = app.host.now(call.tenant);
    announce(app, &mut tx, &authorisation.json(&app.public_url), 1, now).await?;
    tx.commit().await?;
    Ok(authorisation)
}
