//! A body of a client, with a limit on its silence.

use hyper::body::{Body, Frame, SizeHint};
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

type BoxError = Box<dyn Error + Send + Sync>;

/// The client said nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error("the body did not come in time")]
pub(crate) struct Silence;

/// A body whose next piece is waited for only so long. Unlike the one of `tower_http` it still
/// says how long the body is, so that the upstream hears a length where the client gave one.
#[derive(Debug)]
pub(crate) struct Patient<B> {
    body: B,
    limit: Duration,
    /// Only while something is waited for: most bodies are there at once.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<B> Patient<B> {
    /// Waits for each piece of `body` at most this long.
    pub(crate) fn new(limit: Duration, body: B) -> Self {
        Self {
            body,
            limit,
            waiting: None,
        }
    }
}

impl<B> Body for Patient<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Some(Err(Silence.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
