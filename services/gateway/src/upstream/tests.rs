//! What a request takes of a service.

use super::*;
use http_body_util::BodyExt as _;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_secs(10);
const BEGUN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun";

/// A service that never ends an answer.
async fn slow_service() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
            stream.write_all(BEGUN).await.unwrap();
            open.push(stream);
        }
    });
    url
}

fn get() -> Request {
    Request {
        method: Method::GET,
        head: begin(&Method::GET, "/"),
        body: None,
        client: Ipv4Addr::LOCALHOST.into(),
        deadline: Instant::now() + SOON,
        is_hurried: false,
    }
}

/// Says this to whoever asks, and leaves; where it says nothing, it stays. How often it was asked.
async fn saying(answer: &'static [u8]) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
            counted.fetch_add(1, Ordering::Relaxed);
            stream.write_all(answer).await.unwrap();
            if answer.is_empty() {
                open.push(stream);
            }
        }
    });
    (address, asked)
}

fn at(addresses: [SocketAddr; 2]) -> Arc<Upstream> {
    let resolver = Resolver::new(move |_, _| async move { Ok(addresses.to_vec()) });
    let mut upstream = Upstream::new("here", "http://here", resolver.clone()).unwrap();
    // Without the question who they are.
    upstream.endpoints = Endpoints::new("here", HTTP_PORT, resolver);
    Arc::new(upstream)
}

#[tokio::test]
async fn who_gives_a_service_little_time_has_no_address_put_aside() {
    let late = b"HTTP/1.1 504 Late\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let good = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for is_hurried in [true, false] {
        let ((late, asked), (good, _)) = (saying(late).await, saying(good).await);
        let upstream = at([late, good]);
        let pool = Pool::default();
        let ask = || async {
            let mut request = Request {
                is_hurried,
                ..get()
            };
            upstream.exchange(&pool, &mut request, SOON).await.unwrap();
        };
        // Many at once, while nothing is known of either: who was late is hardly chosen again.
        while asked.load(Ordering::Relaxed) < 5 {
            futures_util::future::join_all((0..20).map(|_| ask())).await;
        }
        assert_eq!(upstream.endpoints.good_others(&[good]), is_hurried);
    }
}

/// Asks two silent addresses for a while that is shorter than `limit`, or hurried: all are late, and neither address is put
/// aside. Answers how often each was asked.
async fn late_and_blame_nobody(is_hurried: bool, limit: Duration) -> [usize; 2] {
    let silent = [saying(b"").await, saying(b"").await];
    let addresses = silent.each_ref().map(|(address, _)| *address);
    let upstream = at(addresses);
    let pool = Pool::default();
    let ask = || async {
        let mut request = Request {
            deadline: Instant::now() + 2 * PATIENT,
            is_hurried,
            ..get()
        };
        upstream.exchange(&pool, &mut request, limit).await.err()
    };
    for late in futures_util::future::join_all((0..12).map(|_| ask())).await {
        assert!(matches!(late, Some(UpstreamError::Late { .. })), "{late:?}");
    }
    for other in addresses {
        assert!(upstream.endpoints.good_others(&[other]));
    }
    silent.map(|(_, asked)| asked.load(Ordering::Relaxed))
}

#[tokio::test]
async fn who_waits_for_less_than_the_route_says_has_no_address_put_aside() {
    let asked = late_and_blame_nobody(true, 2 * PATIENT).await;
    assert!(asked.iter().all(|times| *times >= 5), "{asked:?}");
}

#[tokio::test]
async fn who_has_no_time_left_is_late_and_asks_nobody() {
    let (silent, asked) = saying(b"").await;
    let upstream = at([silent, silent]);
    let mut request = Request {
        deadline: Instant::now(),
        ..get()
    };
    let late = upstream
        .exchange(&Pool::default(), &mut request, SOON)
        .await;
    assert!(matches!(late.err(), Some(UpstreamError::Late { .. })));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn who_has_little_time_left_has_no_address_put_aside() {
    late_and_blame_nobody(false, SOON).await;
}

#[tokio::test]
async fn an_address_whose_answers_break_off_all_at_once_is_put_aside() {
    let ((breaks, _), (other, _)) = (saying(BEGUN).await, saying(BEGUN).await);
    let upstream = at([breaks, other]);
    let pool = Pool::default();
    let mut begun = Vec::new();
    let is_of = |answer: &Answer| answer.address == breaks;
    while begun.iter().filter(|answer| is_of(answer)).count() < 5 {
        begun.push(upstream.exchange(&pool, &mut get(), SOON).await.unwrap());
    }
    assert!(upstream.endpoints.good_others(&[other]));
    for answer in begun.into_iter().filter(is_of) {
        let body = answer.into_response().into_body().collect().await;
        assert!(body.is_err(), "it has four bytes less than it said");
    }
    assert!(!upstream.endpoints.good_others(&[other]));
}

#[tokio::test]
async fn who_is_slow_to_read_an_answer_takes_no_place_of_another() {
    let url = slow_service().await;
    let mut upstream = Upstream::new("slow", &url, Resolver::dns()).unwrap();
    upstream.endpoints = upstream.endpoints.limited(1, 0);
    let upstream = Arc::new(upstream);
    let pool = Pool::default();
    let first = upstream.exchange(&pool, &mut get(), SOON).await;
    assert!(matches!(first.as_ref().unwrap().rest, Rest::Streamed(_)));
    let second = upstream.exchange(&pool, &mut get(), SOON).await;
    assert_eq!(second.unwrap().head.status(), StatusCode::OK);
    drop(first);
}
