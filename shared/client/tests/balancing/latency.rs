//! The quick and the idle get more than the slow and the busy.

use std::{collections::BTreeMap, time::Duration};

use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use stoa_client::{Endpoints, Outcome};
use tokio::time::Instant;

use crate::replica::{Dns, address, at};

/// How many of `count` requests, one after the other, each port gets; how long an answer takes is
/// given in milliseconds.
async fn spread(
    endpoints: &Endpoints,
    count: usize,
    latency: impl Fn(u16) -> u64,
) -> BTreeMap<u16, usize> {
    spread_as(endpoints, count, latency, |_| Outcome::Good).await
}

/// The same, where each port answers so.
async fn spread_as(
    endpoints: &Endpoints,
    count: usize,
    latency: impl Fn(u16) -> u64,
    outcome: impl Fn(u16) -> Outcome,
) -> BTreeMap<u16, usize> {
    let mut spread = BTreeMap::new();
    for _ in 0..count {
        let chosen = endpoints.choose(&[]).await.unwrap();
        let port = chosen.address().port();
        tokio::time::advance(Duration::from_millis(latency(port))).await;
        chosen.answered(outcome(port));
        *spread.entry(port).or_default() += 1;
    }
    spread
}

#[tokio::test(start_paused = true)]
async fn a_slow_address_gets_little() {
    let endpoints = at([1, 2, 3]);
    let slow = |port| if port == 1 { 200 } else { 2 };
    let spread = spread(&endpoints, 1000, slow).await;
    assert!(spread[&1] < 30, "{spread:?}");
    assert!(spread[&2] > 300 && spread[&3] > 300, "{spread:?}");
}

