//! A body on its way in, which tells whom a request waits for: the client that sends it, or the service that reads it. What
//! is too long for its route is not passed on; the rest of it can be thrown away, so that its sender reads why.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bloom_web::{Patience, throw_away};
use bytes::Bytes;
use futures::task::AtomicWaker;
use http::{Request, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// For a body that is too long: its sender is a customer, and may be in the middle of it.
pub(crate) const LINGER: Patience = Patience { bytes: 8 * 1024 * 1024, time: Duration::from_secs(2) };
/// For a body of whoever is answered by the head alone: what came with the head, or right behind it.
pub(crate) const EARLY: Patience = Patience { bytes: 64 * 1024, time: Duration::from_millis(100) };

/// The body is longer than its route takes.
#[derive(Debug, thiserror::Error)]
#[error("the body is too long")]
pub(crate) struct TooLong;

/// Whether the client is awaited now.
#[derive(Clone, Default)]
pub(crate) struct Awaited(Arc<State>);

#[derive(Default)]
struct State {
    so: AtomicBool,
    /// All of the body has come.
    come: AtomicBool,
    over: AtomicBool,
    reader: AtomicWaker,
    /// What is left of a body that is too long.
    rest: Mutex<Option<Incoming>>,
}

impl Awaited {
    /// True while the service could take more of the body than has come.
    pub(crate) fn is_so(&self) -> bool {
        self.0.so.load(Ordering::Acquire)
    }

    /// True when all of the body was read.
    pub(crate) fn has_come(&self) -> bool {
        self.0.come.load(Ordering::Acquire)
    }

    /// Waits no more. The body is let go: while somebody could still read it, its connection would be kept open for it.
    pub(crate) fn end(&self) {
        self.0.over.store(true, Ordering::Release);
        self.0.reader.wake();
    }

    /// Throws away what is left of a body that is too long; true when that was all of it.
    pub(crate) async fn throw_away(&self) -> bool {
        let rest = self.0.rest.lock().unwrap_or_else(PoisonError::into_inner).take();
        match rest {
            Some(rest) => throw_away(rest, LINGER).await,
            None => false,
        }
    }
}

/// Ends a request that is answered without its body; true when all of that was thrown away, so that the connection may go
/// on. Who asks first whether to send it has sent nothing yet, and to read would be to say yes; and what cannot be read to
/// its end need not be begun.
pub(crate) async fn end(request: Request<Incoming>, patience: Patience) -> bool {
    let asks_first = request.headers().contains_key(header::EXPECT);
    let body = request.into_body();
    let is_read = !asks_first && body.size_hint().lower() <= patience.bytes;
    body.is_end_stream() || is_read && throw_away(body, patience).await
}

fn size(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX))
}

/// See the module.
pub(crate) struct Arriving {
    /// Nothing once nobody waits for it.
    body: Option<Incoming>,
    /// How many bytes may still come.
    left: u64,
    awaited: Awaited,
}

impl Arriving {
    pub(crate) fn new(body: Incoming, limit: u64, awaited: Awaited) -> Self {
        awaited.0.come.store(body.is_end_stream(), Ordering::Release);
        Self { body: Some(body), left: limit, awaited }
    }

    /// No body: of a request that the gateway makes of its own accord.
    pub(crate) fn none() -> Self {
        Self { body: None, left: 0, awaited: Awaited::default() }
    }
}

impl Body for Arriving {
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
