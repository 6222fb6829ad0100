//! One connection of HTTP/1, request after request.

use crate::support::World;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(10);
const LAST: &str = "GET /api/v1/open/last HTTP/1.1\r\nHost: stoa\r\nConnection: close\r\n\r\n";

struct Client(BufStream<TcpStream>);

impl Client {
    async fn connect(world: &World) -> Self {
        let stream = TcpStream::connect(world.authority()).await;
        Self(BufStream::new(stream.expect("a connection")))
    }

    async fn send(&mut self, text: &str) {
        let sent = self.0.write_all(text.as_bytes()).await;
        sent.and(self.0.flush().await).expect("it is open");
    }

    /// The lines of the next head, in lower case.
    async fn head(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(DEADLINE, self.0.read_line(&mut line)).await;
            read.expect("in time").expect("text");
            match line.trim_end() {
                "" => return lines,
                line => lines.push(line.to_lowercase()),
            }
        }
    }

    /// The next answer, whose length is told.
    async fn answer(&mut self) -> (Vec<String>, String) {
        let head = self.head().await;
        let length = value(&head, "content-length").expect("a length");
        let mut body = vec![0; length.parse().expect("a number")];
        self.0.read_exact(&mut body).await.expect("all of it");
        (head, String::from_utf8(body).expect("text"))
    }

    async fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(DEADLINE, self.0.read_to_end(&mut rest)).await;
        read.expect("in time").expect("an end in order");
        rest
    }
}

fn value<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    head.iter()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_their_order() {
    let world = World::start().await;
    let mut client = Client::connect(&world).await;
    let post = "POST /api/v1/open/1 HTTP/1.1\r\nHost: stoa\r\nContent-Length: 3\r\n\r\nabc";
    let chunked = "PUT /api/v1/open/2 HTTP/1.1\r\nHost: stoa\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let get = "GET /api/v1/open/3 HTTP/1.1\r\nHost: stoa\r\n\r\n";
    client.send(&[post, chunked, get, LAST].concat()).await;
    for expected in [
        "\"length\":3,\"method\":\"POST\",\"uri\":\"/api/v1/open/1\"",
        "\"length\":5,\"method\":\"PUT\",\"uri\":\"/api/v1/open/2\"",
        "\"length\":0,\"method\":\"GET\",\"uri\":\"/api/v1/open/3\"",
    ] {
        let (head, body) = client.answer().await;
        assert!(body.contains(expected), "{body}");
        assert_eq!(value(&head, "connection"), None);
    }
    let (head, _) = client.answer().await;
    assert_eq!(value(&head, "connection"), Some("close"));
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn head_is_answered_without_a_body_and_the_connection_goes_on() {
    let world = World::start().await;
    let mut client = Client::connect(&world).await;
    for path in ["/api/v1/open/x", "/nothing/at/all", "/api/v1/closed"] {
        client
            .send(&format!("HEAD {path} HTTP/1.1\r\nHost: stoa\r\n\r\n"))
            .await;
        let head = client.head().await;
        assert!(value(&head, "content-length").is_some(), "{head:?}");
    }
    client.send(LAST).await;
    assert!(client.answer().await.1.contains("/api/v1/open/last"));
}

#[tokio::test]
async fn a_client_of_http_1_0_is_told_nothing_that_it_does_not_know() {
    let world = World::start().await;
    let mut client = Client::connect(&world).await;
    let keep = "GET /api/v1/open/x HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
    client.send(keep).await;
    let (head, _) = client.answer().await;
    assert_eq!(value(&head, "connection"), Some("keep-alive"));
    // Compressed on the way, so that its length is not known.
    client
        .send("GET /api/v1/open/long HTTP/1.0\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n")
        .await;
    let head = client.head().await;
    assert_eq!(value(&head, "connection"), Some("close"));
    assert_eq!(value(&head, "content-encoding"), Some("gzip"));
    assert_eq!(value(&head, "transfer-encoding"), None);
    assert!(client.rest().await.starts_with(&[0x1f, 0x8b]));
}

#[tokio::test]
async fn who_waits_to_be_asked_for_a_body_is_asked_or_refused() {
    let world = World::start().await;
    let mut client = Client::connect(&world).await;
    let ask = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: stoa\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        )
    };
    client.send(&ask("/api/v1/open/x")).await;
    assert_eq!(client.head().await, ["http/1.1 100 continue"]);
    client.send("abc").await;
    assert!(client.answer().await.1.contains("\"length\":3"));
    client.send(&ask("/api/v1/closed")).await;
    let (head, _) = client.answer().await;
    assert_eq!(head[0], "http/1.1 401 unauthorized");
    // Nobody knows whether the body comes now.
    assert_eq!(value(&head, "connection"), Some("close"));
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn a_service_does_not_work_for_a_client_that_has_left() {
    let world = World::start().await;
    for path in ["/api/v1/open/slow", "/api/v1/open/stream"] {
        let mut client = Client::connect(&world).await;
        client
            .send(&format!("GET {path} HTTP/1.1\r\nHost: stoa\r\n\r\n"))
            .await;
        let arrived = async || (world.upstream.working() == 1).then_some(());
        stoa_testing::eventually(DEADLINE, arrived).await;
        drop(client);
        let given_up = async || (world.upstream.working() == 0).then_some(());
        stoa_testing::eventually(DEADLINE, given_up).await;
    }
}

#[tokio::test]
async fn a_request_that_its_client_gives_up_is_counted_as_that() {
    let world = World::start().await;
    let mut client = Client::connect(&world).await;
    client
        .send("GET /api/v1/open/slow HTTP/1.1\r\nHost: stoa\r\n\r\n")
        .await;
    let arrived = async || (world.upstream.working() == 1).then_some(());
    stoa_testing::eventually(DEADLINE, arrived).await;
    drop(client);
    let is_counted = async || (world.given_up("GET").await == 1).then_some(());
    stoa_testing::eventually(DEADLINE, is_counted).await;
}

#[tokio::test]
async fn a_head_that_has_begun_and_does_not_end_is_said_to_be_late() {
    let world = World::with(&[("REQUEST_HEAD_TIMEOUT", "200ms")]).await;
    let answer = world.exchange(b"GET / HTTP/1.1\r\nHost: st").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(world.exchange(b"").await, "");
}
