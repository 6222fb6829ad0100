//! Who fails gets nothing for a while, then one request, then all or nothing again.

use std::{collections::BTreeSet, time::Duration};

use stoa_client::{Endpoints, InFlight, Outcome};
use stoa_contracts::deadline::Deadline;
use stoa_testing::eventually;

use crate::replica::{Dns, Mode, Replica, SOON, address, at};

const SECOND: Duration = Duration::from_secs(1);

/// A request to this one of the ports 1 to 3.
async fn to(endpoints: &Endpoints, port: u16) -> InFlight {
    let others: Vec<_> = (1..=3)
        .filter(|other| *other != port)
        .map(address)
        .collect();
    let chosen = endpoints.choose(&others).await.unwrap();
    assert_eq!(chosen.address(), address(port));
    chosen
}

async fn fail(endpoints: &Endpoints, port: u16, times: usize) {
    for _ in 0..times {
        to(endpoints, port).await.answered(Outcome::Failed);
    }
}

/// The ports that get something of many requests in flight.
async fn used(endpoints: &Endpoints) -> BTreeSet<u16> {
    let mut chosen = Vec::new();
    for _ in 0..40 {
        chosen.push(endpoints.choose(&[]).await.unwrap());
    }
    chosen.iter().map(|one| one.address().port()).collect()
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_are_enough_and_four_are_not() {
    let endpoints = at([1, 2]);
    fail(&endpoints, 1, 4).await;
    to(&endpoints, 1).await.answered(Outcome::Good);
    fail(&endpoints, 1, 4).await;
    // Its failures count as slow answers, so it gets something when the other one is busy.
    let mut busy = Vec::new();
    while busy
        .last()
        .is_none_or(|last: &InFlight| last.address() == address(2))
    {
        busy.push(endpoints.choose(&[]).await.unwrap());
        assert!(busy.len() < 100_000);
    }
    drop(busy);
    fail(&endpoints, 1, 1).await;
    assert_eq!(used(&endpoints).await, [2].into());
}

#[tokio::test(start_paused = true)]
async fn after_the_ejection_one_request_decides() {
    let endpoints = at([1, 2]);
    to(&endpoints, 1).await.refused();
    assert_eq!(used(&endpoints).await, [2].into());
    tokio::time::advance(SECOND).await;
    let trial = endpoints.choose(&[]).await.unwrap();
    assert_eq!(trial.address(), address(1));
    assert_eq!(used(&endpoints).await, [2].into());
    trial.answered(Outcome::Good);
    drop(trial);
    assert_eq!(used(&endpoints).await, [1, 2].into());
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_fails_puts_the_address_aside_for_longer() {
    let endpoints = at([1, 2]);
    to(&endpoints, 1).await.refused();
    tokio::time::advance(SECOND).await;
    let trial = endpoints.choose(&[]).await.unwrap();
    trial.answered(Outcome::Broken);
    drop(trial);
    tokio::time::advance(SECOND + SECOND / 2).await;
    assert_eq!(used(&endpoints).await, [2].into());
    tokio::time::advance(SECOND / 2).await;
    let trial = endpoints.choose(&[]).await.unwrap();
    assert_eq!(trial.address(), address(1));
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_is_given_up_is_followed_by_another() {
    let endpoints = at([1, 2]);
    to(&endpoints, 1).await.refused();
    tokio::time::advance(SECOND).await;
    for _ in 0..3 {
        let trial = endpoints.choose(&[]).await.unwrap();
        assert_eq!(trial.address(), address(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_try_is_no_trial() {
    let endpoints = at([1, 2, 3]);
    to(&endpoints, 1).await.refused();
    tokio::time::advance(SECOND).await;
    for _ in 0..20 {
        let chosen = endpoints.choose(&[address(2)]).await.unwrap();
        assert_eq!(chosen.address(), address(3));
    }
}

#[tokio::test(start_paused = true)]
async fn failures_never_take_away_more_than_half() {
    let endpoints = at([1, 2, 3]);
    fail(&endpoints, 1, 5).await;
    fail(&endpoints, 2, 20).await;
    fail(&endpoints, 3, 20).await;
    assert_eq!(used(&endpoints).await, [2, 3].into());
}

#[tokio::test(start_paused = true)]
async fn where_all_refuse_all_are_asked() {
    let endpoints = at([1, 2, 3]);
    for port in 1..=3 {
        to(&endpoints, port).await.refused();
    }
    assert_eq!(used(&endpoints).await, [1, 2, 3].into());
}

#[tokio::test]
async fn a_replica_that_answers_500_loses_its_requests_and_gets_them_back() {
    let (good, bad) = (
        Replica::start(Mode::Good).await,
        Replica::start(Mode::Failing).await,
    );
    let client = Dns::of(&[&good, &bad]).client();
    let call = async || client.get::<String>("/thing").await;
    // It is asked until it has failed five times in a row, and now and then on trial.
    let mut failed = 0;
    for _ in 0..200 {
        failed += usize::from(call().await.is_err());
    }
    assert!(failed <= 8, "{failed} of 200");
    bad.becomes(Mode::Good);
    let before = bad.requests();
    eventually(SOON, || async {
        call().await.ok();
        (bad.requests() > before + 5).then_some(())
    })
    .await;
    for _ in 0..20 {
        call().await.unwrap();
    }
}

/// Or whoever gives little time could have it put aside for all others.
#[tokio::test]
async fn a_replica_that_is_late_for_who_hurries_keeps_its_requests() {
    let replicas = [
        Replica::start(Mode::Good).await,
        Replica::start(Mode::Late).await,
    ];
    let client = Dns::of(&[&replicas[0], &replicas[1]]).client();
    // One that was slow once, as on a busy machine, has few for a while; one that was put aside has hardly any ever.
    eventually(SOON, || async {
        let before = replicas[1].requests();
        for _ in 0..100 {
            let hurried = Deadline::within(Duration::from_secs(2));
            // Never sent twice.
            let call = client.post::<String>("/thing", &());
            hurried.around(call).await.ok();
        }
        (replicas[1].requests() - before > 20).then_some(())
    })
    .await;
}
