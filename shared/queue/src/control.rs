//! What passes between a running job and who watches over it.

use crate::store::{Ending, Store};
use crate::{Outcome, QueueError};
use sqlx::PgConnection;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::SetOnce;
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
    stop: SetOnce<Stop>,
    /// Cancelled when broker or record say that another worker has the job.
    pub(crate) lost: CancellationToken,
    /// An `f64` by its bits.
    progress: AtomicU64,
    result: Mutex<Option<serde_json::Value>>,
    held: Option<Held>,
}

/// The proof that a job of a record is ours.
#[derive(Clone, Debug)]
struct Held {
    store: Store,
    attempt: i16,
}

impl Control {
    /// Of a job that only the broker knows; its lease.
    pub(crate) fn new(lost: CancellationToken) -> Self {
        Self {
            stop: SetOnce::new(),
            lost,
            progress: AtomicU64::default(),
            result: Mutex::default(),
            held: None,
        }
    }

    /// Of a job that stands in a record.
    pub(crate) fn of(store: Store, attempt: i16, lost: CancellationToken) -> Self {
        Self {
            held: Some(Held { store, attempt }),
            ..Self::new(lost)
        }
    }

    pub(crate) fn request(&self, stop: Stop) {
        // The first reason stands.
        let _ = self.stop.set(stop);
    }

    pub(crate) fn stop(&self) -> Option<Stop> {
        self.stop.get().copied()
    }

    pub(crate) async fn stopped(&self) -> Stop {
        *self.stop.wait().await
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
    pub(crate) fn attempt(&self) -> Option<i16> {
        self.held.as_ref().map(|held| held.attempt)
    }

    /// How the record has it that the job ended so, if it stands in one.
    pub(crate) fn ending(&self, id: Uuid, outcome: &Outcome) -> Option<Ending> {
        let held = self.held.as_ref()?;
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        let result = result.clone().filter(|_| *outcome == Outcome::Succeeded);
        let ending = Ending::new(id, held.attempt, outcome).with_result(result);
        Some(ending.with_trace(crate::trace::id()))
    }

    pub(crate) async fn complete_in(
        &self,
        id: Uuid,
        transaction: &mut PgConnection,
    ) -> Result<(), QueueError> {
        let ending = self
            .ending(id, &Outcome::Succeeded)
            .ok_or(QueueError::NoRecord)?;
        let store = self.held.as_ref().map(|held| &held.store);
        store
            .ok_or(QueueError::NoRecord)?
            .end_in(transaction, &[ending])
            .await
    }
}
