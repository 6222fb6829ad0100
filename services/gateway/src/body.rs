//! Bodies on their way: the client's with a limit and a patience, and what goes back to it.

use crate::framing;
use crate::front::Link;
use crate::upstream::{Place, Streamed};
use bytes::{Bytes, BytesMut};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A body up to this length is waited for before its service is asked. As much as a head, which a client may be slow with
/// as well.
const SHORT: u64 = framing::LARGEST_HEAD as u64;

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

/// The body of a request as it comes.
pub(crate) enum Received {
    /// There is none.
    Nothing,
    /// What the connection gives before its next request.
    Http1(Link),
    /// That of a stream.
    Http2(Incoming),
}

impl Received {
    /// Whether there is nothing to read.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Http1(link) => link.is_between(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    /// How much is to come, in bytes, if the client said so.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Nothing => Some(0),
            Self::Http1(link) => link.body_length(),
            Self::Http2(body) => body.size_hint().exact(),
        }
    }

    /// Whether the client does not send it before it is read.
    pub(crate) fn is_expected(&self) -> bool {
        match self {
            Self::Http1(link) => link.is_expected(),
            Self::Nothing | Self::Http2(_) => false,
        }
    }

    /// The next data; `None` after the last. Trailers are not passed on.
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        match self {
            Self::Nothing => Poll::Ready(None),
            Self::Http1(link) => {
                let piece = ready!(link.poll_piece(context));
                Poll::Ready(piece.map(|piece| piece.map_err(|_| BodyError::Broken)))
            }
            Self::Http2(body) => loop {
                let frame = ready!(Pin::new(&mut *body).poll_frame(context));
                let data = frame.map(|frame| frame.map(Frame::into_data));
                return Poll::Ready(match data {
                    None => None,
                    Some(Ok(Ok(data))) => Some(Ok(data)),
                    Some(Ok(Err(_trailers))) => continue,
                    Some(Err(_)) => Some(Err(BodyError::Broken)),
                });
            },
        }
    }
}

/// The body of a request, at most `limit` bytes long.
pub(crate) struct Sent {
    body: Received,
    /// All of it, if it was read ahead.
    gathered: Bytes,
    /// What of that is still to be given.
    rest: Bytes,
    limit: u64,
    left: u64,
    /// How long the client may be silent.
    patience: Duration,
    idle: Option<Pin<Box<Sleep>>>,
    /// What it takes up of the service until it is there.
    place: Option<Place>,
    /// Whether the client has not sent what was asked for last.
    is_awaited: bool,
    begun: bool,
    ended: bool,
}

impl Sent {
    /// A body that nobody has read from yet.
    pub(crate) fn new(body: Received, limit: u64, patience: Duration) -> Self {
        let ended = body.is_empty();
        Self {
            body,
            gathered: Bytes::new(),
            rest: Bytes::new(),
            limit,
            left: limit,
            patience,
            idle: None,
            place: None,
            is_awaited: false,
            begun: false,
            ended,
        }
    }

    /// Takes up a place until the client has sent all of it.
    pub(crate) fn hold(&mut self, place: Place) {
        self.place = Some(place);
    }

    fn end(&mut self) {
        self.ended = true;
        self.place = None;
    }

    /// Waits for all of it, if it is known to be short: what is asked then does not wait for the client, and can be asked
    /// again.
    pub(crate) async fn gather(&mut self) -> Result<(), BodyError> {
        let length = self.length().filter(|length| *length <= SHORT);
        let Some(length) = length.filter(|length| *length > 0) else {
            return Ok(());
        };
        let mut next = async || poll_fn(|context| self.poll_piece(context)).await;
        let first = next().await.transpose()?.unwrap_or_default();
        let mut all = BytesMut::new();
        while let Some(piece) = next().await.transpose()? {
            if all.is_empty() {
                all.reserve(usize::try_from(length).unwrap_or_default());
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&piece);
        }
        self.gathered = if all.is_empty() { first } else { all.freeze() };
        Ok(())
    }

    /// Whether there is nothing to read.
    pub(crate) fn is_empty(&self) -> bool {
        self.gathered.is_empty() && self.body.is_empty()
    }

    /// Whether the client has not sent what was asked for last.
    pub(crate) fn is_awaited(&self) -> bool {
        self.is_awaited
    }

    /// Whether somebody has read of it what cannot be read again.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun && self.gathered.is_empty()
    }

    /// Begins anew, as far as it was gathered.
    pub(crate) fn rewind(&mut self) {
        self.rest = self.gathered.clone();
    }

    /// Whether the client has sent all of it.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Its length, if the client said so.
    pub(crate) fn length(&self) -> Option<u64> {
        let length = self.body.length();
        length.map(|length| length + self.gathered.len() as u64)
    }

    /// The next piece; `None` after the last one. Trailers are not passed on.
    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.begun = true;
        if !self.gathered.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Poll::Ready((!rest.is_empty()).then_some(Ok(rest)));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let patience = self.patience;
        let polled = self.body.poll_data(context);
        self.is_awaited = polled.is_pending();
        let Poll::Ready(data) = polled else {
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
        let Some(data) = data.transpose()? else {
            self.end();
            return Poll::Ready(None);
        };
        let Some(left) = self.left.checked_sub(data.len() as u64) else {
            return Poll::Ready(Some(Err(BodyError::TooLarge(self.limit))));
        };
        self.left = left;
        if self.body.is_empty() {
            self.end();
        }
        Poll::Ready(Some(Ok(data)))
    }
}

/// The body of an answer.
pub(crate) enum Given {
    /// All of it.
    Whole(Option<Bytes>),
    /// As it comes from the service.
    Streamed(Box<Streamed>),
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
