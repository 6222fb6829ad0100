//! One address of a service, and a request on its way to it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
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
/// Of so many that wait, one should have been answered: how long none was says how long the next one waits at least. Fewer
/// may each be a request that takes its time.
const MANY: usize = 3;
/// Shorter silences are nothing to speak of, and all addresses have them.
const SILENCE: Duration = Duration::from_millis(50);

/// One address.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    latency: PeakEwma,
    in_flight: AtomicUsize,
    /// Those of them that have been sent, and have no answer.
    waiting: AtomicUsize,
    /// When it last answered, or began to have something to answer, in milliseconds.
    heard: AtomicU64,
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
    /// the first of those who wait gives up.
    pub(super) fn seconds(&self, now: Instant) -> Option<f32> {
        let now = millis(self.epoch, now);
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
    fn wait(&self, since: Instant) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < MANY {
            self.hear(since);
        }
    }

    fn hear(&self, now: Instant) {
        self.heard.store(millis(self.epoch, now), Ordering::Relaxed);
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

    /// Whether it should be probed again at once: it was silent for the first time, which may be chance.
    pub(super) fn is_suspect(&self) -> bool {
        let state = self.state();
        state.misses == 1 && state.health == Health::Good
    }

    /// Takes what a probe has found; says whether that is news.
    pub(super) fn found(&self, finding: Finding) -> bool {
        if finding == Finding::Good {
            self.hear(Instant::now());
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
    pub(super) fn to(endpoint: &Arc<Endpoint>, since: Instant, on_trial: bool) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        endpoint.wait(since);
        Self {
            endpoint: Arc::clone(endpoint),
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
        if self.stage.load(Ordering::Relaxed) == UPLOADING {
            return Duration::ZERO;
        }
        let since = self.uploaded.get().unwrap_or(&self.since);
        since.elapsed()
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

    /// How it ended, as soon as that is known: with the head of the answer, not its body.
    pub fn answered(&self, outcome: Outcome) {
        let (endpoint, now, age) = (&self.endpoint, Instant::now(), self.age());
        let before = self.go_to(ANSWERED);
        if outcome != Outcome::Broken {
            endpoint.hear(now);
        }
        let millis = millis(endpoint.epoch, now);
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
        let age = self.age();
        match self.go_to(ANSWERED) {
            SWITCHED => {}
            stage => {
                if stage == WAITING && age >= SILENCE {
                    // Whoever waited has gone, after so long without an answer.
                    let now = millis(self.endpoint.epoch, Instant::now());
                    self.endpoint.latency.at_least(age, now);
                }
                self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
            }
        }
        if self.on_trial {
            self.endpoint.state().breaker.end_trial();
        }
    }
}
