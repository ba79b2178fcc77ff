//! Wraps a request's body, so that the layer knows afterwards which side the response waited for, and what was left
//! unread.
//!
//! A request may be refused by its headers while most of its body is still being sent. A server that stops reading then
//! resets the connection, and the response may be lost; so the rest is read within limits and discarded.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body as AxumBody;
use axum::extract::Request;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};

/// Limits for discarding an unwanted body.
#[derive(Clone, Copy, Debug)]
pub struct DiscardLimits {
    /// Maximum number of bytes.
    pub bytes: u64,
    /// Maximum time.
    pub time: Duration,
}

/// Limits for what a handler left unread: the client may still be sending it.
const UNREAD: DiscardLimits = DiscardLimits { bytes: 64 * 1024 * 1024, time: Duration::from_secs(2) };

/// Reads and discards a body within limits, because closing a connection with unread bytes resets it and may lose the
/// response. True when the end of the body was reached.
pub async fn discard(mut body: impl Body<Data = Bytes> + Unpin, limits: DiscardLimits) -> bool {
    let mut left = limits.bytes;
    let read = async {
        while let Some(frame) = body.frame().await {
            let size = |frame: &Frame<Bytes>| frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
            let Some(less) = frame.ok().and_then(|frame| left.checked_sub(size(&frame))) else { return false };
            left = less;
        }
        true
    };
    // The response is the same whether or not the limit was reached.
    tokio::time::timeout(limits.time, read).await.unwrap_or(false)
}

/// The state of a body after its reader has finished.
#[derive(Clone, Default)]
pub(super) struct TrackedBody(Arc<State>);

#[derive(Default)]
struct State {
    is_awaited: AtomicBool,
    /// The unread rest that its reader dropped.
    rest: Mutex<Option<AxumBody>>,
}

impl TrackedBody {
    /// Wraps the body for the reader of the request; `None` if there is no body.
    pub(super) fn track(request: Request) -> (Request, Option<Self>) {
        if request.body().is_end_stream() {
            return (request, None);
        }
        let arriving = Self::default();
        let home = arriving.clone();
        (request.map(|body| AxumBody::new(Lent { body, home, has_ended: false })), Some(arriving))
    }

    /// True when its reader waited for more than had arrived.
    pub(super) fn is_awaited(&self) -> bool {
        self.0.is_awaited.load(Ordering::Acquire)
    }

    /// Discards the rest in the background.
    pub(super) fn discard(self) {
        let Some(rest) = self.0.rest.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        #[expect(clippy::disallowed_methods, reason = "it ends within its limits, and no code awaits it")]
        tokio::spawn(discard(rest, UNREAD));
    }
}

struct Lent {
    body: AxumBody,
    home: TrackedBody,
    has_ended: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.has_ended && !self.body.is_end_stream() {
            let body = std::mem::take(&mut self.body);
            *self.home.0.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.home.0.is_awaited.store(frame.is_pending(), Ordering::Release);
        self.has_ended = matches!(frame, Poll::Ready(None | Some(Err(_))));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
