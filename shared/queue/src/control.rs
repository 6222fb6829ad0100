//! What passes between a running job and who watches over it.

use crate::ends::{Effect, End, Ends};
use crate::store::{Ending, Fence, Store};
use crate::{Outcome, QueueError};
use sqlx::PgConnection;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Why a running job shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody has cancelled it.
    Cancelled,
    /// Its soft time limit has passed.
    SoftTimeLimit,
}

/// A running job.
#[derive(Debug)]
pub(crate) struct Control {
    stop: Mutex<Option<Stop>>,
    /// Told of every change of `stop`.
    stop_changed: Notify,
    /// Cancelled when broker or record say that another worker has the job.
    pub(crate) lost: CancellationToken,
    /// An `f64` by its bits.
    progress: AtomicU64,
    result: Mutex<Option<serde_json::Value>>,
    held: Option<Held>,
    /// Its place among the jobs that run at a time.
    turn: Mutex<Option<OwnedSemaphorePermit>>,
}

/// The proof that a job of a record is ours, and where its end is written.
#[derive(Debug)]
pub(crate) struct Held {
    store: Store,
    ends: Ends,
    fence: Fence,
    /// Whether the end is written, whatever comes after it.
    has_ended: AtomicBool,
}

impl Held {
    pub(crate) fn new(store: Store, ends: Ends, fence: Fence) -> Self {
        Self {
            store,
            ends,
            fence,
            has_ended: AtomicBool::default(),
        }
    }
}

impl Control {
    /// Of a job that only the broker knows; its lease.
    pub(crate) fn new(lost: CancellationToken) -> Self {
        Self {
            stop: Mutex::default(),
            stop_changed: Notify::new(),
            lost,
            progress: AtomicU64::default(),
            result: Mutex::default(),
            held: None,
            turn: Mutex::default(),
        }
    }

    /// Of a job that stands in a record.
    pub(crate) fn of(held: Held, lost: CancellationToken) -> Self {
        Self {
            held: Some(held),
            ..Self::new(lost)
        }
    }

    pub(crate) fn begin_turn(&self, turn: OwnedSemaphorePermit) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = Some(turn);
    }

    /// From here on the job only waits until its end is known, and another one may start.
    pub(crate) fn end_turn(&self) {
        drop(
            self.turn
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    /// A job whose time is over may still be cancelled, and not the other way round.
    pub(crate) fn request(&self, stop: Stop) {
        let mut now = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != Some(Stop::Cancelled) {
            *now = Some(stop);
            self.stop_changed.notify_waiters();
        }
    }

    pub(crate) fn stop(&self) -> Option<Stop> {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it shall end, for whatever reason.
    pub(crate) async fn stopped(&self) -> Stop {
        self.until(|stop| stop).await
    }

    /// Waits until somebody has cancelled it.
    pub(crate) async fn cancelled(&self) {
        self.until(|stop| stop.filter(|stop| *stop == Stop::Cancelled))
            .await;
    }

    async fn until(&self, wanted: impl Fn(Option<Stop>) -> Option<Stop>) -> Stop {
        loop {
            let mut changed = pin!(self.stop_changed.notified());
            // What changes from here on is heard.
            changed.as_mut().enable();
            if let Some(stop) = wanted(self.stop()) {
                return stop;
            }
            changed.await;
        }
    }

    pub(crate) fn set_progress(&self, part: f64) {
        let part = if part.is_nan() {
            0.0
        } else {
            part.clamp(0.0, 1.0)
        };
        self.progress.store(part.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn progress(&self) -> f64 {
        f64::from_bits(self.progress.load(Ordering::Relaxed))
    }

    pub(crate) fn set_result(&self, result: serde_json::Value) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }

    /// Which attempt of a job in a record this is.
    pub(crate) fn fence(&self) -> Option<Fence> {
        self.held.as_ref().map(|held| held.fence)
    }

    /// How the record has it that the job ended so, if it stands in one and has not ended yet.
    pub(crate) fn ending(&self, id: Uuid, outcome: &Outcome) -> Option<Ending> {
        let held = self.held.as_ref()?;
        if held.has_ended.load(Ordering::Relaxed) {
            return None;
        }
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        let result = result.clone().filter(|_| *outcome == Outcome::Succeeded);
        let ending = Ending::new(id, held.fence, outcome).with_result(result);
        Some(ending.with_trace(crate::trace::id()))
    }

    fn success(&self, id: Uuid) -> Result<(&Held, Ending), QueueError> {
        let ending = self.ending(id, &Outcome::Succeeded);
        self.held.as_ref().zip(ending).ok_or(QueueError::NoRecord)
    }

    pub(crate) async fn complete_in(
        &self,
        id: Uuid,
        transaction: &mut PgConnection,
    ) -> Result<(), QueueError> {
        let (held, ending) = self.success(id)?;
        held.store.end_in(transaction, &ending).await
    }

    pub(crate) async fn complete_with(&self, id: Uuid, effect: Effect) -> Result<(), QueueError> {
        let (held, ending) = self.success(id)?;
        let effect = Some(effect);
        self.end_turn();
        held.ends.write(End { ending, effect }).await?;
        held.has_ended.store(true, Ordering::Relaxed);
        Ok(())
    }
}
