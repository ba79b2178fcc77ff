//! A body that nobody read to its end: a request may be refused by its head while most of it is still on its way. A server
//! that stops reading then resets the connection, and the refusal may be lost with it; so the rest is read within bounds and
//! thrown away.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, SizeHint};

/// A shorter body has come with its head, or right behind it.
const SHORT: u64 = 64 * 1024;
/// So much is thrown away, and for so long.
const MOST: u64 = 64 * 1024 * 1024;
const LONGEST: Duration = Duration::from_secs(2);

/// Where a body comes back to that its reader let go.
#[derive(Clone, Default)]
pub(super) struct Unread(Arc<Mutex<Option<Body>>>);

impl Unread {
    /// Lends a long body to the reader of the request; nothing of a short one.
    pub(super) fn of(request: Request) -> (Request, Option<Self>) {
        let size = request.body().size_hint();
        if size.upper().is_some_and(|most| most <= SHORT) {
            return (request, None);
        }
        let unread = Self::default();
        let home = unread.clone();
        (request.map(|body| Body::new(Lent { body, home })), Some(unread))
    }

    /// Throws away what is left, beside the answer.
    pub(super) fn throw_away(self) {
        let Some(mut body) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let read = async move {
            let mut left = MOST;
            while let Some(Ok(frame)) = body.frame().await {
                let size = frame.data_ref().map_or(0, Bytes::len);
                let Some(less) = left.checked_sub(u64::try_from(size).unwrap_or(u64::MAX)) else { return };
                left = less;
            }
        };
        #[expect(clippy::disallowed_methods, reason = "it ends by itself, soon, and nobody waits for it")]
        tokio::spawn(tokio::time::timeout(LONGEST, read));
    }
}

struct Lent {
    body: Body,
    home: Unread,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.body.is_end_stream() {
            let body = std::mem::take(&mut self.body);
            *self.home.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
