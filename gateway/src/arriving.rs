//! A body on its way in, which tells whom a request waits for: the client that sends it, or the service that reads it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::task::AtomicWaker;
use http_body_util::Limited;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// Whether the client is awaited now.
#[derive(Clone, Default)]
pub(crate) struct Awaited(Arc<State>);

#[derive(Default)]
struct State {
    so: AtomicBool,
    over: AtomicBool,
    reader: AtomicWaker,
}

impl Awaited {
    /// True while the service could take more of the body than has come.
    pub(crate) fn is_so(&self) -> bool {
        self.0.so.load(Ordering::Acquire)
    }

    /// Waits no more. The body is let go: while somebody could still read it, its connection would be kept open for it.
    pub(crate) fn end(&self) {
        self.0.over.store(true, Ordering::Release);
        self.0.reader.wake();
    }
}

/// See the module.
pub(crate) struct Arriving {
    /// Nothing once nobody waits for it.
    body: Option<Limited<Incoming>>,
    awaited: Awaited,
}

impl Arriving {
    pub(crate) fn new(body: Limited<Incoming>, awaited: Awaited) -> Self {
        Self { body: Some(body), awaited }
    }

    /// No body: of a request that the gateway makes of its own accord.
    pub(crate) fn none() -> Self {
        Self { body: None, awaited: Awaited::default() }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = <Limited<Incoming> as Body>::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(context);
        let state = &this.awaited.0;
        state.so.store(frame.is_pending(), Ordering::Release);
        if frame.is_pending() {
            state.reader.register(context.waker());
            if state.over.load(Ordering::Acquire) {
                this.body = None;
                return Poll::Ready(Some(Err("the body did not arrive in time".into())));
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
