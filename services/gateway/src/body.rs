//! Bodies on their way: the client's with a limit and a patience, and what goes back to it.

use crate::upstream::Streamed;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// What is wrong with the body of a request.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The client sent more than the route takes.
    #[error("The body may have at most {0} bytes.")]
    TooLarge(u64),
    /// It broke off or is malformed.
    #[error("The body broke off or is malformed.")]
    Broken,
    /// It stopped coming.
    #[error("The body stopped coming.")]
    Idle,
}

/// The body of a request, at most `limit` bytes long.
pub(crate) struct Sent {
    body: Incoming,
    limit: u64,
    left: u64,
    /// How long the client may be silent.
    patience: Duration,
    idle: Option<Pin<Box<Sleep>>>,
    begun: bool,
    ended: bool,
}

impl Sent {
    /// A body that nobody has read from yet.
    pub(crate) fn new(body: Incoming, limit: u64, patience: Duration) -> Self {
        let ended = body.is_end_stream();
        Self {
            body,
            limit,
            left: limit,
            patience,
            idle: None,
            begun: false,
            ended,
        }
    }

    /// Whether there is nothing to read.
    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_end_stream()
    }

    /// Whether somebody has read from it.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether all of it has been read.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Its length, if the client said so.
    pub(crate) fn length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// The next piece; `None` after the last one. Trailers are not passed on.
    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.begun = true;
        let patience = self.patience;
        loop {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
                let idle = self
                    .idle
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
                return idle
                    .as_mut()
                    .poll(context)
                    .map(|()| Some(Err(BodyError::Idle)));
            };
            if let Some(idle) = &mut self.idle {
                idle.as_mut().reset(Instant::now() + patience);
            }
            let Some(frame) = frame else {
                self.ended = true;
                return Poll::Ready(None);
            };
            let Ok(data) = frame.map_err(|_| ()).map(Frame::into_data) else {
                return Poll::Ready(Some(Err(BodyError::Broken)));
            };
            let Ok(data) = data else { continue };
            let Some(left) = self.left.checked_sub(data.len() as u64) else {
                return Poll::Ready(Some(Err(BodyError::TooLarge(self.limit))));
            };
            self.left = left;
            return Poll::Ready(Some(Ok(data)));
        }
    }
}

/// The body of an answer.
pub(crate) enum Given {
    /// All of it.
    Whole(Option<Bytes>),
    /// As it comes from the service.
    Streamed(Streamed),
    /// Made or changed here.
    Made(UnsyncBoxBody<Bytes, BoxError>),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Given {
    /// All of a body.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// A body that is made here.
    pub(crate) fn made<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        use http_body_util::BodyExt as _;
        Self::Made(body.map_err(Into::into).boxed_unsync())
    }
}

impl Body for Given {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Streamed(body) => {
                let piece = ready!(body.poll_piece(context));
                Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(Into::into)))
            }
            Self::Made(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Streamed(_) => false,
            Self::Made(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Streamed(body) => body
                .left()
                .map_or_else(SizeHint::default, SizeHint::with_exact),
            Self::Made(body) => body.size_hint(),
        }
    }
}
