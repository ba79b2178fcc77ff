//! What the test provider does by itself at a time.

use bloom_db::TenantTx;
use bloom_events::timer::{TimerHandler, cancel, schedule};
use bloom_fault::Fault;
use bloom_kernel::Timestamp;
use bloom_runtime::RequestContext;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::Sandbox;
use crate::domain::{Kind, Status};
use crate::ops::deliver_notice::deliver;
use crate::ops::settle::{Verdict, decide, settle};

const DELIVER: &str = "sandbox.deliver";
const SETTLE: &str = "sandbox.settle";
const EXPIRE: &str = "sandbox.expire";

#[derive(Serialize, Deserialize)]
struct Attempt {
    attempt: u32,
}

pub(crate) async fn deliver_at(tx: &mut TenantTx, notice: Uuid, copy: u32, attempt: u32, at: Timestamp) -> Result<(), Fault> {
    schedule(tx, DELIVER, &format!("{notice}.{copy}"), at, &Attempt { attempt }).await
}

pub(crate) async fn settle_at(tx: &mut TenantTx, kind: Kind, id: Uuid, at: Timestamp) -> Result<(), Fault> {
    schedule(tx, SETTLE, &kind.id(id), at, &()).await
}

pub(crate) async fn expire_at(tx: &mut TenantTx, kind: Kind, id: Uuid, at: Timestamp) -> Result<(), Fault> {
    schedule(tx, EXPIRE, &kind.id(id), at, &()).await
}

pub(crate) async fn expire_cancel(tx: &mut TenantTx, kind: Kind, id: Uuid) -> Result<(), Fault> {
    cancel(tx, EXPIRE, &kind.id(id)).await
}

/// Delivers notices.
pub(crate) struct Deliver(pub(crate) Sandbox);
/// Ends what was pending.
pub(crate) struct Settle(pub(crate) Sandbox);
/// Ends what the payer did not come for.
pub(crate) struct Expire(pub(crate) Sandbox);

impl TimerHandler for Deliver {
    fn kind(&self) -> &'static str {
        DELIVER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let Attempt { attempt } = serde_json::from_str(payload.get()).map_err(Fault::internal)?;
            let (notice, copy) = copy_of(key).ok_or_else(|| Fault::internal("a timer of no notice"))?;
            deliver(&self.0, call, notice, copy, attempt).await
        })
    }
}

impl TimerHandler for Settle {
    fn kind(&self) -> &'static str {
        SETTLE
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let (kind, id) = object(key)?;
            settle(&self.0, call, kind, id).await
        })
    }
}

impl TimerHandler for Expire {
    fn kind(&self) -> &'static str {
        EXPIRE
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let (_, id) = object(key)?;
            decide(&self.0, call, id, Status::RequiresAction, Verdict::Fails("expired")).await.map(drop)
        })
    }
}

fn object(key: &str) -> Result<(Kind, Uuid), Fault> {
    Kind::parse(key).ok_or_else(|| Fault::internal("a timer of no object"))
}

fn copy_of(key: &str) -> Option<(Uuid, u32)> {
    let (notice, copy) = key.split_once('.')?;
    Some((Uuid::try_parse(notice).ok()?, copy.parse().ok()?))
}
