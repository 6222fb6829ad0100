//! What is known of the addresses of a service, and how it is found out.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{sync::watch, task::JoinSet, time::Instant};

use super::{
    Resolver,
    choice::median,
    endpoint::Endpoint,
    meter::Meter,
    probe::{Finding, Probe},
};

/// Addresses of this age are asked for again, beside the request that found them so.
const REFRESH: Duration = Duration::from_millis(500);
/// The same while there are none: somebody waits for the first one.
const REFRESH_EMPTY: Duration = Duration::from_millis(100);
/// Addresses of this age are not used before they are fresh again. With the refresh itself
/// this stays below the two seconds between the end of a record and the end of its task.
const STALE: Duration = Duration::from_secs(1);
/// The longest wait for an answer of DNS.
pub(super) const LOOKUP_LIMIT: Duration = Duration::from_secs(1);
/// So many addresses are probed at once.
const PROBES: usize = 16;
/// "Never", as a time in milliseconds.
const NEVER: u64 = u64::MAX;

/// What requests and the tasks beside them share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) host: String,
    pub(super) port: u16,
    /// `None` where the host is an address itself.
    pub(super) resolver: Option<Resolver>,
    pub(super) probe: Option<Probe>,
    pub(super) meter: Meter,
    /// Where the milliseconds begin that the atomics hold.
    pub(super) epoch: Instant,
    pub(super) endpoints: ArcSwap<Vec<Arc<Endpoint>>>,
    /// How many lookups have ended; told also when probes have.
    pub(super) news: watch::Sender<u64>,
    asked: AtomicU64,
    failed: AtomicBool,
    pub(super) looking: AtomicBool,
    probe_at: AtomicU64,
    pub(super) probing: AtomicBool,
    /// Whether all probes have ended that the first requests wait for: the first round, and that after all addresses changed.
    proven: AtomicBool,
}

/// What has to be done before, or beside, the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Care {
    pub(super) look_up: bool,
    pub(super) wait_for_addresses: bool,
    pub(super) probe: bool,
}

impl Shared {
    pub(super) fn new(
        host: &str,
        port: u16,
        resolver: Option<Resolver>,
        probe: Option<Probe>,
    ) -> Self {
        Self {
            host: host.to_owned(),
            port,
            resolver,
            proven: AtomicBool::new(probe.is_none()),
            probe,
            meter: Meter::new(host.trim_start_matches("tasks.")),
            epoch: Instant::now(),
            endpoints: ArcSwap::default(),
            news: watch::Sender::new(0),
            asked: AtomicU64::new(NEVER),
            failed: AtomicBool::new(false),
            looking: AtomicBool::new(false),
            probe_at: AtomicU64::new(NEVER),
            probing: AtomicBool::new(false),
        }
    }

    /// Whether these addresses may be used as they are, which they mostly may: `None`.
    pub(super) fn needs(&self, endpoints: &[Arc<Endpoint>], now: Instant) -> Option<Care> {
        self.resolver.as_ref()?;
        let now = millis(self.epoch, now);
        let asked = self.asked.load(Ordering::Acquire);
        let age = (asked != NEVER).then(|| Duration::from_millis(now.saturating_sub(asked)));
        let probe = now >= self.probe_at.load(Ordering::Relaxed);
        let is_proven = self.proven.load(Ordering::Acquire);
        let is_empty = endpoints.is_empty();
        if is_proven && !probe && !is_empty && age.is_some_and(|age| age < REFRESH) {
            return None;
        }
        let refresh = if is_empty { REFRESH_EMPTY } else { REFRESH };
        let is_stale = age.is_none_or(|age| age > STALE);
        let look_up = age.is_none_or(|age| age >= refresh);
        // While DNS is away, nothing better is to be had by waiting.
        let wait = is_empty || (is_stale && !self.failed.load(Ordering::Relaxed));
        Some(Care {
            look_up,
            wait_for_addresses: look_up && wait,
            probe,
        })
    }

    /// Whether somebody has to say first which addresses are good: there are several, and none of
    /// them has been asked.
    pub(super) fn lacks_proof(&self) -> bool {
        !self.proven.load(Ordering::Acquire) && self.endpoints.load().len() > 1
    }

    /// Whether one more address may be put aside for failing: at least half of them stay, because
    /// trouble that all have is not of the address.
    pub(super) fn may_eject(&self) -> bool {
        let endpoints = self.endpoints.load();
        let ejected = endpoints.iter().filter(|endpoint| endpoint.is_ejected());
        2 * (ejected.count() + 1) <= endpoints.len()
    }

