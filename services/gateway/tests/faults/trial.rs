//! One fault from its begin to the end of its consequences.

use crate::fault::Fault;
use crate::load::{Load, Outcome, PACE, Progress};
use crate::world::World;
use std::time::{Duration, Instant};
use stoa_testing::eventually;

/// Requests that meet a fault, unless it is said: three seconds of them.
const REQUESTS: usize = 600;
/// Requests after which it shows whether all is well.
const LOOK: usize = 60;
/// A machine that is busy with other tests takes its time; what needs a hand never comes.
const RECOVERY: Duration = Duration::from_mins(1);
/// An eighth of what comes within the limit of the route. Two thirds would hang if nobody learned from those that do: one
/// of three replicas is in two thirds of all pairs, and wins each of them where it was the quickest.
const MOST_IN_FLIGHT: usize = 130;

/// Breaks, counts, mends, and waits until all is well.
pub(crate) async fn run(fault: Fault) {
    let mut world = World::start().await;
    let load = Load {
        http: world.http.clone(),
        url: world.url(),
        progress: Progress::default(),
    };
    let calm = load.run(LOOK, PACE).await;
    assert_eq!(calm.failed(), 0, "before anything was broken: {calm:?}");

    let count = number("STOA_FAULTS_REQUESTS").unwrap_or(REQUESTS);
    let tally = {
        let progress = load.progress.clone();
        let breaking = async {
            has_sent(&progress, LOOK + count / 10).await;
            fault.begin(&mut world).await;
            has_sent(&progress, LOOK + count * 9 / 10).await;
            fault.end(&mut world).await;
        };
        tokio::join!(load.run(count, PACE), breaking).0
    };
    let most = load.progress.most_in_flight();
    println!("{fault:?}: {tally:?}, at most {most} in flight");
    assert_eq!(tally.count(Outcome::Lost), 0, "{tally:?}");
    let budget = count * fault.budget() / 100;
    assert!(tally.failed() <= budget, "more than {budget}: {tally:?}");
    assert!(most <= MOST_IN_FLIGHT, "{most} in flight");

    recovered(&world, &load).await;
    let nothing = async || (world.in_hand().await == 0).then_some(());
    eventually(RECOVERY, nothing).await;
    world.stop().await;
}

/// Until no request fails, and every replica has its share.
async fn recovered(world: &World, load: &Load) {
    let start = Instant::now();
    loop {
        let before = world.requests().await;
        let tally = load.run(LOOK, PACE).await;
        let after = world.requests().await;
        let all_have = before
            .iter()
            .zip(&after)
            .all(|(before, after)| after > before);
        if all_have && tally.failed() == 0 {
            return;
        }
        let seen = format!("{tally:?}; requests from {before:?} to {after:?}");
        assert!(start.elapsed() < RECOVERY, "it does not recover: {seen}");
    }
}

async fn has_sent(progress: &Progress, count: usize) {
    eventually(Duration::from_hours(1), async || {
        (progress.sent() >= count).then_some(())
    })
    .await;
}

/// A number that the environment gives.
pub(crate) fn number(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} must be a number, and is `{text}`")))
}
