//! Room for documents that are held while nobody works on them: bodies that come in, answers until their client has read them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::Request,
};
use futures_util::stream;
use stoa_service::{Context, Problem, read_body};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use space::{Place, Space};

mod space;

/// The largest document, in bytes: three times the largest public intent set as JSON.
pub(crate) const LIMIT: usize = 5 << 20;
/// What room is counted in, in bytes.
const UNIT: usize = 1 << 10;
/// Bodies that come in, in units: four of the largest.
const INCOMING: u32 = 20 << 10;
/// Answers that go out, in units: the largest data takes 32 MiB as JSON.
const OUTGOING: u32 = 48 << 10;
/// What is no larger takes no room, as everywhere else; in bytes.
const SMALL: usize = 64 << 10;
/// How long a body waits for room.
const WAIT: Duration = Duration::from_secs(5);
/// How long an answer does, whose turn others wait for meanwhile.
const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// How long a client may take to read an answer: as long as it may take to upload.
pub(crate) const READ: Duration = Duration::from_mins(2);
/// Bytes of an answer that are handed to the connection at a time: it holds what it was given until it is sent.
const PIECE: usize = 64 << 10;

/// What is left of an answer, with its room.
type Held = Option<(Bytes, Place)>;

/// Room that is taken; none is where little is held.
pub(crate) type Taken = Option<Place>;

/// A body that the layer of `Idempotency-Key` has read, and has room for, until the answer is there.
#[derive(Clone, Copy)]
pub(crate) struct Received;

/// The room of this process; cheap to clone.
#[derive(Clone)]
pub(crate) struct Room {
    incoming: Arc<Space>,
    outgoing: Arc<Space>,
    context: Context,
}

impl Room {
    pub(crate) fn new(context: &Context) -> Self {
        Self {
            incoming: Space::new(INCOMING),
            outgoing: Space::new(OUTGOING),
            context: context.clone(),
        }
    }

    /// Reads a body of an account, once there is room for it.
    pub(crate) async fn receive(
        &self,
        account: Uuid,
        request: Request,
    ) -> Result<(Bytes, Taken), Problem> {
        let size = request.body().size_hint().upper();
        let size = size.map_or(LIMIT, |size| usize::try_from(size).unwrap_or(usize::MAX));
        // What is too large is refused, and not held.
        let has_room = size > LIMIT || request.extensions().get::<Received>().is_some();
        let taken = if has_room {
            None
        } else {
            self.incoming.take(account, size, WAIT).await?
        };
        Ok((read_body(request).await?, taken))
    }

    /// A body that is held until the client has read it, or has had its time for that.
    pub(crate) async fn answer(
        &self,
        account: Uuid,
        bytes: Bytes,
        time: Duration,
    ) -> Result<Body, Problem> {
        let taken = self.outgoing.take(account, bytes.len(), ANSWER_WAIT);
        let Some(taken) = taken.await? else {
            return Ok(Body::from(bytes));
        };
        let held = Arc::new(Mutex::new(Some((bytes, taken))));
        let read = CancellationToken::new();
        // A client that leaves gives its room back at once.
        let (overdue, done) = (Arc::downgrade(&held), read.clone());
        let shutdown = self.context.shutdown.clone();
        self.context.spawn(async move {
            tokio::select! {
                () = done.cancelled() => {}
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(time) => {
                    overdue.upgrade().and_then(|held| lock(&held).take());
                }
            }
        });
        let rest = (held, read.drop_guard());
        let pieces = stream::try_unfold(Some(rest), async |rest| {
            let Some((held, read)) = rest else {
                return Ok(None);
            };
            match next(&held, PIECE) {
                Some((piece, true)) => Ok(Some((piece, Some((held, read))))),
                Some((piece, false)) => Ok(Some((piece, None))),
                None => Err("the client took too long to read the answer"),
            }
        });
        Ok(Body::from_stream(pieces))
    }
}

