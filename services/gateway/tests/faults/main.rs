//! Whatever breaks behind the gateway, few requests fail, none waits for ever, nothing piles up, and all is well again
//! without a hand: three processes of a service under steady load, of which one is killed, frozen, failing or slow, or
//! about which DNS says nothing or lies.
//!
//! Outcomes are counted, not timed. `STOA_FAULTS_REQUESTS` says how many requests meet each fault,
//! `STOA_FAULTS_MINUTES` how long the day is.

#![expect(
    clippy::print_stdout,
    reason = "what came of each fault is told, and what the memory did"
)]

mod day;
mod dns;
mod fault;
mod load;
mod replica;
mod trial;
mod world;

use fault::Fault;
use rstest::rstest;

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_stay_within_the_budget_and_recovery_needs_no_hand(
    #[values(
        Fault::Killed,
        Fault::Frozen,
        Fault::Failing,
        Fault::Slow,
        Fault::DnsEmpty,
        Fault::DnsAway,
        Fault::DnsStale,
        Fault::DnsForeign
    )]
    fault: Fault,
) {
    trial::run(fault).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes an hour: `make soak AREA=gateway`"]
async fn a_day_of_traffic_leaves_the_memory_as_it_was() {
    day::run().await;
}

/// A replica of the service: the trial runs this program again, so that it has processes to kill and to freeze.
#[test]
#[ignore = "a process of the trial, which starts it"]
fn process() {
    if let Ok(address) = std::env::var(replica::ADDRESS) {
        replica::serve(&address);
    }
}
