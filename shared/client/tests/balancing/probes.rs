//! Who does not say the right name, or nothing at all, gets nothing.

use std::time::Duration;

use stoa_client::{Endpoints, Probe};
use stoa_testing::eventually;

use crate::replica::{Dns, Mode, Replica, SOON};

fn checked(dns: &Dns) -> Endpoints {
    let probe = Probe::service("other").every(Duration::from_millis(50));
    dns.endpoints().checked(probe)
}

/// Whether some requests in a row all go, or none of them does, to `replica`.
async fn gets_all(endpoints: &Endpoints, replica: &Replica, all: bool) -> bool {
    for _ in 0..20 {
        let chosen = endpoints.choose(&[]).await.unwrap();
        if (chosen.address() == replica.address) != all {
            return false;
        }
    }
    true
}

/// Waits until `replica` gets nothing, or all.
async fn until_it_gets(endpoints: &Endpoints, replica: &Replica, all: bool) {
    eventually(SOON, || async {
        gets_all(endpoints, replica, all).await.then_some(())
    })
    .await;
}

/// Waits until `replica` gets something.
async fn until_used(endpoints: &Endpoints, replica: &Replica) {
    eventually(SOON, || async {
        (!gets_all(endpoints, replica, false).await).then_some(())
    })
    .await;
}

#[tokio::test]
async fn another_service_gets_no_request_from_the_first_one_on() {
    let good = Replica::start(Mode::Good).await;
    let foreign = Replica::start(Mode::Named("another")).await;
    let endpoints = checked(&Dns::of(&[&good, &foreign]));
    for _ in 0..10 {
        assert!(gets_all(&endpoints, &good, true).await);
    }
    foreign.becomes(Mode::Good);
    until_used(&endpoints, &foreign).await;
    foreign.becomes(Mode::Named("another"));
    until_it_gets(&endpoints, &good, true).await;
}

#[tokio::test]
async fn where_all_are_of_another_service_there_is_no_choice() {
    let foreign = Replica::start(Mode::Named("another")).await;
    let endpoints = checked(&Dns::of(&[&foreign]));
    eventually(SOON, || async {
        endpoints.choose(&[]).await.is_none().then_some(())
    })
    .await;
    assert!(!endpoints.others(&[]));
    // Who was another service and says nothing is not trusted again for that.
    foreign.becomes(Mode::Nameless);
    let before = foreign.probes();
    eventually(SOON, || async {
        assert!(endpoints.choose(&[]).await.is_none());
        (foreign.probes() > before + 3).then_some(())
    })
    .await;
}

#[tokio::test]
async fn where_nobody_answers_probes_all_are_used() {
    let (one, other) = (
        Replica::start(Mode::Nameless).await,
        Replica::start(Mode::Nameless).await,
    );
    let endpoints = checked(&Dns::of(&[&one, &other]));
    eventually(SOON, || async {
        endpoints.choose(&[]).await.unwrap();
        (one.probes() > 3 && other.probes() > 3).then_some(())
    })
    .await;
    until_used(&endpoints, &one).await;
    until_used(&endpoints, &other).await;
}

#[tokio::test]
async fn a_new_address_gets_nothing_before_it_has_said_its_name() {
    let (old, new) = (
        Replica::start(Mode::Good).await,
        Replica::start(Mode::Frozen).await,
    );
    let dns = Dns::of(&[&old]);
    let endpoints = checked(&dns);
    endpoints.choose(&[]).await.unwrap();
    dns.says([old.address, new.address]);
    eventually(SOON, || async {
        assert!(gets_all(&endpoints, &old, true).await);
        (new.probes() >= 2).then_some(())
    })
    .await;
    new.becomes(Mode::Good);
    until_used(&endpoints, &new).await;
}

#[tokio::test]
async fn where_all_addresses_are_new_they_are_asked_before_the_next_request() {
    let old = Replica::start(Mode::Good).await;
    let (new, foreign) = (
        Replica::start(Mode::Good).await,
        Replica::start(Mode::Named("another")).await,
    );
    let dns = Dns::of(&[&old]);
    let endpoints = checked(&dns);
    until_it_gets(&endpoints, &old, true).await;
    eventually(SOON, || async { (old.probes() > 0).then_some(()) }).await;
    dns.says([new.address, foreign.address]);
    for _ in 0..3 {
        eventually(SOON, || async {
            let chosen = endpoints.choose(&[]).await.unwrap().address();
            assert_ne!(chosen, foreign.address);
            tokio::task::yield_now().await;
            (chosen == new.address).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn who_freezes_is_out_until_it_answers_again() {
    let (good, other) = (
        Replica::start(Mode::Good).await,
        Replica::start(Mode::Good).await,
    );
    let endpoints = checked(&Dns::of(&[&good, &other]));
    until_used(&endpoints, &other).await;
    other.becomes(Mode::Frozen);
    until_it_gets(&endpoints, &good, true).await;
    other.becomes(Mode::Good);
    until_used(&endpoints, &other).await;
}

#[tokio::test]
async fn who_is_about_to_end_is_out_with_the_first_probe_that_says_so() {
    let (good, leaving) = (
        Replica::start(Mode::Good).await,
        Replica::start(Mode::Leaving).await,
    );
    let endpoints = checked(&Dns::of(&[&good, &leaving]));
    assert!(gets_all(&endpoints, &good, true).await);
    assert_eq!(leaving.probes(), 1);
}

#[tokio::test]
async fn a_foreign_server_only_has_to_answer_well() {
    let (good, bad) = (
        Replica::start(Mode::Nameless).await,
        Replica::start(Mode::Failing).await,
    );
    let endpoints = Dns::of(&[&good, &bad]).endpoints();
    let probe = Probe::path("/index.html").every(Duration::from_millis(50));
    let endpoints = endpoints.checked(probe);
    until_it_gets(&endpoints, &good, true).await;
}

#[tokio::test]
async fn without_requests_there_are_no_probes() {
    let (one, other) = (
        Replica::start(Mode::Good).await,
        Replica::start(Mode::Good).await,
    );
    let endpoints = checked(&Dns::of(&[&one, &other]));
    until_used(&endpoints, &one).await;
    // The last round that a request has begun ends.
    let more = async {
        let before = one.probes();
        while one.probes() < before + 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let quiet = tokio::time::timeout(Duration::from_millis(500), more).await;
    assert!(quiet.is_err());
}

#[tokio::test]
async fn a_frozen_replica_costs_a_client_no_call() {
    let (good, frozen) = (
        Replica::start(Mode::Good).await,
        Replica::start(Mode::Frozen).await,
    );
    let client = Dns::of(&[&good, &frozen]).client();
    for _ in 0..20 {
        client.post::<String>("/thing", &()).await.unwrap();
    }
    assert_eq!(frozen.requests(), 0);
}
