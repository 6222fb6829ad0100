//! One address of a service.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    breaker::Breaker,
    latency::PeakEwma,
    probe::Finding,
    shared::{Shared, millis},
};

/// Probes in a row that fail before an address is out: one may be lost.
const MISSES: u32 = 2;
/// Of so many that wait, one should have been answered: how long none was says how long the next one waits at least. Fewer
/// may each be a request that takes its time.
const MANY: usize = 3;
/// Shorter silences are nothing to speak of, and all addresses have them.
pub(super) const SILENCE: Duration = Duration::from_millis(50);

/// One address.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    pub(super) latency: PeakEwma,
    pub(super) in_flight: AtomicUsize,
    /// Those of them that have been sent, and have no answer.
    pub(super) waiting: AtomicUsize,
    /// When it last answered, or began to have something to answer, in milliseconds.
    heard: AtomicU64,
    /// Nothing speaks against it; all that is asked of most addresses.
    plain: AtomicBool,
    /// A good answer changes something.
    pub(super) troubled: AtomicBool,
    state: Mutex<State>,
    pub(super) epoch: Instant,
    pub(super) shared: Weak<Shared>,
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
            waiting: AtomicUsize::new(0),
            heard: AtomicU64::new(0),
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

    /// How long it takes to answer, in seconds, as far as that is known. Who answers nobody is known by that, long before
    /// the first of those who wait gives up. `now` in milliseconds.
    pub(super) fn seconds(&self, now: u64) -> Option<f32> {
        let known = self.latency.seconds(now);
        if self.waiting.load(Ordering::Relaxed) < MANY {
            return known;
        }
        let silence = now.saturating_sub(self.heard.load(Ordering::Relaxed));
        let silence = Duration::from_millis(silence);
        if silence < SILENCE {
            return known;
        }
        let silence = silence.as_secs_f32();
        Some(known.map_or(silence, |known| known.max(silence)))
    }

    /// One more waits for it since a moment. Of so few that it says nothing, the silence begins with the last.
    pub(super) fn wait(&self, since: Instant) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < MANY {
            self.hear(millis(self.epoch, since));
        }
    }

    pub(super) fn hear(&self, now: u64) {
        self.heard.store(now, Ordering::Relaxed);
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
        if finding == Finding::Good {
            self.hear(millis(self.epoch, Instant::now()));
        }
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

    pub(super) fn judge(&self, change: impl FnOnce(&mut Breaker) -> bool) -> bool {
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