#[tokio::test(start_paused = true)]
async fn an_address_that_quickly_says_it_cannot_gets_little() {
    let problem = ("content-type", "application/problem+json");
    for (name, value) in [problem, ("retry-after", "1")] {
        let endpoints = at([1, 2, 3]);
        let headers = [(name.parse().unwrap(), value.parse().unwrap())].into_iter();
        let headers = headers.collect();
        let outcome = |port| match port {
            1 => Outcome::of(StatusCode::SERVICE_UNAVAILABLE, &headers),
            _ => Outcome::of(StatusCode::OK, &HeaderMap::new()),
        };
        let latency = |port| if port == 1 { 1 } else { 50 };
        let spread = spread_as(&endpoints, 1000, latency, outcome).await;
        assert!(spread[&1] < 50, "{name}: {spread:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_address_that_has_become_quick_gets_its_share_again() {
    let endpoints = at([1, 2]);
    spread(&endpoints, 200, |port| if port == 1 { 200 } else { 2 }).await;
    let after = spread(&endpoints, 20_000, |_| 2).await;
    assert!(after[&1] > 2000, "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn what_differs_by_little_is_spread_by_chance() {
    let endpoints = at([1, 2]);
    let spread = spread(&endpoints, 1000, |port| 10 + u64::from(port)).await;
    assert!(spread.values().all(|count| *count > 300), "{spread:?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_address_begins_as_one_of_many() {
    let dns = Dns::default();
    dns.says([1, 2].map(address));
    let endpoints = dns.endpoints();
    spread(&endpoints, 100, |_| 50).await;
    dns.says([1, 2, 3].map(address));
    while endpoints.count() < 3 {
        spread(&endpoints, 1, |_| 50).await;
    }
    // All at once, before it has answered anything.
    let mut chosen = Vec::new();
    let mut new = 0;
    for _ in 0..300 {
        let one = endpoints.choose(&[]).await.unwrap();
        new += usize::from(one.address() == address(3));
        chosen.push(one);
    }
    assert!((60..=140).contains(&new), "{new} of 300");
}

/// Whatever the others had: they may all have been slow a moment ago, and it quick.
#[tokio::test(start_paused = true)]
async fn an_address_that_answers_nobody_gets_few() {
    let endpoints = at([1, 2, 3]);
    spread(&endpoints, 100, |port| if port == 1 { 2 } else { 150 }).await;
    let mut hanging = Vec::new();
    for _ in 0..480 {
        let chosen = endpoints.choose(&[]).await.unwrap();
        tokio::time::advance(Duration::from_millis(5)).await;
        if chosen.address().port() == 1 {
            hanging.push(chosen);
        } else {
            chosen.answered(Outcome::Good);
        }
    }
    assert!(hanging.len() < 40, "{} of 480", hanging.len());
    // It answers all of them, and is as good as the others.
    for one in hanging {
        one.answered(Outcome::Good);
    }
    let after = spread(&endpoints, 5000, |_| 5).await;
    assert!(after[&1] > 500, "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_told_the_time_counts_from_then() {
    let (endpoints, now) = (at([1]), Instant::now());
    tokio::time::advance(Duration::from_millis(5)).await;
    let chosen = endpoints.choose_at(&[], now).await.unwrap();
    // The first one waits for the addresses, and goes by the time when they are there.
    assert!(chosen.since() > now);
    let now = Instant::now();
    tokio::time::advance(Duration::from_millis(5)).await;
    let chosen = endpoints.choose_at(&[], now).await.unwrap();
    assert_eq!(chosen.since(), now);
}

/// Two who ask for what takes long must not take an address from a third.
#[tokio::test(start_paused = true)]
async fn a_request_that_takes_its_time_keeps_nobody_else_away() {
    let endpoints = at([1, 2]);
    let mut long = Vec::new();
    for _ in 0..4 {
        long.push(endpoints.choose(&[]).await.unwrap());
    }
    long.retain(|one| one.address().port() == 1);
    assert_eq!(long.len(), 2, "they are spread evenly");
    let mut beside = 0;
    for _ in 0..100 {
        tokio::time::advance(Duration::from_secs(1)).await;
        let mut chosen = Vec::new();
        for _ in 0..6 {
            chosen.push(endpoints.choose(&[]).await.unwrap());
        }
        tokio::time::advance(Duration::from_millis(5)).await;
        for one in chosen {
            beside += usize::from(one.address().port() == 1);
            one.answered(Outcome::Good);
        }
    }
    assert!(beside > 100, "{beside} of 600");
}

/// As in front of a service whose handlers hang and whose identity answers.
#[tokio::test(start_paused = true)]
async fn who_goes_without_an_answer_says_how_long_that_was() {
    let endpoints = at([1, 2]);
    let mut hung = 0;
    for _ in 0..200 {
        let chosen = endpoints.choose(&[]).await.unwrap();
        if chosen.address().port() == 1 {
            hung += 1;
            tokio::time::advance(Duration::from_secs(3)).await;
        } else {
            tokio::time::advance(Duration::from_millis(20)).await;
            chosen.answered(Outcome::Good);
        }
    }
    assert!(hung < 10, "{hung} of 200");
}

#[tokio::test(start_paused = true)]
async fn how_long_a_client_sends_says_nothing_of_the_address() {
    let endpoints = at([1, 2]);
    spread(&endpoints, 100, |_| 5).await;
    let upload = endpoints.choose(&[]).await.unwrap();
    upload.uploading();
    tokio::time::advance(Duration::from_mins(1)).await;
    upload.uploaded();
    assert_eq!(upload.age(), Duration::ZERO);
    tokio::time::advance(Duration::from_millis(5)).await;
    upload.answered(Outcome::Good);
    drop(upload);
    let after = spread(&endpoints, 1000, |_| 5).await;
    assert!(after.values().all(|count| *count > 300), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_as_something_else_is_no_request() {
    let endpoints = at([1, 2]);
    let mut open = Vec::new();
    while open.len() < 50 {
        let chosen = endpoints.choose(&[]).await.unwrap();
        chosen.answered(Outcome::Good);
        if chosen.address().port() == 1 {
            chosen.switched();
            open.push(chosen);
        }
    }
    let spread_with = spread(&endpoints, 1000, |_| 5).await;
    assert!(
        spread_with.values().all(|count| *count > 300),
        "{spread_with:?}"
    );
    drop(open);
    let spread_after = spread(&endpoints, 1000, |_| 5).await;
    assert!(
        spread_after.values().all(|count| *count > 300),
        "{spread_after:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// With two choices the fullest is never far from the emptiest, however many requests there
    /// are; with one it would be, by the root of their number.
    #[test]
    fn requests_in_flight_are_spread_evenly(ports in 2_u16..12, each in 1_usize..200) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let loads = runtime.block_on(async {
            let endpoints = at(1..=ports);
            let mut loads: BTreeMap<_, usize> = (1..=ports).map(|port| (port, 0)).collect();
            let mut chosen = Vec::new();
            for _ in 0..each * usize::from(ports) {
                let one = endpoints.choose(&[]).await.unwrap();
                *loads.entry(one.address().port()).or_default() += 1;
                chosen.push(one);
            }
            loads
        });
        let gap = loads.values().max().unwrap() - loads.values().min().unwrap();
        prop_assert!(gap <= 10, "{loads:?}");
    }
}