/// A copy of the next bytes that are held, and whether there are more; with the last of them they are given up, and their room is
/// free. None if they are not held any more.
fn next(held: &Mutex<Held>, most: usize) -> Option<(Bytes, bool)> {
    let mut held = lock(held);
    let (bytes, _) = held.as_mut()?;
    let most = most.min(bytes.len());
    // A part of them would keep all of them, uncounted.
    let piece = Bytes::copy_from_slice(&bytes.split_to(most));
    let has_more = !bytes.is_empty();
    if !has_more {
        *held = None;
    }
    Some((piece, has_more))
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use futures_util::TryStreamExt as _;
    use stoa_contracts::ErrorCode;

    use super::*;

    const LARGE: usize = 30 << 20;
    const ONE: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    fn is_over_share(refused: &Problem) -> bool {
        refused.code() == ErrorCode::Unavailable
            && refused.body().detail.contains("of this account")
    }

    fn large() -> Bytes {
        Bytes::from(vec![b'x'; LARGE])
    }

    #[tokio::test]
    async fn an_answer_is_told_whole_and_leaves_room_for_the_next() {
        let room = Room::new(&Context::default());
        for _ in 0..3 {
            let body = room.answer(ONE, large(), READ).await.unwrap();
            assert_eq!(to_bytes(body, usize::MAX).await.unwrap(), large());
        }
    }

    #[tokio::test]
    async fn nothing_that_is_handed_to_a_connection_keeps_the_whole_answer() {
        let room = Room::new(&Context::default());
        let answer = large();
        let body = room.answer(ONE, answer.clone(), READ).await.unwrap();
        let unsent: Vec<_> = body.into_data_stream().try_collect().await.unwrap();
        assert_eq!(unsent.concat(), answer);
        assert!(answer.is_unique(), "a piece is a part of the answer");
    }

    #[tokio::test]
    async fn a_client_that_leaves_gives_its_room_back() {
        let room = Room::new(&Context::default());
        for _ in 0..3 {
            drop(room.answer(ONE, large(), READ).await.unwrap());
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_and_what_is_small_is_not() {
        let room = Room::new(&Context::default());
        let slow = room.answer(ONE, large(), READ).await.unwrap();
        let refused = room.answer(OTHER, large(), READ).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Unavailable);
        assert!(!is_over_share(&refused), "{refused:?}");
        let small = Bytes::from_static(b"x");
        drop(room.answer(OTHER, small, READ).await.unwrap());
        drop(slow);
        // What was refused has no share.
        drop(room.answer(OTHER, large(), READ).await.unwrap());
    }

    #[tokio::test]
    async fn an_account_holds_half_of_the_answers_at_most_or_a_single_one() {
        let room = Room::new(&Context::default());
        let answer = |account, mebibytes: usize| {
            room.answer(account, Bytes::from(vec![b'x'; mebibytes << 20]), READ)
        };
        let slow = [
            answer(ONE, 12).await.unwrap(),
            answer(ONE, 12).await.unwrap(),
        ];
        let refused = answer(ONE, 1).await.unwrap_err();
        assert!(is_over_share(&refused), "{refused:?}");
        drop(answer(OTHER, 24).await.unwrap());
        drop(slow);
        drop(answer(ONE, 32).await.unwrap());
    }

    #[tokio::test]
    async fn an_account_holds_half_of_what_comes_in_at_most() {
        let room = Room::new(&Context::default());
        let receive = |account| room.receive(account, Request::new(Body::from(vec![b'x'; LIMIT])));
        let (first, second) = (receive(ONE).await.unwrap(), receive(ONE).await.unwrap());
        let refused = receive(ONE).await.map(drop).unwrap_err();
        assert!(is_over_share(&refused), "{refused:?}");
        drop(receive(OTHER).await.unwrap());
        drop(first);
        drop(receive(ONE).await.unwrap());
        drop(second);
    }

    #[tokio::test]
    async fn a_client_that_takes_too_long_loses_its_answer_and_its_room() {
        let room = Room::new(&Context::default());
        let slow = room.answer(ONE, large(), Duration::ZERO).await.unwrap();
        let next = room.answer(OTHER, large(), READ).await.unwrap();
        assert_eq!(to_bytes(next, usize::MAX).await.unwrap().len(), LARGE);
        assert!(to_bytes(slow, usize::MAX).await.is_err());
    }
}
