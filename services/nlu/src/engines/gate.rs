//! What stands before a remote engine: so many requests at a time, and none for a while after it has failed again and again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use stoa_client::Breaker;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Requests to one engine at a time: an engine that hangs holds no more of ours than this.
const AT_ONCE: usize = 32;

/// The gate of one engine.
pub(super) struct Gate {
    slots: Semaphore,
    breaker: Mutex<Breaker>,
}

/// Why a request does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// As many as may be are under way.
    Busy,
    /// The engine has failed, and is left alone.
    Open,
}

/// A request that has passed, until it is dropped.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    asked: Instant,
    is_trial: bool,
    _slot: SemaphorePermit<'a>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            slots: Semaphore::new(AT_ONCE),
            breaker: Mutex::default(),
        }
    }

    /// Lets a request pass, or says why not.
    pub(super) fn enter(&self) -> Result<Pass<'_>, Closed> {
        let slot = self.slots.try_acquire().map_err(|_| Closed::Busy)?;
        let asked = Instant::now();
        let mut breaker = self.breaker();
        let is_trial = !breaker.is_closed();
        if is_trial && !breaker.try_trial(asked) {
            return Err(Closed::Open);
        }
        Ok(Pass {
            gate: self,
            asked,
            is_trial,
            _slot: slot,
        })
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The engine has answered.
    pub(super) fn good(self) {
        self.gate.breaker().good(self.asked);
    }

    /// It has not; says whether it is left alone from now on.
    pub(super) fn failed(self) -> bool {
        let mut breaker = self.gate.breaker();
        breaker.failed(self.asked, Instant::now(), true)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        // Nobody may have waited for the verdict.
        if self.is_trial {
            self.gate.breaker().end_trial();
        }
    }
}
