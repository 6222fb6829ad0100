//! A request on its way to an address.

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Outcome,
    breaker::Breaker,
    endpoint::{Endpoint, SILENCE},
    shared::millis,
};

/// What is no good answer counts as one that took this long, if it did not take longer: who fails
/// or declines fast must not draw requests by it. Not longer, because one request that fails everywhere would
/// leave an address without any for a long while.
const PENALTY: Duration = Duration::from_millis(500);
/// The address chosen for one request; counts as in flight there until it is dropped.
#[derive(Debug)]
pub struct InFlight {
    endpoint: Arc<Endpoint>,
    among: usize,
    since: Instant,
    on_trial: bool,
    /// How far it is.
    stage: AtomicU8,
    /// When the last of what was long to send had gone out.
    uploaded: OnceLock<Instant>,
}

/// It has been sent, as far as anybody knows, and has no answer.
const WAITING: u8 = 0;
/// The client still sends it: the time is not the address's.
const UPLOADING: u8 = 1;
/// How it ended is known.
const ANSWERED: u8 = 2;
/// The same; what goes on is no request any more, and keeps nobody from being answered.
const SWITCHED: u8 = 3;

impl InFlight {
    pub(super) fn to(
        endpoint: &Arc<Endpoint>,
        among: usize,
        since: Instant,
        on_trial: bool,
    ) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        endpoint.wait(since);
        Self {
            endpoint: Arc::clone(endpoint),
            among,
            since,
            on_trial,
            stage: AtomicU8::new(WAITING),
            uploaded: OnceLock::new(),
        }
    }

    /// It is sent as its client sends it: until [`Self::uploaded`] the time is not the address's.
    pub fn uploading(&self) {
        self.go_to(UPLOADING);
    }

    /// All of it has gone out.
    pub fn uploaded(&self) {
        if self.stage.load(Ordering::Relaxed) == UPLOADING {
            let now = Instant::now();
            // Only who sends it says so, once.
            let _ = self.uploaded.set(now);
            self.stage.store(WAITING, Ordering::Relaxed);
            self.endpoint.wait(now);
        }
    }

    /// It was answered, and goes on as something else for as long as its client likes.
    pub fn switched(&self) {
        if self.go_to(SWITCHED) != SWITCHED {
            self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How long the address has had it.
    pub fn age(&self) -> Duration {
        self.age_at(Instant::now())
    }

    fn age_at(&self, now: Instant) -> Duration {
        if self.stage.load(Ordering::Relaxed) == UPLOADING {
            return Duration::ZERO;
        }
        let since = self.uploaded.get().unwrap_or(&self.since);
        now.saturating_duration_since(*since)
    }

    /// At which stage it was.
    fn go_to(&self, stage: u8) -> u8 {
        let before = self.stage.swap(stage, Ordering::Relaxed);
        if before == WAITING {
            self.endpoint.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        before
    }

    /// Where the request goes.
    pub fn address(&self) -> SocketAddr {
        self.endpoint.address
    }

    /// How many addresses there were to choose from.
    pub fn among(&self) -> usize {
        self.among
    }

    /// When it went there.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// How it ended, as soon as that is known: with the head of the answer, not its body.
    pub fn answered(&self, outcome: Outcome) {
        self.answered_at(outcome, Instant::now());
    }

    /// The same, for who knows already what time it is.
    pub fn answered_at(&self, outcome: Outcome, now: Instant) {
        let endpoint = &self.endpoint;
        let age = self.age_at(now);
        let before = self.go_to(ANSWERED);
        let millis = millis(endpoint.epoch, now);
        if outcome != Outcome::Broken {
            endpoint.hear(millis);
        }
        match outcome {
            // An answer to half of a request says little.
            Outcome::Good if before == UPLOADING => {}
            Outcome::Good => endpoint.latency.record(age, millis),
            _ => endpoint.latency.record(age.max(PENALTY), millis),
        }
        if matches!(outcome, Outcome::Good | Outcome::Unable) {
            if endpoint.troubled.load(Ordering::Relaxed) {
                endpoint.judge(|breaker| {
                    breaker.good(self.since);
                    false
                });
            }
            return;
        }
        self.count_failure(now);
    }

    /// The answer broke off after its head: how long it had been coming says nothing, but it is a failure.
    pub fn broke_off(&self) {
        let (endpoint, now) = (&self.endpoint, Instant::now());
        self.go_to(ANSWERED);
        endpoint
            .latency
            .record(PENALTY, millis(endpoint.epoch, now));
        self.count_failure(now);
    }

    fn count_failure(&self, now: Instant) {
        let endpoint = &self.endpoint;
        let Some(shared) = endpoint.shared.upgrade() else {
            return;
        };
        let may = shared.may_eject();
        if endpoint.judge(|breaker| breaker.failed(self.since, now, may)) {
            shared.meter.failing.increment(1);
            tracing::warn!(address = %endpoint.address, "an address fails; it is avoided for a while");
        }
    }

    /// No connection could be made: others are chosen for a while, as long as there are any.
    pub fn refused(&self) {
        self.go_to(ANSWERED);
        let now = Instant::now();
        let refused = |breaker: &mut Breaker| breaker.refused(self.since, now);
        if self.endpoint.judge(refused)
            && let Some(shared) = self.endpoint.shared.upgrade()
        {
            shared.meter.refused.increment(1);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        // Nobody else has it any more.
        let stage = *self.stage.get_mut();
        if stage == WAITING {
            self.endpoint.waiting.fetch_sub(1, Ordering::Relaxed);
            // Whoever waited has gone, perhaps after long without an answer.
            let now = Instant::now();
            let age = self.age_at(now);
            if age >= SILENCE {
                let now = millis(self.endpoint.epoch, now);
                self.endpoint.latency.at_least(age, now);
            }
        }
        if stage != SWITCHED {
            self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
        if self.on_trial {
            self.endpoint.judge(|breaker| {
                breaker.end_trial();
                false
            });
        }
    }
}
