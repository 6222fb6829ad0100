//! Clients that take their time, or too many connections.

use crate::http2::{ask_for, begin, with};
use crate::support::World;
use gateway::ConnectionSettings;
use std::time::Duration;
use stoa_config::Env;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

const GET: &[u8] = b"GET /api/v1/open/x HTTP/1.1\r\nHost: stoa\r\n\r\n";
/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long something is watched that must not happen.
const WATCHED: Duration = Duration::from_millis(200);

async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.authority())
        .await
        .expect("a connection")
}

/// Asks on this connection; whether an answer begins to come.
async fn is_answered(stream: &mut TcpStream) -> bool {
    let mut first = [0; 12];
    let asked = stream.write_all(GET).await;
    asked.is_ok()
        && stream.read_exact(&mut first).await.is_ok()
        && first.starts_with(b"HTTP/1.1 200")
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time_ends_the_connection() {
    let world = World::with(&[("REQUEST_HEAD_TIMEOUT", "200ms")]).await;
    for begun in ["", "GET /api", "GET / HTTP/1.1\r\nHost: stoa\r\nX: "] {
        let ended = timeout(DEADLINE, world.exchange(begun.as_bytes())).await;
        let answer = ended.expect("the connection is closed");
        assert!(answer.is_empty() || answer.contains(" 408 "), "{answer}");
    }
    assert_eq!(world.upstream.requests(), 0);
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up() {
    let world = World::with(&[("REQUEST_BODY_IDLE", "200ms")]).await;
    let post = "POST /api/v1/open/x HTTP/1.1\r\nHost: stoa\r\n";
    for begun in [
        "Content-Length: 9\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let request = format!("{post}{begun}");
        let ended = timeout(DEADLINE, world.exchange(request.as_bytes())).await;
        let answer = ended.expect("the connection is closed");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    assert_eq!(world.upstream.complete(), Vec::<String>::new());
}

#[tokio::test]
async fn a_service_hears_of_a_short_body_when_all_of_it_is_there() {
    let world = World::with(&[("REQUEST_BODY_IDLE", "200ms")]).await;
    let begun = "POST /api/v1/open/x HTTP/1.1\r\nHost: stoa\r\nContent-Length: 100\r\n\r\nabc";
    let ended = timeout(DEADLINE, world.exchange(begun.as_bytes())).await;
    let answer = ended.expect("the connection is closed");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(world.upstream.requests(), 0);
}

#[tokio::test]
async fn a_client_that_holds_back_its_body_is_late_itself() {
    let world = World::start().await;
    for length in [100, 100_000] {
        let begun = format!(
            "POST /api/v1/slow HTTP/1.1\r\nHost: stoa\r\nContent-Length: {length}\r\n\r\nabc"
        );
        let ended = timeout(DEADLINE, world.exchange(begun.as_bytes())).await;
        let answer = ended.expect("the connection is closed");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
}

/// A large body that has begun, from this address of the machine's own.
async fn upload(world: &World, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind(from.parse().expect("an address"))
        .expect("it is the machine's");
    let to = world.authority().parse().expect("an address");
    let mut stream = socket.connect(to).await.expect("a connection");
    let begun = "POST /api/v1/open/x HTTP/1.1\r\nHost: stoa\r\nContent-Length: 100000\r\n\r\nabc";
    stream
        .write_all(begun.as_bytes())
        .await
        .expect("it is open");
    stream
}

#[tokio::test]
async fn no_address_takes_the_room_of_all_uploads() {
    let world = World::start().await;
    let mut slow = Vec::new();
    for _ in 0..32 {
        slow.push(upload(&world, "127.0.0.1:0").await);
    }
    let arrived = async |count| (world.upstream.requests() == count).then_some(());
    stoa_testing::eventually(DEADLINE, async || arrived(32).await).await;
    let mut head = [0; 12];
    let mut refused = upload(&world, "127.0.0.1:0").await;
    let answered = timeout(DEADLINE, refused.read_exact(&mut head)).await;
    answered.expect("at once").expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 429");
    let _other = upload(&world, "127.0.0.2:0").await;
    stoa_testing::eventually(DEADLINE, async || arrived(33).await).await;
    drop(slow.pop());
    let again = async || {
        let _one_more = upload(&world, "127.0.0.1:0").await;
        let more = async || (world.upstream.requests() > 33).then_some(());
        timeout(WATCHED, stoa_testing::eventually(DEADLINE, more))
            .await
            .ok()
    };
    stoa_testing::eventually(DEADLINE, again).await;
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_given_up() {
    let world = World::with(&[("REQUEST_BODY_IDLE", "200ms")]).await;
    let mut stream = connect(&world).await;
    let ask = b"GET /api/v1/open/endless HTTP/1.1\r\nHost: stoa\r\n\r\n";
    stream.write_all(ask).await.expect("it is open");
    let arrived = async || (world.upstream.working() == 1).then_some(());
    stoa_testing::eventually(DEADLINE, arrived).await;
    let given_up = async || (world.upstream.working() == 0).then_some(());
    stoa_testing::eventually(DEADLINE, given_up).await;
}

/// `SETTINGS_INITIAL_WINDOW_SIZE` is 0: nothing of an answer may be sent.
const NO_WINDOW: [u8; 6] = [0, 4, 0, 0, 0, 0];

/// Asks by HTTP/2 for what never ends, and takes nothing of it.
async fn take_nothing(world: &World) -> TcpStream {
    let request = with("GET", "/api/v1/open/endless", &[]);
    let stream = begin(world, &NO_WINDOW, &request, None).await;
    let arrived = async || (world.upstream.working() == 1).then_some(());
    stoa_testing::eventually(DEADLINE, arrived).await;
    stream
}

#[tokio::test]
async fn an_answer_by_http2_that_is_not_taken_is_given_up() {
    let world = World::with(&[("REQUEST_BODY_IDLE", "200ms")]).await;
    let _open = take_nothing(&world).await;
    let given_up = async || (world.upstream.working() == 0).then_some(());
    stoa_testing::eventually(DEADLINE, given_up).await;
}

/// `SETTINGS_INITIAL_WINDOW_SIZE` is 1: an answer begins, and does not end.
const ONE_BYTE: [u8; 6] = [0, 4, 0, 0, 0, 1];

#[tokio::test]
async fn who_leaves_whole_answers_by_http2_lying_is_not_kept_by_asking_more() {
    let world = World::with(&[("REQUEST_BODY_IDLE", "200ms")]).await;
    let request = with("GET", "/api/v1/open/x", &[]);
    let mut stream = begin(&world, &ONE_BYTE, &request, None).await;
    let asks_on = async {
        for number in (3..).step_by(2) {
            let mut said = [0; 1024];
            while let Ok(heard) = timeout(WATCHED / 4, stream.read(&mut said)).await {
                if matches!(heard, Ok(0) | Err(_)) {
                    return;
                }
            }
            // When it is closed the next reading says so.
            let _ = stream.write_all(&ask_for(number, &request)).await;
        }
    };
    let ended = timeout(DEADLINE, asks_on).await;
    ended.expect("the connection is closed");
}

#[tokio::test]
async fn a_connection_of_http2_without_a_request_ends() {
    let world = World::with(&[("REQUEST_HEAD_TIMEOUT", "200ms")]).await;
    let request = with("GET", "/api/v1/open/x", &[]);
    let mut stream = begin(&world, &[], &request, None).await;
    let mut all = Vec::new();
    let ended = timeout(DEADLINE, stream.read_to_end(&mut all)).await;
    // A reset is as good as a close.
    let _ = ended.expect("the connection is closed");
    assert_eq!(world.upstream.requests(), 1);
}

#[tokio::test]
async fn a_client_of_http2_that_takes_nothing_does_not_hold_up_the_end() {
    let world = World::with(&[("REQUEST_BODY_IDLE", "200ms")]).await;
    let _open = take_nothing(&world).await;
    timeout(DEADLINE, world.stop()).await.expect("it ends");
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_no_more() {
    let world = World::with(&[("CONNECTIONS_PER_ADDRESS", "2")]).await;
    let mut held = [connect(&world).await, connect(&world).await];
    for stream in &mut held {
        assert!(is_answered(stream).await);
    }
    assert!(!is_answered(&mut connect(&world).await).await);
    let full = world.counted("gateway_connections_full_total", &["limit=\"address\""]);
    // The question for the metrics comes over a connection of another listener.
    assert_eq!(full.await, 1);
    drop(held);
    let deadline = Instant::now() + DEADLINE;
    while !is_answered(&mut connect(&world).await).await {
        assert!(Instant::now() < deadline, "its connections are given back");
    }
}

#[tokio::test]
async fn who_comes_when_all_is_full_waits() {
    let world = World::with(&[("CONNECTIONS_MAX", "1")]).await;
    let mut first = connect(&world).await;
    assert!(is_answered(&mut first).await);
    let mut second = connect(&world).await;
    let mut waiting = Box::pin(is_answered(&mut second));
    assert!(timeout(WATCHED, &mut waiting).await.is_err());
    let full = world.counted("gateway_connections_full_total", &["limit=\"all\""]);
    assert!(full.await > 0);
    drop(first);
    assert!(timeout(DEADLINE, waiting).await.expect("its turn has come"));
}

#[test]
fn no_connections_at_all_are_refused_at_the_start() {
    let env = Env::from_pairs([("CONNECTIONS_MAX", "0"), ("CONNECTIONS_PER_ADDRESS", "0")]);
    let problems = env.load::<ConnectionSettings>().unwrap_err().to_string();
    for key in ["CONNECTIONS_MAX", "CONNECTIONS_PER_ADDRESS"] {
        assert!(problems.contains(key), "{problems}");
    }
}