    /// Asks DNS once, and those who are new who they are.
    pub(super) async fn look_up(self: Arc<Self>, resolver: Resolver) {
        let answer = resolver.resolve(&self.host, self.port);
        let answer = tokio::time::timeout(LOOKUP_LIMIT, answer).await;
        self.learn(answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())));
        let Some(probe) = &self.probe else {
            return;
        };
        let endpoints = self.endpoints.load_full();
        let unproven = endpoints.iter().filter(|endpoint| endpoint.is_unproven());
        let unproven: Vec<_> = unproven.cloned().collect();
        if !unproven.is_empty() {
            self.probe_all(probe, &unproven).await;
        }
    }

    fn learn(self: &Arc<Self>, answer: io::Result<Vec<SocketAddr>>) {
        let now = Instant::now();
        match answer {
            Ok(addresses) if !addresses.is_empty() => {
                self.failed.store(false, Ordering::Relaxed);
                let before = self.endpoints.load();
                if let Some(after) = self.updated(&before, addresses, now) {
                    // Before they are there to be chosen.
                    if self.probe.is_some() && after.iter().all(|endpoint| endpoint.is_unproven()) {
                        self.proven.store(false, Ordering::Release);
                    }
                    self.endpoints.store(Arc::new(after));
                }
            }
            answer => {
                if !self.failed.swap(true, Ordering::Relaxed) {
                    let (host, error) = (&self.host, answer.err());
                    tracing::warn!(host, ?error, "no addresses; the last ones are used");
                }
            }
        }
        // Before the news: who sees it set may wait for them.
        self.asked.store(millis(self.epoch, now), Ordering::Release);
        self.looking.store(false, Ordering::Release);
        self.news.send_modify(|lookups| *lookups += 1);
    }

    /// The endpoints of these addresses, if they are others than before; those that were there
    /// stay what they are, and those that come begin as the one in the middle.
    fn updated(
        self: &Arc<Self>,
        before: &[Arc<Endpoint>],
        mut addresses: Vec<SocketAddr>,
        now: Instant,
    ) -> Option<Vec<Arc<Endpoint>>> {
        addresses.sort_unstable();
        addresses.dedup();
        let had = before.iter().map(|endpoint| endpoint.address);
        if had.eq(addresses.iter().copied()) {
            return None;
        }
        let middle = median(before, now);
        let keep = |address| {
            let same = before.iter().find(|endpoint| endpoint.address == address);
            same.map_or_else(
                || {
                    let endpoint = Endpoint::new(address, self);
                    endpoint.restart(middle, now);
                    Arc::new(endpoint)
                },
                Arc::clone,
            )
        };
        Some(addresses.into_iter().map(keep).collect())
    }

    /// Asks all of them who they are.
    pub(super) async fn probe_round(self: Arc<Self>) {
        if let Some(probe) = &self.probe {
            let endpoints = self.endpoints.load_full();
            self.probe_all(probe, &endpoints).await;
        }
        self.probing.store(false, Ordering::Release);
    }

    async fn probe_all(&self, probe: &Probe, endpoints: &[Arc<Endpoint>]) {
        // Before they are asked, so that rounds begin at the interval and do not overlap. Not all
        // of the clients of a service at once.
        let pause = probe.interval.mul_f64(0.9 + 0.2 * fastrand::f64());
        let next = millis(self.epoch, Instant::now() + pause);
        self.probe_at.store(next, Ordering::Relaxed);
        let host = format!("{}:{}", self.host, self.port);
        for some in endpoints.chunks(PROBES) {
            let mut probes = JoinSet::new();
            for endpoint in some {
                let (endpoint, probe) = (Arc::clone(endpoint), probe.clone());
                let host = host.clone();
                probes.spawn(async move {
                    let finding = probe.ask(endpoint.address, &host).await;
                    (endpoint, finding)
                });
            }
            while let Some(found) = probes.join_next().await {
                if let Ok((endpoint, finding)) = found {
                    self.take(&endpoint, finding);
                }
            }
        }
        let was_asked = |known: &Arc<Endpoint>| endpoints.iter().any(|one| Arc::ptr_eq(one, known));
        if self.endpoints.load().iter().any(was_asked) {
            self.proven.store(true, Ordering::Release);
        }
        self.news.send_modify(|_| {});
    }

    fn take(&self, endpoint: &Endpoint, finding: Finding) {
        match finding {
            Finding::Good => {}
            Finding::Leaving => self.meter.leaving.increment(1),
            Finding::Foreign => self.meter.foreign.increment(1),
            Finding::Silent => self.meter.silent.increment(1),
        }
        if endpoint.found(finding) && finding != Finding::Good {
            let (host, address) = (&self.host, endpoint.address);
            tracing::warn!(host, %address, ?finding, "an address is not used");
        }
    }
}

/// Milliseconds since `epoch`.
pub(super) fn millis(epoch: Instant, now: Instant) -> u64 {
    let since = now.saturating_duration_since(epoch).as_millis();
    u64::try_from(since).unwrap_or(NEVER)
}
