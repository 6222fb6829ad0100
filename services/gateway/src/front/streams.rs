//! The streams of a connection of HTTP/2: how many there are, and an end for those that their client leaves lying.
//!
//! The library serves each stream by a task, which asks for the next piece of an answer when the client has made room for
//! the one before. So a stream that has got a piece and does not ask for the next one waits for its client.

use crate::body::Given;
use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

thread_local! {
    /// Whom the stream waits for that is being polled, if its answer was asked for a piece.
    static AWAITED: Cell<Option<Awaited>> = const { Cell::new(None) };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Client,
    Service,
}

/// The streams of one connection: runs them. Cheap to clone.
#[derive(Clone)]
pub(super) struct Streams(Arc<Count>);

struct Count {
    /// How long a client may not take a piece.
    patience: Duration,
    open: AtomicUsize,
    /// Bytes of answers that the library has and the client has not.
    unsent: AtomicUsize,
    began: Instant,
    /// When a stream ended last, or some of these bytes went, in milliseconds since the beginning.
    moved_ms: AtomicU64,
}

impl Count {
    fn moves(&self) {
        let moved_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved_ms.store(moved_ms, Ordering::Relaxed);
    }

    fn sent(&self, bytes: usize) {
        self.moves();
        self.unsent.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Streams {
    /// There is none yet.
    pub(super) fn new(patience: Duration) -> Self {
        Self(Arc::new(Count {
            patience,
            open: AtomicUsize::new(0),
            unsent: AtomicUsize::new(0),
            began: Instant::now(),
            moved_ms: AtomicU64::new(0),
        }))
    }

    /// An answer for one of them.
    pub(super) fn offer(&self, answer: Given) -> Offered {
        Offered {
            answer,
            count: Arc::clone(&self.0),
        }
    }

    /// Waits until there has been none for so long, from now on. What the library has still to send is taken, or has
    /// been lying for as long as a client may leave it.
    pub(super) async fn gone_for(&self, quiet: Duration) {
        let (asked, count) = (Instant::now(), &self.0);
        loop {
            let now = Instant::now();
            let moved_ms = count.moved_ms.load(Ordering::Relaxed);
            let moved = asked.max(count.began + Duration::from_millis(moved_ms));
            let unsent = count.unsent.load(Ordering::Relaxed);
            let gone = match count.open.load(Ordering::Relaxed) {
                0 if unsent == 0 => moved + quiet,
                0 => moved + quiet.max(count.patience),
                _ => now + quiet,
            };
            if gone <= now {
                return;
            }
            tokio::time::sleep_until(gone).await;
        }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        let open = Open(Arc::clone(&self.0));
        tokio::spawn(async move { unless_left(stream, open.0.patience).await });
    }
}

/// One stream, until it is dropped.
struct Open(Arc<Count>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.moves();
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a stream, unless its client does not take a piece for so long: then the stream is reset.
async fn unless_left(stream: impl Future<Output = ()>, patience: Duration) {
    let mut stream = pin!(stream);
    let mut awaited = Awaited::Service;
    let mut alarm: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|context| {
        AWAITED.set(None);
        if stream.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let news = AWAITED.take();
        awaited = news.unwrap_or(awaited);
        if awaited == Awaited::Service {
            return Poll::Pending;
        }
        let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if news.is_some() {
            alarm.as_mut().reset(Instant::now() + patience);
        }
        alarm.as_mut().poll(context)
    })
    .await;
}

/// The body of an answer that says whom its stream waits for.
pub(super) struct Offered {
    answer: Given,
    count: Arc<Count>,
}

/// A piece of an answer, counted until it has gone to the client.
pub(super) struct Piece {
    bytes: Bytes,
    count: Arc<Count>,
}

impl Piece {
    fn new(bytes: Bytes, count: &Arc<Count>) -> Self {
        count.unsent.fetch_add(bytes.len(), Ordering::Relaxed);
        let count = Arc::clone(count);
        Self { bytes, count }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, bytes: usize) {
        self.bytes.advance(bytes);
        self.count.sent(bytes);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.count.sent(self.bytes.len());
    }
}

impl Body for Offered {
    type Data = Piece;
    type Error = <Given as Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Self::Error>>> {
        let Self { answer, count } = self.get_mut();
        let piece = Pin::new(answer).poll_frame(context);
        let awaited = match piece {
            Poll::Ready(_) => Awaited::Client,
            Poll::Pending => Awaited::Service,
        };
        AWAITED.set(Some(awaited));
        let counted = |frame: Frame<Bytes>| frame.map_data(|bytes| Piece::new(bytes, count));
        piece.map(|piece| piece.map(|frame| frame.map(counted)))
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINGER: Duration = Duration::from_secs(2);
    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_what_is_left_is_waited_for() {
        let (streams, begun) = (Streams::new(PATIENCE), Instant::now());
        let mut left = Piece::new(Bytes::from_static(b"left"), &streams.0);
        let taking = async {
            while left.has_remaining() {
                tokio::time::sleep(Duration::from_secs(8)).await;
                left.advance(1);
            }
        };
        tokio::join!(streams.gone_for(LINGER), taking);
        let took = begun.elapsed();
        assert!(took >= Duration::from_secs(4 * 8), "{took:?}");
        assert!(took <= Duration::from_secs(4 * 8 + 3), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_takes_nothing_is_waited_for_as_long_as_it_may_leave_an_answer() {
        let (streams, begun) = (Streams::new(PATIENCE), Instant::now());
        let left = Piece::new(Bytes::from_static(b"left"), &streams.0);
        streams.gone_for(LINGER).await;
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() <= PATIENCE + LINGER);
        drop(left);
        let begun = Instant::now();
        streams.gone_for(LINGER).await;
        assert!(begun.elapsed() >= LINGER && begun.elapsed() < PATIENCE);
    }
}
