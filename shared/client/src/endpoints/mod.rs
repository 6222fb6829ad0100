//! The addresses of a service, kept fresh, and the choice among them.
//!
//! Swarm takes the record of a task away two seconds before it stops the task, but says that
//! its answers hold for ten minutes. So the age that DNS allows is not believed: while there are
//! requests, names are asked again and again. An answer that is empty or fails changes nothing;
//! the last good one holds.

mod endpoint;
mod resolver;

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet, time::Instant};

use endpoint::Endpoint;
pub use endpoint::{InFlight, Outcome};
pub use resolver::Resolver;

/// Addresses of this age are asked for again, beside the request that found them so.
const REFRESH: Duration = Duration::from_millis(500);
/// The same while there are none: somebody waits for the first one.
const REFRESH_EMPTY: Duration = Duration::from_millis(100);
/// Addresses of this age are not used before they are fresh again. With the refresh itself
/// this stays below the two seconds between the end of a record and the end of its task.
const STALE: Duration = Duration::from_secs(1);
/// The longest wait for an answer of DNS.
const LOOKUP_LIMIT: Duration = Duration::from_secs(1);

/// The addresses of one service. Ends what it has begun when it is dropped.
#[derive(Debug)]
pub struct Endpoints {
    shared: Arc<Shared>,
    /// The lookup that is under way; never more than one.
    lookups: Mutex<JoinSet<()>>,
    random: RandomState,
    choices: AtomicU64,
}

#[derive(Debug)]
struct Shared {
    host: String,
    port: u16,
    /// `None` where the host is an address itself.
    resolver: Option<Resolver>,
    known: watch::Sender<Known>,
    looking: AtomicBool,
}

/// What was found out last.
#[derive(Debug)]
struct Known {
    endpoints: Arc<[Arc<Endpoint>]>,
    asked: Option<Instant>,
    failed: bool,
}

impl Endpoints {
    /// The addresses of `host`, a name or an address, each with this port. Asks nothing yet.
    pub fn new(host: &str, port: u16, resolver: Resolver) -> Self {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let fixed = bare
            .parse()
            .ok()
            .map(|ip: IpAddr| SocketAddr::new(ip, port));
        let known = Known {
            endpoints: fixed.into_iter().map(Endpoint::new).map(Arc::new).collect(),
            asked: None,
            failed: false,
        };
        let shared = Shared {
            host: host.to_owned(),
            port,
            resolver: fixed.is_none().then_some(resolver),
            known: watch::Sender::new(known),
            looking: AtomicBool::new(false),
        };
        Self {
            shared: Arc::new(shared),
            lookups: Mutex::default(),
            random: RandomState::new(),
            choices: AtomicU64::new(0),
        }
    }

    /// Chooses where a request goes: the less busy one of two that are picked at random. Those
    /// in `tried` and those that took no connection lately are avoided while there are others.
    /// `None` as long as no address is known.
    pub async fn choose(&self, tried: &[SocketAddr]) -> Option<InFlight> {
        self.freshen().await;
        let endpoints = self.known();
        let untried = |endpoint: &&Arc<Endpoint>| !tried.contains(&endpoint.address);
        let good = endpoints
            .iter()
            .filter(untried)
            .filter(|endpoint| !endpoint.is_ejected());
        let mut candidates: Vec<_> = good.collect();
        if candidates.is_empty() {
            candidates = endpoints.iter().filter(untried).collect();
        }
        if candidates.is_empty() {
            candidates = endpoints.iter().collect();
        }
        let chosen = match candidates.len() {
            0 => return None,
            1 => candidates[0],
            count => {
                let (one, other) = self.two_of(count);
                let (one, other) = (candidates[one], candidates[other]);
                if one.in_flight() <= other.in_flight() {
                    one
                } else {
                    other
                }
            }
        };
        Some(InFlight::to(Arc::clone(chosen)))
    }

    /// Whether there is an address beside those in `tried`.
    pub fn others(&self, tried: &[SocketAddr]) -> bool {
        let endpoints = self.known();
        endpoints
            .iter()
            .any(|endpoint| !tried.contains(&endpoint.address))
    }

    /// How many addresses are known.
    pub fn count(&self) -> usize {
        self.known().len()
    }

    fn known(&self) -> Arc<[Arc<Endpoint>]> {
        Arc::clone(&self.shared.known.borrow().endpoints)
    }

    /// Two different indices below `count`, which is at least 2.
    fn two_of(&self, count: usize) -> (usize, usize) {
        let choice = self.choices.fetch_add(1, Ordering::Relaxed);
        let bits = self.random.hash_one(choice);
        let half = |bits: u64| usize::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
        let one = half(bits) % count;
        let step = 1 + half(bits >> 32) % (count - 1);
        (one, (one + step) % count)
    }

    /// Sees to it that the addresses are fresh enough; waits only if they are too old to use.
    async fn freshen(&self) {
        let Some(resolver) = &self.shared.resolver else {
            return;
        };
        let must_wait = {
            let known = self.shared.known.borrow();
            let age = known.asked.map(|asked| asked.elapsed());
            let refresh = if known.endpoints.is_empty() {
                REFRESH_EMPTY
            } else {
                REFRESH
            };
            if age.is_some_and(|age| age < refresh) {
                return;
            }
            let stale = age.is_none_or(|age| age > STALE);
            // While DNS is away, nothing better is to be had by waiting.
            known.endpoints.is_empty() || (stale && !known.failed)
        };
        let mut news = self.shared.known.subscribe();
        self.look_up(resolver);
        if must_wait {
            // Without an answer the last good one is used.
            let _ = tokio::time::timeout(LOOKUP_LIMIT, news.changed()).await;
        }
    }

    /// Asks, unless somebody does already.
    fn look_up(&self, resolver: &Resolver) {
        if self.shared.looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let (shared, resolver) = (Arc::clone(&self.shared), resolver.clone());
        let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        while lookups.try_join_next().is_some() {}
        lookups.spawn(async move {
            let answer = resolver.resolve(&shared.host, shared.port);
            let answer = tokio::time::timeout(LOOKUP_LIMIT, answer).await;
            shared.learn(answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())));
        });
    }
}

impl Shared {
    fn learn(&self, answer: io::Result<Vec<SocketAddr>>) {
        // Before the news: who sees it set may wait for them.
        self.looking.store(false, Ordering::Release);
        self.known.send_modify(|known| {
            known.asked = Some(Instant::now());
            match answer {
                Ok(addresses) if !addresses.is_empty() => {
                    known.failed = false;
                    known.endpoints = updated(&known.endpoints, addresses);
                }
                answer => {
                    if !known.failed {
                        let (host, error) = (&self.host, answer.err());
                        tracing::warn!(host, ?error, "no addresses; the last ones are used");
                    }
                    known.failed = true;
                }
            }
        });
    }
}

/// The endpoints of these addresses; those that were there before stay what they are.
fn updated(before: &[Arc<Endpoint>], mut addresses: Vec<SocketAddr>) -> Arc<[Arc<Endpoint>]> {
    addresses.sort_unstable();
    addresses.dedup();
    let keep = |address| {
        let same = before.iter().find(|endpoint| endpoint.address == address);
        same.map_or_else(|| Arc::new(Endpoint::new(address)), Arc::clone)
    };
    addresses.into_iter().map(keep).collect()
}
