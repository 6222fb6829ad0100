//! What a handler leaves of a body is read all the same.
//!
//! A connection that is closed over unread data is reset, and the answer is lost with it: who asked would see a
//! broken connection in place of a refusal that needed no body.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use http::header;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, SizeHint};

use super::body::DRAINED;

/// How long an answer waits for the rest of a body that nobody wants.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a body goes that was not read to its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Rest(Arc<Mutex<Option<Body>>>);

impl Rest {
    /// Lends the body of a request to its handler.
    pub(super) fn of(request: &mut Request) -> Self {
        let rest = Self::default();
        // Who waits to be asked for the body has not sent it.
        let is_coming = !request.headers().contains_key(header::EXPECT);
        if is_coming && !request.body().is_end_stream() {
            let lent = Lent {
                body: Some(std::mem::take(request.body_mut())),
                rest: rest.clone(),
            };
            *request.body_mut() = Body::new(lent);
        }
        rest
    }

    /// Reads what is left, as far as it is worth it.
    pub(super) async fn drain(self) {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut body) = left else { return };
        let drain = async {
            let mut read = 0;
            while read < DRAINED {
                let Some(Ok(frame)) = body.frame().await else {
                    break;
                };
                read += frame.data_ref().map_or(0, Bytes::len);
            }
        };
        // Whether it was all of it or not: the answer goes out.
        let _ = tokio::time::timeout(PATIENCE, drain).await;
    }
}

/// A body that comes back if it is dropped before its end.
struct Lent {
    body: Option<Body>,
    rest: Rest,
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = std::task::ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let exactly_none = || SizeHint::with_exact(0);
        self.body
            .as_ref()
            .map_or_else(exactly_none, Body::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.is_end_stream() {
            let mut left = self.rest.0.lock().unwrap_or_else(PoisonError::into_inner);
            *left = self.body.take();
        }
    }
}
