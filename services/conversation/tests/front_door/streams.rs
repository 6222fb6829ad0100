//! Conversations over WebSockets.

use crate::service::{TestService, User};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A WebSocket of a client.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(service: &TestService, user: &User<'_>, replica: usize, path: &str) -> Self {
        let url = service.url(replica, path).replacen("http", "ws", 1);
        let mut request = url.into_client_request().expect("a URL");
        let bearer = format!("Bearer {}", user.token).parse().expect("a header");
        request.headers_mut().insert("authorization", bearer);
        let (socket, _) = connect_async(request).await.expect("opens");
        Self(socket)
    }

    async fn send(&mut self, frame: &str) {
        self.0.send(Message::text(frame)).await.expect("sends");
    }

    /// The next JSON frame.
    async fn next(&mut self) -> Value {
        let read = async {
            loop {
                let frame = self.0.next().await.expect("open").expect("a frame");
                if let Message::Text(text) = frame {
                    return serde_json::from_str(&text).expect("JSON");
                }
            }
        };
        let limit = Duration::from_secs(10);
        tokio::time::timeout(limit, read)
            .await
            .expect("a frame in time")
    }

    /// The code that it is closed with.
    async fn closed(&mut self) -> CloseCode {
        let read = async {
            loop {
                let frame = self.0.next().await.expect("a close").expect("a frame");
                if let Message::Close(Some(close)) = frame {
                    return close.code;
                }
            }
        };
        let limit = Duration::from_secs(10);
        tokio::time::timeout(limit, read)
            .await
            .expect("an end in time")
    }

    /// The kinds of the next events.
    async fn kinds(&mut self, count: usize) -> Vec<String> {
        let mut kinds = Vec::new();
        for _ in 0..count {
            kinds.push(
                self.next().await["event"]
                    .as_str()
                    .expect("an event")
                    .to_owned(),
            );
        }
        kinds
    }
}

#[tokio::test]
async fn listeners_on_every_replica_see_the_same_conversation() {
    let service = TestService::replicated(2).await;
    let user = service.user();
    let id = user.open().await;
    let path = format!("/api/v1/conversations/{id}/stream");
    let mut here = Socket::open(&service, &user, 0, &path).await;
    let mut there = Socket::open(&service, &user, 1, &path).await;
    let opening = ["flow_started", "assistant", "flow_ended"];
    assert_eq!(here.kinds(3).await, opening);
    assert_eq!(there.kinds(3).await, opening);
    here.send(r#"{"text": "I report"}"#).await;
    let turn = ["user", "flow_started", "assistant"];
    assert_eq!(here.kinds(3).await, turn);
    assert_eq!(there.kinds(3).await, turn);
    user.say(&id, "48213").await;
    let turn = ["user", "slot", "assistant", "slot", "flow_ended"];
    assert_eq!(here.kinds(5).await, turn);
    assert_eq!(there.kinds(5).await, turn);
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    user.say(&id, "I report").await;
    let path = format!("/api/v1/conversations/{id}/stream?after=4");
    let mut socket = Socket::open(&service, &user, 0, &path).await;
    assert_eq!(socket.next().await["sequence"], 5);
    assert_eq!(
        socket.next().await["message"]["text"],
        "What does the meter show?"
    );
}

#[tokio::test]
async fn a_bad_frame_is_answered_with_a_problem_and_the_stream_goes_on() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    let path = format!("/api/v1/conversations/{id}/stream?after=3");
    let mut socket = Socket::open(&service, &user, 0, &path).await;
    for frame in [
        "oops",
        r#"{"text": ""}"#,
        r#"{"words": "hi"}"#,
        r#"{"text": "hi", "idempotency_key": ""}"#,
        // It would be the key of a person's reply.
        r#"{"text": "hi", "idempotency_key": "person k"}"#,
    ] {
        socket.send(frame).await;
        assert_eq!(socket.next().await["problem"]["code"], "invalid", "{frame}");
    }
    service.others.understand_nothing().await;
    socket
        .send(r#"{"text": "hi", "idempotency_key": "k1"}"#)
        .await;
    let refusal = socket.next().await;
    assert_eq!(refusal["problem"]["status"], 503);
    assert_eq!(refusal["idempotency_key"], "k1");
    socket.send(r#"{"text": "/report"}"#).await;
    assert_eq!(socket.kinds(2).await, ["user", "flow_started"]);
}

#[tokio::test]
async fn the_longest_text_is_heard_with_every_character_escaped() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    let path = format!("/api/v1/conversations/{id}/stream?after=3");
    let mut socket = Socket::open(&service, &user, 0, &path).await;
    let escaped = r"\ud83d\ude00".repeat(10_000);
    socket.send(&format!(r#"{{"text": "{escaped}"}}"#)).await;
    let heard = socket.next().await;
    assert_eq!(heard["text"], "😀".repeat(10_000));
}

#[tokio::test]
async fn a_frame_that_cannot_be_read_is_refused_before_the_stream_ends() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    let path = format!("/api/v1/conversations/{id}/stream?after=3");
    let text = OpCode::Data(Data::Text);
    let latin = Message::Frame(Frame::message(vec![b'\xe9'], text, true));
    for (frame, code) in [
        (Message::binary(vec![1]), CloseCode::Unsupported),
        (latin, CloseCode::Invalid),
        (Message::text("x".repeat(500_000)), CloseCode::Size),
    ] {
        let mut socket = Socket::open(&service, &user, 0, &path).await;
        socket.0.send(frame).await.expect("sends");
        assert_eq!(socket.next().await["problem"]["code"], "invalid", "{code}");
        assert_eq!(socket.closed().await, code);
    }
}

#[tokio::test]
async fn a_plain_request_is_told_to_upgrade() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    let (status, problem) = user
        .get(&format!("/api/v1/conversations/{id}/stream"))
        .await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid")));
}

#[tokio::test]
async fn a_replica_that_ends_tells_its_listeners_to_come_back() {
    let mut service = TestService::start().await;
    let mut socket = {
        let user = service.user();
        let id = user.open().await;
        let path = format!("/api/v1/conversations/{id}/stream?after=3");
        Socket::open(&service, &user, 0, &path).await
    };
    let ((), code) = tokio::join!(service.stop(0), socket.closed());
    assert_eq!(code, CloseCode::Restart);
}
