//! What the library of HTTP/2 has of answers and clients have not taken: how much, and how long.
//!
//! It is held when the task of its stream is over, too. So a piece is counted by when something of it went last: a client
//! that takes a little of others does not keep it.

use bytes::{Buf, Bytes};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How finely it is told how long a piece has been lying: so many parts of the patience.
const PARTS: usize = 8;
/// One count for each such part of time: those of the patience, and as many for what is older.
const AGES: usize = 2 * PARTS;
/// Bytes for all connections together: a quarter of what the process may have.
pub(super) const MOST: usize = 64 << 20;
/// Those that a connection may have even then: two pieces.
const OWN: usize = 128 << 10;

/// The bytes of all connections. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Unsent(Arc<AtomicUsize>);

/// The bytes of one connection.
pub(super) struct Lying {
    /// How long a client may not take a piece.
    pub(super) patience: Duration,
    part_ms: u64,
    all: Unsent,
    own: AtomicUsize,
    /// The same by the part of time in which something of their piece went last.
    ages: [AtomicUsize; AGES],
    began: Instant,
    /// When something moved last, in milliseconds since the beginning.
    moved_ms: AtomicU64,
}

impl Lying {
    pub(super) fn new(patience: Duration, all: Unsent) -> Self {
        let patience_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        Self {
            patience,
            part_ms: patience_ms.div_ceil(PARTS as u64).max(1),
            all,
            own: AtomicUsize::new(0),
            ages: [const { AtomicUsize::new(0) }; AGES],
            began: Instant::now(),
            moved_ms: AtomicU64::new(0),
        }
    }

    /// Something has gone, or a stream has ended.
    pub(super) fn moves(&self) {
        self.moved_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// When that was last.
    pub(super) fn moved(&self) -> Instant {
        self.began + Duration::from_millis(self.moved_ms.load(Ordering::Relaxed))
    }

    /// Whether all has been taken.
    pub(super) fn is_none(&self) -> bool {
        self.own.load(Ordering::Relaxed) == 0
    }

    /// Whether there is a piece of which nothing has gone for as long as a client may leave it.
    pub(super) fn is_left(&self) -> bool {
        let now = self.age();
        let mut older = (PARTS + 1..AGES).map(|parts| (now + AGES - parts) % AGES);
        older.any(|age| self.ages[age].load(Ordering::Relaxed) > 0)
    }

    /// How soon that may be otherwise.
    pub(super) fn told_in(&self) -> Duration {
        if self.is_none() {
            self.patience
        } else {
            Duration::from_millis(self.part_ms)
        }
    }

    /// Whether the client has much lying, and all together have too much.
    pub(super) fn is_full(&self) -> bool {
        self.own.load(Ordering::Relaxed) >= OWN && self.all.0.load(Ordering::Relaxed) >= MOST
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Where what goes at this moment is counted.
    fn age(&self) -> usize {
        let part = self.now_ms() / self.part_ms;
        usize::try_from(part % AGES as u64).unwrap_or_default()
    }

    fn hold(&self, bytes: usize) -> usize {
        let age = self.age();
        self.ages[age].fetch_add(bytes, Ordering::Relaxed);
        self.own.fetch_add(bytes, Ordering::Relaxed);
        self.all.0.fetch_add(bytes, Ordering::Relaxed);
        age
    }

    fn release(&self, bytes: usize, age: usize) {
        self.ages[age].fetch_sub(bytes, Ordering::Relaxed);
        self.own.fetch_sub(bytes, Ordering::Relaxed);
        self.all.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A piece of an answer, counted until it has gone to the client.
pub(super) struct Piece {
    bytes: Bytes,
    lying: Arc<Lying>,
    /// Where it is counted.
    age: usize,
}

impl Piece {
    pub(super) fn new(bytes: Bytes, lying: Arc<Lying>) -> Self {
        let age = lying.hold(bytes.len());
        Self { bytes, lying, age }
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
        self.lying.moves();
        self.lying.release(self.bytes.len(), self.age);
        self.bytes.advance(bytes);
        self.age = self.lying.hold(self.bytes.len());
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.lying.moves();
        self.lying.release(self.bytes.len(), self.age);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_piece_is_left_when_nothing_of_it_has_gone_for_the_whole_patience() {
        let patience = Duration::from_secs(8);
        let lying = Arc::new(Lying::new(patience, Unsent::default()));
        let mut piece = Piece::new(Bytes::from_static(b"left"), Arc::clone(&lying));
        for _ in 0..3 {
            tokio::time::advance(patience).await;
            assert!(!lying.is_left());
            piece.advance(1);
        }
        tokio::time::advance(patience + patience / 8).await;
        assert!(lying.is_left());
        drop(piece);
        assert!(!lying.is_left() && lying.is_none());
    }
}
