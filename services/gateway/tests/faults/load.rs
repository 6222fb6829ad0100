//! A steady load, and what became of every request.

use crate::replica::ANSWER;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// About two hundred requests a second; fewer where the machine has no time for them.
pub(crate) const PACE: Duration = Duration::from_millis(5);
/// Every fourth request may not be repeated.
const POSTS: usize = 4;
/// A gateway that says nothing for so long will not.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Good,
    /// With this status.
    Refused(u16),
    /// Answered by who was not asked.
    Foreign,
    /// Without an answer.
    Lost,
}

/// How often what came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(BTreeMap<Outcome, usize>);

impl Tally {
    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.0.get(&outcome).copied().unwrap_or_default()
    }

    /// All that are not good.
    pub(crate) fn failed(&self) -> usize {
        let all: usize = self.0.values().sum();
        all - self.count(Outcome::Good)
    }

    fn add(&mut self, outcome: Outcome) {
        *self.0.entry(outcome).or_default() += 1;
    }
}

/// What is under way.
#[derive(Clone, Default)]
pub(crate) struct Progress {
    sent: Arc<AtomicUsize>,
    most_in_flight: Arc<AtomicUsize>,
}

impl Progress {
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.most_in_flight.load(Ordering::SeqCst)
    }
}

/// Who asks.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) progress: Progress,
}

impl Load {
    /// Sends so many requests, one after the other in time, and waits for what becomes of them.
    pub(crate) async fn run(&self, count: usize, pace: Duration) -> Tally {
        let mut ticks = interval(pace);
        // A machine that was busy is not to be punished by a burst.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut requests = JoinSet::new();
        let mut tally = Tally::default();
        for _ in 0..count {
            ticks.tick().await;
            while let Some(outcome) = requests.try_join_next() {
                tally.add(outcome.expect("no request panics"));
            }
            let number = self.progress.sent.fetch_add(1, Ordering::SeqCst);
            requests.spawn(ask(self.http.clone(), self.url.clone(), number));
            let most = &self.progress.most_in_flight;
            most.fetch_max(requests.len(), Ordering::SeqCst);
        }
        while let Some(outcome) = requests.join_next().await {
            tally.add(outcome.expect("no request panics"));
        }
        tally
    }
}

async fn ask(http: reqwest::Client, url: String, number: usize) -> Outcome {
    let request = if number.is_multiple_of(POSTS) {
        http.post(url).body(vec![7; 1000])
    } else {
        http.get(url)
    };
    // Each from one of many addresses, as the proxy before the gateway says.
    let [.., high, low] = (number % CLIENTS).to_be_bytes();
    let request = request.header("x-forwarded-for", format!("10.0.{high}.{low}"));
    let Ok(response) = request.timeout(PATIENCE).send().await else {
        return Outcome::Lost;
    };
    let status = response.status();
    match response.text().await {
        Err(_) => Outcome::Lost,
        Ok(_) if !status.is_success() => Outcome::Refused(status.as_u16()),
        Ok(text) if text == ANSWER => Outcome::Good,
        Ok(_) => Outcome::Foreign,
    }
}

/// Clients with an address of their own, all of whom have come after a few minutes.
const CLIENTS: usize = 5000;
