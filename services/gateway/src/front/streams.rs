//! The streams of a connection of HTTP/2: how many there are, and an end for those that their client leaves lying.
//!
//! The library serves each stream by a task, which asks for the next piece of an answer when the client has made room for
//! the one before. So a stream that has got a piece and does not ask for the next one waits for its client.

use crate::body::Given;
use bytes::Bytes;
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
    began: Instant,
    /// When the last one ended, in milliseconds since the beginning.
    ended_ms: AtomicU64,
}

impl Streams {
    /// There is none yet.
    pub(super) fn new(patience: Duration) -> Self {
        Self(Arc::new(Count {
            patience,
            open: AtomicUsize::new(0),
            began: Instant::now(),
            ended_ms: AtomicU64::new(0),
        }))
    }

    /// Waits until there has been none for so long, from now on.
    pub(super) async fn gone_for(&self, quiet: Duration) {
        let asked = Instant::now();
        loop {
            let now = Instant::now();
            let ended_ms = self.0.ended_ms.load(Ordering::Relaxed);
            let since = match self.0.open.load(Ordering::Relaxed) {
                0 => asked.max(self.0.began + Duration::from_millis(ended_ms)),
                _ => now,
            };
            if since + quiet <= now {
                return;
            }
            tokio::time::sleep_until(since + quiet).await;
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
        let count = &self.0;
        let ended_ms = u64::try_from(count.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        count.ended_ms.store(ended_ms, Ordering::Relaxed);
        count.open.fetch_sub(1, Ordering::Relaxed);
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
pub(super) struct Offered(pub(super) Given);

impl Body for Offered {
    type Data = Bytes;
    type Error = <Given as Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = Pin::new(&mut self.get_mut().0).poll_frame(context);
        let awaited = match piece {
            Poll::Ready(_) => Awaited::Client,
            Poll::Pending => Awaited::Service,
        };
        AWAITED.set(Some(awaited));
        piece
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
