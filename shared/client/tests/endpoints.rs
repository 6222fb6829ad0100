//! What holds for the choice among the addresses of a service.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use stoa_client::{Endpoints, InFlight, Outcome, Resolver};

/// DNS as the test wants it.
#[derive(Clone, Default)]
struct Dns {
    answer: Arc<Mutex<Option<Vec<SocketAddr>>>>,
    lookups: Arc<AtomicUsize>,
}

impl Dns {
    fn says(&self, ports: &[u16]) {
        let addresses = ports.iter().map(|port| address(*port)).collect();
        *self.answer.lock().expect("the lock") = Some(addresses);
    }

    fn fails(&self) {
        *self.answer.lock().expect("the lock") = None;
    }

    fn endpoints(&self) -> Endpoints {
        let dns = self.clone();
        let resolver = Resolver::new(move |_, _| {
            dns.lookups.fetch_add(1, Ordering::SeqCst);
            let answer = dns.answer.lock().expect("the lock").clone();
            async { answer.ok_or_else(|| io::ErrorKind::NotFound.into()) }
        });
        Endpoints::new("tasks.other", 8080, resolver)
    }

    /// Chooses until the endpoints have heard what is said now.
    async fn heard(&self, endpoints: &Endpoints) {
        let before = self.lookups.load(Ordering::SeqCst);
        // When the third lookup from here on begins, the second has ended.
        eventually(async || {
            drop(endpoints.choose(&[]).await);
            self.lookups.load(Ordering::SeqCst) >= before + 3
        })
        .await;
    }
}

/// Waits for a condition.
async fn eventually(holds: impl AsyncFn() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, wait).await.expect("in time");
}

fn address(port: u16) -> SocketAddr {
    ([10, 0, 0, 1], port).into()
}

async fn choose(endpoints: &Endpoints, count: usize) -> Vec<InFlight> {
    let mut chosen = Vec::new();
    for _ in 0..count {
        chosen.extend(endpoints.choose(&[]).await);
    }
    chosen
}

fn ports(chosen: &[InFlight]) -> BTreeMap<u16, usize> {
    let mut ports = BTreeMap::new();
    for in_flight in chosen {
        *ports.entry(in_flight.address().port()).or_default() += 1;
    }
    ports
}

#[tokio::test]
async fn requests_in_flight_are_spread_evenly() {
    let dns = Dns::default();
    dns.says(&[1, 2, 3]);
    let chosen = choose(&dns.endpoints(), 300).await;
    for (port, count) in ports(&chosen) {
        assert!((90..=110).contains(&count), "{port}: {count}");
    }
}

#[tokio::test]
async fn requests_that_end_at_once_are_spread_too() {
    let dns = Dns::default();
    dns.says(&[1, 2]);
    let endpoints = dns.endpoints();
    let mut first = 0;
    for _ in 0..200 {
        first += usize::from(endpoints.choose(&[]).await.unwrap().address().port() == 1);
    }
    // Far wider than chance ever is: five standard deviations.
    assert!((65..=135).contains(&first), "{first}");
}

#[tokio::test]
async fn an_address_that_vanished_gets_nothing_new_and_one_that_came_gets_its_share() {
    let dns = Dns::default();
    dns.says(&[1, 2]);
    let endpoints = dns.endpoints();
    let before = choose(&endpoints, 10).await;
    for one in &before {
        // Its body is still read.
        one.answered(Outcome::Good);
    }
    dns.says(&[2, 3]);
    dns.heard(&endpoints).await;
    let after = ports(&choose(&endpoints, 20).await);
    assert_eq!(after.keys().copied().collect::<Vec<_>>(), [2, 3]);
    // What was under way to the other one counts no more than it did.
    assert!(after[&3] > after[&2], "{after:?}");
    drop(before);
}

