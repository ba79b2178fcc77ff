//! A request body that is being received. It records whether a request currently waits for the client, which sends the
//! body, or for the service, which reads it. A body beyond its route's limit is not passed on; the rest can be
//! discarded, so that the client reads the refusal.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bloom_web::{DiscardLimits, discard};
use bytes::Bytes;
use futures::task::AtomicWaker;
use http::{Request, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// Limits for discarding a body that is too long. They are generous, because the client is a customer who may still be
/// sending it.
pub(crate) const LINGER: DiscardLimits = DiscardLimits { bytes: 8 * 1024 * 1024, time: Duration::from_secs(2) };
/// Limits for discarding the body of a request that is answered by its headers alone: only what arrived with the
/// headers or right after them.
pub(crate) const EARLY: DiscardLimits = DiscardLimits { bytes: 64 * 1024, time: Duration::from_millis(100) };

/// The body exceeds its route's limit.
#[derive(Debug, thiserror::Error)]
#[error("the body is too long")]
pub(crate) struct TooLong;

/// Tells whether the request currently waits for the client.
#[derive(Clone, Default)]
pub(crate) struct Awaited(Arc<State>);

#[derive(Default)]
struct State {
    so: AtomicBool,
    /// The whole body has been received.
    come: AtomicBool,
    over: AtomicBool,
    reader: AtomicWaker,
    /// The unread rest of a body that is too long.
    rest: Mutex<Option<Incoming>>,
}

impl Awaited {
    /// True while the service could read more of the body than the client has sent.
    pub(crate) fn is_so(&self) -> bool {
        self.0.so.load(Ordering::Acquire)
    }

    /// True when the whole body was read.
    pub(crate) fn has_come(&self) -> bool {
        self.0.come.load(Ordering::Acquire)
    }

    /// Stops waiting and drops the body. As long as it could still be read, its connection would be kept open.
    pub(crate) fn end(&self) {
        self.0.over.store(true, Ordering::Release);
        self.0.reader.wake();
    }

    /// Discards the rest of a body that is too long; true when the end was reached.
    pub(crate) async fn discard(&self) -> bool {
        let rest = self.0.rest.lock().unwrap_or_else(PoisonError::into_inner).take();
        match rest {
            Some(rest) => discard(rest, LINGER).await,
            None => false,
        }
    }
}

/// Discards the body of a request that is answered without it; true when the end was reached, so that the connection
/// can be reused. A client that sent `Expect: 100-continue` has sent no body, and reading would ask for it; a body that
/// exceeds the limit is not read at all.
pub(crate) async fn end(request: Request<Incoming>, limits: DiscardLimits) -> bool {
    let asks_first = request.headers().contains_key(header::EXPECT);
    let body = request.into_body();
    let is_read = !asks_first && body.size_hint().lower() <= limits.bytes;
    body.is_end_stream() || is_read && discard(body, limits).await
}

fn size(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX))
}

/// See the module's documentation.
pub(crate) struct IncomingBody {
    /// `None` once nothing waits for it.
    body: Option<Incoming>,
    /// How many bytes may still arrive.
    left: u64,
    awaited: Awaited,
}

impl IncomingBody {
    pub(crate) fn new(body: Incoming, limit: u64, awaited: Awaited) -> Self {
        awaited.0.come.store(body.is_end_stream(), Ordering::Release);
        Self { body: Some(body), left: limit, awaited }
    }

    /// An empty body, for the gateway's own requests.
    pub(crate) fn none() -> Self {
        Self { body: None, left: 0, awaited: Awaited::default() }
    }
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let frame = Pin::new(&mut *body).poll_frame(context);
        let state = &this.awaited.0;
        state.so.store(frame.is_pending(), Ordering::Release);
        if matches!(frame, Poll::Ready(None)) || body.is_end_stream() {
            state.come.store(true, Ordering::Release);
        }
        if frame.is_pending() {
            state.reader.register(context.waker());
            if state.over.load(Ordering::Acquire) {
                this.body = None;
                return Poll::Ready(Some(Err("the body did not arrive in time".into())));
            }
        }
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            let Some(left) = this.left.checked_sub(size(frame)) else {
                *state.rest.lock().unwrap_or_else(PoisonError::into_inner) = this.body.take();
                return Poll::Ready(Some(Err(TooLong.into())));
            };
            this.left = left;
        }
        frame.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
