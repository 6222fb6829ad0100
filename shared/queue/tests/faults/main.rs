//! Whatever breaks, no job is lost, none has its effect twice, and each has its whole history: thousands of jobs, while
//! processes are killed, connections are cut and held, and servers are restarted and wiped, at random.
//!
//! `STOA_FAULTS_SEED` repeats the orders and the faults of a run (not what the machine makes of them),
//! `STOA_FAULTS_JOBS` says how many jobs, `STOA_FAULTS_LOG` how much the processes log.

#![expect(
    clippy::print_stdout,
    reason = "the seed of a trial is told, and what was left out of it"
)]

mod check;
mod orders;
mod process;
mod processes;
mod servers;
mod trial;
mod world;

use rstest::rstest;
use world::Broker;

#[rstest]
#[tokio::test]
async fn no_job_is_lost_or_doubled_whatever_breaks(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    trial::run(broker).await;
}

/// A worker or a producer: the trial runs this program again, so that it has processes to kill.
#[test]
#[ignore = "a process of the trial, which starts it"]
fn process() {
    if let Ok(setup) = std::env::var(process::SETUP) {
        process::run(&setup);
    }
}
