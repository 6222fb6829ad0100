//! One address of a service, and a request on its way to it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Outcome,
    breaker::Breaker,
    latency::PeakEwma,
    probe::Finding,
    shared::{Shared, millis},
};

/// What is no good answer counts as one that took this long, if it did not take longer: who fails
/// or declines fast must not draw requests by it. Not longer, because one request that fails everywhere would
/// leave an address without any for a long while.
const PENALTY: Duration = Duration::from_millis(500);
/// Probes in a row that fail before an address is out: one may be lost.
const MISSES: u32 = 2;

/// One address.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    latency: PeakEwma,
    in_flight: AtomicUsize,
    /// Nothing speaks against it; all that is asked of most addresses.
    plain: AtomicBool,
    /// A good answer changes something.
    troubled: AtomicBool,
    state: Mutex<State>,
    epoch: Instant,
    shared: Weak<Shared>,
}

#[derive(Debug)]
struct State {
    breaker: Breaker,
    health: Health,
    misses: u32,
}

/// What probes have found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Unknown,
    Good,
    Bad,
    Foreign,
}

/// How much speaks against an address; the least goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doubt {
    Nothing,
    /// Nobody has asked it yet who it is.
    Unproven,
    /// It was put aside, or does not answer probes.
    Aside,
}

impl Endpoint {
    /// An address that a probe has to look at first, if there are probes.
    pub(super) fn new(address: SocketAddr, shared: &Arc<Shared>) -> Self {
        let has_probe = shared.probe.is_some();
        let health = if has_probe {
            Health::Unknown
        } else {
            Health::Good
        };
        Self {
            address,
            latency: PeakEwma::default(),
            in_flight: AtomicUsize::new(0),
            plain: AtomicBool::new(!has_probe),
            troubled: AtomicBool::new(false),
            state: Mutex::new(State {
                breaker: Breaker::default(),
                health,
                misses: 0,
            }),
            epoch: shared.epoch,
            shared: Arc::downgrade(shared),
        }
    }

    /// How long it takes to answer, in seconds, as far as that is known.
    pub(super) fn seconds(&self, now: Instant) -> Option<f32> {
        self.latency.seconds(millis(self.epoch, now))
    }

    /// Forgets how long it took, and takes this from others.
    pub(super) fn restart(&self, seconds: Option<f32>, now: Instant) {
        self.latency.restart(seconds, millis(self.epoch, now));
    }

    /// Requests in flight, and the one that may come.
    pub(super) fn load(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed) + 1
    }

    pub(super) fn is_plain(&self) -> bool {
        self.plain.load(Ordering::Relaxed)
    }

    /// What speaks against it; `None` where it may not be used at all.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        let state = self.state();
        match state.health {
            Health::Foreign => None,
            Health::Bad => Some(Doubt::Aside),
            _ if !state.breaker.is_closed() => Some(Doubt::Aside),
            Health::Unknown => Some(Doubt::Unproven),
            Health::Good => Some(Doubt::Nothing),
        }
    }

    pub(super) fn is_ejected(&self) -> bool {
        !self.state().breaker.is_closed()
    }

    pub(super) fn is_unproven(&self) -> bool {
        self.state().health == Health::Unknown
    }

    /// Takes the one request after an ejection, if it is due and probes say nothing against it.
    pub(super) fn try_trial(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.health == Health::Good && state.breaker.try_trial(now)
    }

    /// Takes what a probe has found; says whether that is news.
    pub(super) fn found(&self, finding: Finding) -> bool {
        let mut state = self.state();
        let before = state.health;
        state.misses = match finding {
            Finding::Silent => state.misses + 1,
            _ => 0,
        };
        state.health = match finding {
            Finding::Good => Health::Good,
            Finding::Leaving => Health::Bad,
            Finding::Foreign => Health::Foreign,
            // Who has been another service and is silent now may still be it.
            Finding::Silent if before == Health::Foreign => Health::Foreign,
            Finding::Silent if state.misses >= MISSES => Health::Bad,
            Finding::Silent => before,
        };
        self.note(&state);
        state.health != before
    }

    fn judge(&self, change: impl FnOnce(&mut Breaker) -> bool) -> bool {
        let mut state = self.state();
        let ejected = change(&mut state.breaker);
        self.note(&state);
        ejected
    }

    /// Lets those who only look at the flags see what has become of it.
    fn note(&self, state: &State) {
        let plain = state.breaker.is_closed() && state.health == Health::Good;
        self.plain.store(plain, Ordering::Relaxed);
        self.troubled
            .store(state.breaker.is_troubled(), Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address chosen for one request; counts as in flight there until it is dropped.
#[derive(Debug)]
pub struct InFlight {
    endpoint: Arc<Endpoint>,
    since: Instant,
    on_trial: bool,
}

impl InFlight {
    pub(super) fn to(endpoint: &Arc<Endpoint>, since: Instant, on_trial: bool) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            endpoint: Arc::clone(endpoint),
            since,
            on_trial,
        }
    }

    /// Where the request goes.
    pub fn address(&self) -> SocketAddr {
        self.endpoint.address
    }

    /// How it ended, as soon as that is known: with the head of the answer, not its body.
    pub fn answered(&self, outcome: Outcome) {
        let (endpoint, now) = (&self.endpoint, Instant::now());
        let latency = now.saturating_duration_since(self.since);
        let millis = millis(endpoint.epoch, now);
        let latency = match outcome {
            Outcome::Good => latency,
            _ => latency.max(PENALTY),
        };
        endpoint.latency.record(latency, millis);
        if matches!(outcome, Outcome::Good | Outcome::Unable) {
            if endpoint.troubled.load(Ordering::Relaxed) {
                endpoint.judge(|breaker| {
                    breaker.good(self.since);
                    false
                });
            }
            return;
        }
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
        self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.on_trial {
            self.endpoint.state().breaker.end_trial();
        }
    }
}
