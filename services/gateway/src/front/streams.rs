//! The streams of a connection of HTTP/2: how many there are, and an end for those that their client leaves lying.
//!
//! The library serves each stream by a task, which asks for the next piece of an answer when the client has made room for
//! the one before. So a stream that has got a piece and does not ask for the next one waits for its client. What the library
//! has got lies there even when the task is over, and is counted (`unsent.rs`).

use super::unsent::{Lying, Piece, Unsent};
use crate::body::Given;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
pub(super) struct Streams {
    open: Arc<AtomicUsize>,
    unsent: Arc<Lying>,
}

impl Streams {
    /// There is none yet.
    pub(super) fn new(patience: Duration, all_unsent: Unsent) -> Self {
        Self {
            open: Arc::default(),
            unsent: Arc::new(Lying::new(patience, all_unsent)),
        }
    }

    /// An answer for one of them.
    pub(super) fn offer(&self, answer: Given) -> Offered {
        Offered {
            answer,
            unsent: Arc::clone(&self.unsent),
        }
    }

    /// Waits until there has been none for so long, from now on, and the library has nothing to send either; or until
    /// something has been lying there for as long as a client may leave it.
    pub(super) async fn gone_for(&self, quiet: Duration) {
        let (asked, unsent) = (Instant::now(), &self.unsent);
        loop {
            let now = Instant::now();
            let is_quiet = unsent.is_none() && self.open.load(Ordering::Relaxed) == 0;
            let gone = if is_quiet {
                asked.max(unsent.moved()) + quiet
            } else {
                now + quiet
            };
            let next = gone.min(now + unsent.told_in());
            if next <= now || unsent.is_left() {
                return;
            }
            tokio::time::sleep_until(next).await;
        }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let open = Open::of(self);
        tokio::spawn(async move { unless_left(stream, open.0.unsent.patience).await });
    }
}

/// One stream, until it is dropped.
struct Open(Streams);

impl Open {
    fn of(streams: &Streams) -> Self {
        streams.open.fetch_add(1, Ordering::Relaxed);
        Self(streams.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.unsent.moves();
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
    unsent: Arc<Lying>,
}

/// The process has as much to send as it may, and the client much of it.
#[derive(Debug, thiserror::Error)]
#[error("too many bytes wait for their clients")]
struct Full;

impl Body for Offered {
    type Data = Piece;
    type Error = <Given as Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Self::Error>>> {
        let Self { answer, unsent } = self.get_mut();
        if unsent.is_full() {
            return Poll::Ready(Some(Err(Full.into())));
        }
        let piece = Pin::new(answer).poll_frame(context);
        let awaited = match piece {
            Poll::Ready(_) => Awaited::Client,
            Poll::Pending => Awaited::Service,
        };
        AWAITED.set(Some(awaited));
        let counted =
            |frame: Frame<Bytes>| frame.map_data(|bytes| Piece::new(bytes, Arc::clone(unsent)));
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
    use super::super::unsent::MOST;
    use super::*;
    use bytes::Buf as _;

    const LINGER: Duration = Duration::from_secs(2);
    const PATIENCE: Duration = Duration::from_secs(10);

    impl Streams {
        fn piece(&self, bytes: &'static str) -> Piece {
            Piece::new(bytes.into(), Arc::clone(&self.unsent))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_what_is_left_is_waited_for() {
        let (streams, begun) = (Streams::new(PATIENCE, Unsent::default()), Instant::now());
        let mut left = streams.piece("left");
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
        let (streams, begun) = (Streams::new(PATIENCE, Unsent::default()), Instant::now());
        let left = streams.piece("left");
        streams.gone_for(LINGER).await;
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() <= PATIENCE + LINGER);
        drop(left);
        let begun = Instant::now();
        streams.gone_for(LINGER).await;
        assert!(begun.elapsed() >= LINGER && begun.elapsed() < PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_lies_is_not_excused_by_others_that_are_taken() {
        let (streams, begun) = (Streams::new(PATIENCE, Unsent::default()), Instant::now());
        let _left = streams.piece("left");
        let others = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                drop(Open::of(&streams));
                streams.piece("taken").advance(5);
            }
        };
        tokio::select! {
            () = streams.gone_for(Duration::from_mins(1)) => {}
            () = others => {}
        }
        let took = begun.elapsed();
        assert!(took >= PATIENCE && took <= PATIENCE + LINGER, "{took:?}");
    }

    #[tokio::test]
    async fn who_has_much_lying_gets_no_more_when_all_together_have_too_much() {
        let unsent = Unsent::default();
        let [greedy, modest] = [(); 2].map(|()| Streams::new(PATIENCE, unsent.clone()));
        let lies = Bytes::from(vec![0; MOST]);
        let lies = Piece::new(lies, Arc::clone(&greedy.unsent));
        let next = async |streams: &Streams| {
            let mut offered = streams.offer(Given::whole(Bytes::from_static(b"more")));
            let frame = poll_fn(|context| Pin::new(&mut offered).poll_frame(context)).await;
            frame.expect("a piece").is_ok()
        };
        assert!(!next(&greedy).await);
        assert!(next(&modest).await);
        drop(lies);
        assert!(next(&greedy).await);
        assert!(greedy.unsent.is_none() && modest.unsent.is_none());
    }
}
