//! The body of an answer, as it comes.

use super::Upstream;
use super::connection::Connection;
use super::error::Broken;
use super::head::Framing;
use super::pool::Pool;
use bytes::{Buf as _, Bytes};
use opentelemetry::trace::TraceId;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use stoa_client::InFlight;
use tokio::time::{Instant, Sleep};

/// Event streams send a comment each 15 s; a body that is silent for this long is lost.
const IDLE: Duration = Duration::from_secs(75);
/// The line before a chunk, and what may follow the last one.
const LONGEST_LINE: usize = 16 << 10;

/// A body that is still to come; its address counts it as in flight until then.
pub(crate) struct Streamed {
    connection: Option<Connection>,
    left: Left,
    /// Where the connection goes afterwards, if it may be used again.
    pool: Option<Pool>,
    endpoint: InFlight,
    idle: Option<Pin<Box<Sleep>>>,
    /// Where it is counted if the body breaks off.
    upstream: Option<Arc<Upstream>>,
    /// Of the client's request that it answers.
    trace: Option<TraceId>,
}

/// What is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Length(u64),
    UntilClose,
    /// The size of the next chunk.
    Size,
    /// So much of this chunk.
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    /// Lines up to an empty one.
    Trailers,
    Nothing,
}

impl Streamed {
    pub(super) fn new(
        connection: Connection,
        framing: Framing,
        pool: Option<Pool>,
        endpoint: InFlight,
    ) -> Self {
        let left = match framing {
            Framing::None => Left::Nothing,
            Framing::Length(length) => Left::Length(length),
            Framing::Chunked => Left::Size,
            Framing::UntilClose => Left::UntilClose,
        };
        Self {
            connection: Some(connection),
            left,
            pool,
            endpoint,
            idle: None,
            upstream: None,
            trace: None,
        }
    }

    /// Is counted as one of this service.
    pub(super) fn come_from(&mut self, upstream: Arc<Upstream>) {
        self.upstream = Some(upstream);
    }

    /// Answers a client, by this trace: if it breaks off the log says so. Who reads it without one says so itself.
    pub(crate) fn belong_to(&mut self, trace: [u8; 16]) {
        self.trace = Some(TraceId::from_bytes(trace));
    }

    /// How many bytes are still to come, if that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        match self.left {
            Left::Length(left) => Some(left),
            Left::Nothing => Some(0),
            _ => None,
        }
    }

    /// The next piece; `None` after the last one. Trailers are not passed on.
    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            match self.advance() {
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(None) if self.left == Left::Nothing => {
                    self.settle();
                    return Poll::Ready(None);
                }
                Ok(None) => {}
                Err(error) => return self.break_off(error),
            }
            match ready!(self.poll_more(context)) {
                Ok(0) if self.left == Left::UntilClose => self.left = Left::Nothing,
                Ok(0) => return self.break_off(Broken::Ended),
                Ok(_) => {}
                Err(error) => return self.break_off(error),
            }
        }
    }

    /// Takes a piece out of what has been received; nothing when more has to come.
    fn advance(&mut self) -> Result<Option<Bytes>, Broken> {
        let Some(connection) = self.connection.as_mut() else {
            return Ok(None);
        };
        let received = connection.received();
        loop {
            match self.left {
                Left::Length(0) | Left::Nothing => {
                    self.left = Left::Nothing;
                    return Ok(None);
                }
                Left::Chunk(0) => self.left = Left::ChunkEnd,
                _ if received.is_empty() => return Ok(None),
                Left::Length(ref mut left) | Left::Chunk(ref mut left) => {
                    let count = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(received.len());
                    *left -= count as u64;
                    return Ok(Some(received.split_to(count).freeze()));
                }
                Left::UntilClose => return Ok(Some(received.split().freeze())),
                Left::Size => {
                    match httparse::parse_chunk_size(received).map_err(|_| Broken::Malformed)? {
                        httparse::Status::Complete((length, size)) => {
                            received.advance(length);
                            self.left = if size == 0 {
                                Left::Trailers
                            } else {
                                Left::Chunk(size)
                            };
                        }
                        httparse::Status::Partial => return short(received.len()),
                    }
                }
                Left::ChunkEnd if received.len() < 2 => return Ok(None),
                Left::ChunkEnd if received.starts_with(b"\r\n") => {
                    received.advance(2);
                    self.left = Left::Size;
                }
                Left::ChunkEnd => return Err(Broken::Malformed),
                Left::Trailers => {
                    let end = received.windows(2).position(|pair| pair == b"\r\n");
                    let Some(end) = end else {
                        return short(received.len());
                    };
                    received.advance(end + 2);
                    if end == 0 {
                        self.left = Left::Nothing;
                    }
                }
            }
        }
    }

    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, Broken>> {
        let expected = match self.left {
            Left::Length(left) | Left::Chunk(left) => left,
            _ => 0,
        };
        let Some(connection) = self.connection.as_mut() else {
            return Poll::Ready(Err(Broken::Ended));
        };
        if let Poll::Ready(received) = connection.poll_receive(context, expected) {
            if let Some(idle) = &mut self.idle {
                idle.as_mut().reset(Instant::now() + IDLE);
            }
            return Poll::Ready(Ok(received?));
        }
        let idle = self
            .idle
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(IDLE)));
        idle.as_mut().poll(context).map(|()| Err(Broken::Idle))
    }

    /// Gives the connection back when all has come.
    fn settle(&mut self) {
        let free = self.connection.take();
        if let (Some(mut connection), Some(pool)) = (free, self.pool.take())
            && connection.received().is_empty()
        {
            pool.put(self.endpoint.address(), connection, Instant::now());
        }
    }

    fn break_off(&mut self, error: Broken) -> Poll<Option<Result<Bytes, Broken>>> {
        self.connection = None;
        self.left = Left::Nothing;
        self.endpoint.broke_off();
        if let Some(upstream) = self.upstream.take() {
            upstream.meter.broken_bodies.increment(1);
            self.tell(&upstream.name, &error);
        }
        Poll::Ready(Some(Err(error)))
    }

    fn tell(&self, service: &str, error: &Broken) {
        let Some(trace_id) = self.trace else {
            return;
        };
        let address = self.endpoint.address();
        let error = error as &dyn std::error::Error;
        tracing::warn!(service, %address, error, %trace_id, "an answer broke off after its head");
    }
}

/// Nothing yet, if it may become something.
fn short(received: usize) -> Result<Option<Bytes>, Broken> {
    if received > LONGEST_LINE {
        return Err(Broken::Malformed);
    }
    Ok(None)
}
