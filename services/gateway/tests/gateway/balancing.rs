//! Several addresses behind one name: who gets what, and what happens when one goes.

use crate::support::replica::{Dns, Replica};
use crate::support::{World, json};
use futures_util::future::join_all;
use http::StatusCode;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use stoa_testing::eventually;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Port 9 is the discard service, which nobody runs.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);
const SOON: Duration = Duration::from_secs(10);
const FREE: [(&str, &str); 3] = [
    ("ECHO_URL", "http://echo:8080"),
    ("RATE_LIMIT_PER_SECOND", "1000000"),
    ("RATE_LIMIT_BURST", "1000000"),
];

async fn world(dns: &Dns) -> World {
    World::with_resolver(&FREE, dns.resolver()).await
}

async fn two() -> (Dns, [Replica; 2]) {
    let replicas = [Replica::start().await, Replica::start().await];
    let dns = Dns::default();
    dns.says(&[replicas[0].address, replicas[1].address]);
    (dns, replicas)
}

/// Asks in turn, without and with a body, until it is stopped; the statuses that were no success.
async fn load(world: &World, stop: &CancellationToken) -> (usize, Vec<String>) {
    let mut failed = Vec::new();
    let mut count = 0;
    while !stop.is_cancelled() {
        let url = world.url("/api/v1/open/x");
        let request = match count % 2 {
            0 => world.http.get(url),
            _ => world.http.post(url).body(vec![7; 1000]),
        };
        count += 1;
        match request.send().await {
            Ok(response) if response.status() == StatusCode::OK => {}
            Ok(response) => failed.push(response.text().await.expect("a text")),
            Err(error) => failed.push(format!("{error:?}")),
        }
    }
    (count, failed)
}

/// Runs `events` under a steady load; none of its requests may fail.
async fn without_a_failure(world: &World, events: impl Future<Output = ()>) {
    let stop = CancellationToken::new();
    let workers = join_all((0..8).map(|_| load(world, &stop)));
    let events = async {
        events.await;
        stop.cancel();
    };
    let (workers, ()) = tokio::join!(workers, events);
    let count: usize = workers.iter().map(|(count, _)| count).sum();
    let failed: Vec<_> = workers.into_iter().flat_map(|(_, failed)| failed).collect();
    assert!(count > 10, "{count} requests are no load");
    assert!(failed.is_empty(), "{} of {count}: {failed:?}", failed.len());
}

#[tokio::test]
async fn requests_are_spread_over_the_addresses() {
    let (dns, replicas) = two().await;
    let world = world(&dns).await;
    // One that has been slow once is spared for a moment, and then comes back.
    eventually(SOON, async || {
        assert_eq!(world.get("/api/v1/open/x").await.status(), StatusCode::OK);
        let is_used = |replica: &Replica| replica.requests() >= 20;
        replicas.iter().all(is_used).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_address_that_vanished_gets_nothing_new_and_finishes_what_it_has() {
    let (dns, [gone, stays]) = two().await;
    dns.says(&[gone.address]);
    let world = world(&dns).await;
    let held = tokio::spawn(world.http.get(world.url("/api/v1/open/hold")).send());
    eventually(SOON, async || (gone.requests() == 1).then_some(())).await;
    without_a_failure(&world, dns.has_said(&[stays.address])).await;
    let before = gone.requests();
    without_a_failure(&world, dns.has_said(&[stays.address])).await;
    assert_eq!(gone.requests(), before);
    gone.release();
    let held = held.await.unwrap().unwrap();
    assert_eq!(held.text().await.unwrap(), "held");
}

#[tokio::test]
async fn a_refused_connection_costs_no_request_and_no_byte_of_its_body() {
    let replica = Replica::start().await;
    let dns = Dns::default();
    dns.says(&[NOBODY, replica.address]);
    let world = world(&dns).await;
    let posts = (0..50).map(|_| async {
        let request = world.http.post(world.url("/api/v1/open/x"));
        let pieces =
            futures_util::stream::iter((0..10).map(|_| std::io::Result::Ok(vec![7; 1000])));
        let request = request.body(reqwest::Body::wrap_stream(pieces));
        request.send().await.unwrap().text().await.unwrap()
    });
    for answer in join_all(posts).await {
        assert_eq!(answer, "10000");
    }
}

/// An address whose connections end when something was asked; and how many it was asked to change something.
async fn breaking() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4];
            let is_put = stream.read_exact(&mut head).await.is_ok() && &head == b"PUT ";
            counted.fetch_add(usize::from(is_put), Ordering::Relaxed);
        }
    });
    (address, asked)
}

/// It may have been done, and a condition that held for the first time would not for the second.
#[tokio::test]
async fn a_change_whose_connection_breaks_is_not_asked_for_again() {
    let (address, asked) = breaking().await;
    let dns = Dns::default();
    dns.says(&[address]);
    let world = world(&dns).await;
    let request = world.http.put(world.url("/api/v1/open/x"));
    let answer = request.body(vec![7; 1000]).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_service_without_an_address_is_waited_for() {
    let replica = Replica::start().await;
    let dns = Dns::default();
    let world = world(&dns).await;
    let appears = async {
        eventually(SOON, async || (dns.lookups() > 0).then_some(())).await;
        dns.says(&[replica.address]);
    };
    let (response, ()) = tokio::join!(world.get("/api/v1/open/x"), appears);
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_service_that_stays_without_an_address_is_unavailable_with_a_time_to_come_back() {
    let world = world(&Dns::default()).await;
    let response = world.get("/api/v1/open/x").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(json(response).await["code"], "unavailable");
}

#[tokio::test]
async fn replicas_are_replaced_in_turn_without_a_failed_request() {
    let (dns, mut replicas) = two().await;
    let world = world(&dns).await;
    let addresses = [replicas[0].address, replicas[1].address];
    let deploy = async {
        for round in 0..4 {
            let (old, other) = (round % 2, 1 - round % 2);
            // As Swarm does it: first the record goes, then the task.
            dns.has_said(&[addresses[other]]).await;
            replicas[old].stop().await;
            replicas[old].start_again().await;
            dns.has_said(&addresses).await;
        }
    };
    without_a_failure(&world, deploy).await;
}

#[tokio::test]
async fn a_replica_that_ends_unannounced_costs_no_request() {
    let (dns, mut replicas) = two().await;
    let world = world(&dns).await;
    let restarts = async {
        for replica in &mut replicas {
            replica.stop().await;
            let before = dns.lookups();
            eventually(SOON, async || (dns.lookups() > before + 1).then_some(())).await;
            replica.start_again().await;
        }
    };
    without_a_failure(&world, restarts).await;
}
