//! The addresses of a service, kept fresh, and the choice among them.
//!
//! Swarm takes the record of a task away two seconds before it stops the task, but says that
//! its answers hold for ten minutes. So the age that DNS allows is not believed: while there are
//! requests, names are asked again and again. An answer that is empty or fails changes nothing;
//! the last good one holds.

mod breaker;
mod choice;
mod endpoint;
mod gate;
mod in_flight;
mod latency;
mod meter;
mod outcome;
mod probe;
mod resolver;
mod shared;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};

pub use breaker::Breaker;
use endpoint::{Doubt, Endpoint};
use gate::Gate;
pub use gate::{Shed, Turn};
pub use in_flight::InFlight;
pub use outcome::Outcome;
pub use probe::Probe;
pub use resolver::Resolver;
use shared::{Care, LOOKUP_LIMIT, Shared};

/// How long requests wait for the first probes of several addresses. They take a millisecond; if
/// they do not, a request that may be lost is better than one that is.
const PROOF_LIMIT: Duration = Duration::from_millis(300);
/// How often somebody who waits for an address looks again.
const HOLD_STEP: Duration = Duration::from_millis(100);

/// The addresses of one service. Cheap to clone; clones share all there is to know. What they have
/// begun ends with the last of them.
#[derive(Debug, Clone)]
pub struct Endpoints {
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    /// The lookup and the probes that are under way; never more than one of each.
    tasks: Arc<Mutex<JoinSet<()>>>,
}

impl Endpoints {
    /// The addresses of `host`, a name or an address, each with this port. Asks nothing yet.
    pub fn new(host: &str, port: u16, resolver: Resolver) -> Self {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let fixed = bare
            .parse()
            .ok()
            .map(|ip: IpAddr| SocketAddr::new(ip, port));
        let resolver = fixed.is_none().then_some(resolver);
        let shared = Arc::new(Shared::new(host, port, resolver, None));
        let fixed = fixed.map(|address| Arc::new(Endpoint::new(address, &shared)));
        shared
            .endpoints
            .store(Arc::new(fixed.into_iter().collect()));
        Self {
            shared,
            gate: Arc::default(),
            tasks: Arc::default(),
        }
    }

    /// The same, where `probe` says which addresses are good. A host that is an address is not
    /// probed: there is no other to use instead.
    #[must_use]
    pub fn checked(self, probe: Probe) -> Self {
        let Some(resolver) = self.shared.resolver.clone() else {
            return self;
        };
        let (host, port) = (&self.shared.host, self.shared.port);
        let shared = Shared::new(host, port, Some(resolver), Some(probe));
        Self {
            shared: Arc::new(shared),
            ..self
        }
    }

    /// The same, with at most so many requests at once, and so many that wait.
    #[must_use]
    pub fn limited(self, in_flight: usize, waiting: usize) -> Self {
        let gate = Arc::new(Gate::new(in_flight, waiting));
        Self { gate, ..self }
    }

    /// Takes a place among the requests that the service has at once; where there is none, waits
    /// for one as long as `patience` lasts. Keep the turn until the answer has been read, or its head
    /// where somebody else reads the rest in their own time.
    pub async fn enter(&self, patience: Duration) -> Result<Turn, Shed> {
        let turn = self.gate.enter(patience).await;
        match turn {
            Ok(_) => {}
            Err(Shed::Full) => self.shared.meter.full.increment(1),
            Err(Shed::Late) => self.shared.meter.late.increment(1),
        }
        turn
    }

    /// A place as [`Self::enter`] gives one, if there is one at once: who finds it need not say how long it would wait.
    pub fn try_enter(&self) -> Option<Turn> {
        self.gate.try_enter()
    }

    /// Chooses where a request goes: the better one of two that are picked at random, by latency
    /// and by what is in flight there. Those in `tried` and those that are put aside are avoided
    /// while there are others. `None` as long as no address is known, or all are of other services.
    pub async fn choose(&self, tried: &[SocketAddr]) -> Option<InFlight> {
        self.choose_at(tried, Instant::now()).await
    }

    /// The same, for who knows already what time it is.
    pub async fn choose_at(&self, tried: &[SocketAddr], now: Instant) -> Option<InFlight> {
        let care = {
            let endpoints = self.shared.endpoints.load();
            match self.shared.needs(&endpoints, now) {
                None => return choice::choose(&endpoints, tried, now),
                Some(care) => care,
            }
        };
        self.attend(care).await;
        choice::choose(&self.shared.endpoints.load(), tried, Instant::now())
    }

    /// The same; waits for an address as long as `patience` lasts.
    pub async fn choose_within(
        &self,
        tried: &[SocketAddr],
        patience: Duration,
    ) -> Option<InFlight> {
        let until = Instant::now() + patience;
        loop {
            let chosen = self.choose(tried).await;
            if chosen.is_some() || Instant::now() >= until {
                return chosen;
            }
            tokio::time::sleep(HOLD_STEP).await;
        }
    }

    /// Whether there is an address beside those in `tried`.
    pub fn others(&self, tried: &[SocketAddr]) -> bool {
        self.others_with(tried, |_| true)
    }

    /// The same, without those that were put aside.
    pub fn good_others(&self, tried: &[SocketAddr]) -> bool {
        self.others_with(tried, |doubt| doubt < Doubt::Aside)
    }

    fn others_with(&self, tried: &[SocketAddr], fits: impl Fn(Doubt) -> bool) -> bool {
        let endpoints = self.shared.endpoints.load();
        endpoints.iter().any(|endpoint| {
            !tried.contains(&endpoint.address) && endpoint.doubt().is_some_and(&fits)
        })
    }

    /// How many addresses are known.
    pub fn count(&self) -> usize {
        self.shared.endpoints.load().len()
    }

    /// Sees to it that the addresses are fresh enough; waits only if they are too old to use, or
    /// nobody knows yet whose they are.
    async fn attend(&self, care: Care) {
        let mut news = self.shared.news.subscribe();
        let lookups = *news.borrow();
        if care.look_up {
            self.look_up();
        }
        if care.probe {
            self.probe();
        }
        if care.wait_for_addresses {
            // Without an answer the last good one is used.
            let answer = news.wait_for(|now| *now != lookups);
            let _ = tokio::time::timeout(LOOKUP_LIMIT, answer).await;
        }
        if self.shared.lacks_proof() {
            let proof = news.wait_for(|_| !self.shared.lacks_proof());
            let _ = tokio::time::timeout(PROOF_LIMIT, proof).await;
        }
    }

    /// Asks DNS, unless somebody does already.
    fn look_up(&self) {
        let Some(resolver) = self.shared.resolver.clone() else {
            return;
        };
        if !self.shared.looking.swap(true, Ordering::AcqRel) {
            self.spawn(Arc::clone(&self.shared).look_up(resolver));
        }
    }

    /// Probes the known addresses, unless that is under way.
    fn probe(&self) {
        if !self.shared.probing.swap(true, Ordering::AcqRel) {
            self.spawn(Arc::clone(&self.shared).probe_round());
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}