#[tokio::test]
async fn an_answer_that_is_empty_or_fails_changes_nothing() {
    let dns = Dns::default();
    dns.says(&[1]);
    let endpoints = dns.endpoints();
    assert!(endpoints.choose(&[]).await.is_some());
    dns.says(&[]);
    dns.heard(&endpoints).await;
    assert_eq!(ports(&choose(&endpoints, 2).await), [(1, 2)].into());
    dns.fails();
    dns.heard(&endpoints).await;
    assert_eq!(ports(&choose(&endpoints, 2).await), [(1, 2)].into());
    dns.says(&[2]);
    dns.heard(&endpoints).await;
    assert_eq!(ports(&choose(&endpoints, 1).await), [(2, 1)].into());
}

#[tokio::test]
async fn there_is_no_choice_before_the_first_answer() {
    let dns = Dns::default();
    let endpoints = dns.endpoints();
    assert!(endpoints.choose(&[]).await.is_none());
    dns.says(&[1]);
    eventually(async || endpoints.choose(&[]).await.is_some()).await;
}

#[tokio::test]
async fn who_refused_is_avoided_for_a_while_but_never_all_are() {
    let dns = Dns::default();
    dns.says(&[1, 2]);
    let endpoints = dns.endpoints();
    let refused = endpoints.choose(&[]).await.unwrap();
    refused.refused();
    let other = 3 - refused.address().port();
    let chosen = choose(&endpoints, 20).await;
    assert_eq!(ports(&chosen), [(other, 20)].into());
    chosen[0].refused();
    drop(chosen);
    assert_eq!(ports(&choose(&endpoints, 20).await).len(), 2);
}

#[tokio::test]
async fn who_refused_comes_back_after_a_while() {
    let dns = Dns::default();
    dns.says(&[1, 2]);
    let endpoints = dns.endpoints();
    endpoints.choose(&[address(2)]).await.unwrap().refused();
    assert_eq!(ports(&choose(&endpoints, 20).await), [(2, 20)].into());
    eventually(async || ports(&choose(&endpoints, 20).await).len() == 2).await;
}

#[tokio::test]
async fn what_was_tried_is_avoided_while_there_are_others() {
    let dns = Dns::default();
    dns.says(&[1, 2]);
    let endpoints = dns.endpoints();
    let tried = [address(1)];
    for _ in 0..20 {
        let chosen = endpoints.choose(&tried).await.unwrap();
        assert_eq!(chosen.address(), address(2));
    }
    assert!(endpoints.others(&tried));
    let both = [address(1), address(2)];
    assert!(!endpoints.others(&both));
    assert!(endpoints.choose(&both).await.is_some());
}

#[tokio::test]
async fn an_address_instead_of_a_name_is_asked_of_nobody() {
    let nobody = Resolver::new(|host, _| async move { panic!("asked for {host}") });
    for (host, expected) in [("127.0.0.1", "127.0.0.1:80"), ("[::1]", "[::1]:80")] {
        let endpoints = Endpoints::new(host, 80, nobody.clone());
        let chosen = endpoints.choose(&[]).await.unwrap();
        assert_eq!(chosen.address().to_string(), expected);
    }
}

#[tokio::test]
async fn a_name_is_looked_up_in_dns() {
    let endpoints = Endpoints::new("localhost", 80, Resolver::dns());
    let chosen = endpoints.choose(&[]).await.unwrap();
    assert!(chosen.address().ip().is_loopback());
}

#[tokio::test]
async fn a_lookup_ends_with_its_owner() {
    let (alive, ended) = tokio::sync::oneshot::channel::<()>();
    let alive = Mutex::new(Some(alive));
    let resolver = Resolver::new(move |_, _| {
        let alive = alive.lock().expect("the lock").take();
        async move {
            let _alive = alive;
            std::future::pending().await
        }
    });
    let endpoints = Endpoints::new("tasks.other", 80, resolver);
    let waits = tokio::time::timeout(Duration::from_millis(10), endpoints.choose(&[])).await;
    assert!(waits.is_err());
    drop(endpoints);
    assert!(ended.await.is_err());
}
