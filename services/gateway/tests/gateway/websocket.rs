//! WebSockets through the gateway.

use crate::support::replica::Dns;
use crate::support::upstream::Upstream;
use crate::support::{World, token, token_of};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Opened = (Socket, http::Response<Option<Vec<u8>>>);

async fn open(
    world: &World,
    path: &str,
    headers: &[(&'static str, String)],
) -> Result<Opened, Error> {
    let mut request = format!("ws://{}{path}", world.authority()).into_client_request()?;
    for (name, value) in headers {
        let value = HeaderValue::try_from(value).expect("a plain value");
        request.headers_mut().insert(*name, value);
    }
    connect_async(request).await
}

async fn next(socket: &mut Socket) -> Option<String> {
    let message = tokio::time::timeout(Duration::from_secs(5), socket.next()).await;
    let message = message.expect("a message in time")?.ok()?;
    message.to_text().ok().map(str::to_owned)
}

async fn told(socket: &mut Socket) -> Value {
    let text = next(socket).await.expect("a first message");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn messages_pass_both_ways() {
    let world = World::start().await;
    let credential = format!("Bearer {}", token(60));
    let (mut socket, _) = open(&world, "/api/v1/ws", &[("authorization", credential)])
        .await
        .unwrap();
    assert_eq!(told(&mut socket).await["uri"], "/api/v1/ws");
    for text in ["hello", "and again"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(next(&mut socket).await.as_deref(), Some(text));
    }
}

#[tokio::test]
async fn a_browsers_token_moves_from_the_query_to_the_header() {
    let world = World::start().await;
    let token = token(60);
    let path = format!("/api/v1/ws?a=1&access_token={token}&b=2");
    let (mut socket, _) = open(&world, &path, &[]).await.unwrap();
    let told = told(&mut socket).await;
    assert_eq!(told["uri"], "/api/v1/ws?a=1&b=2");
    assert_eq!(told["headers"]["authorization"], format!("Bearer {token}"));
}

#[tokio::test]
async fn a_browsers_token_moves_from_the_subprotocol_to_the_header() {
    let world = World::start().await;
    let token = token(60);
    let offered = format!("stoa, stoa.bearer.{token}");
    let (mut socket, response) = open(&world, "/api/v1/ws", &[("sec-websocket-protocol", offered)])
        .await
        .unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "stoa");
    let told = told(&mut socket).await;
    assert_eq!(told["headers"]["authorization"], format!("Bearer {token}"));
    assert!(told["headers"]["sec-websocket-protocol"].is_null());
}

#[tokio::test]
async fn without_a_token_or_off_its_path_there_is_no_websocket() {
    let world = World::start().await;
    for (path, expected) in [
        ("/api/v1/ws", StatusCode::UNAUTHORIZED),
        ("/api/v1/ws?access_token=nonsense", StatusCode::UNAUTHORIZED),
        ("/api/v1/open/x", StatusCode::BAD_REQUEST),
    ] {
        match open(&world, path, &[]).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), expected, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_token_in_the_query_of_an_ordinary_request_is_no_credential() {
    let world = World::start().await;
    let response = world
        .get(&format!("/api/v1/ws?access_token={}", token(60)))
        .await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn at_the_end_a_client_is_told_to_come_back() {
    let world = World::start().await;
    let path = format!("/api/v1/ws?access_token={}", token(60));
    let (mut socket, _) = open(&world, &path, &[]).await.unwrap();
    told(&mut socket).await;
    let farewell = async {
        let message = socket.next().await;
        let rest = socket.next().await;
        (message, rest)
    };
    let both = async { tokio::join!(world.stop(), farewell) };
    let ((), (message, rest)) = tokio::time::timeout(Duration::from_secs(5), both)
        .await
        .expect("an open WebSocket does not hold up the end");
    let Some(Ok(Message::Close(Some(close)))) = message else {
        panic!("{message:?}");
    };
    assert_eq!(close.code, CloseCode::Restart);
    assert!(rest.is_none(), "{rest:?}");
}

#[tokio::test]
async fn a_revoked_session_or_key_ends_its_websockets_and_no_others() {
    let world = World::start().await;
    let [revoked, other] = [Uuid::new_v4(), Uuid::new_v4()];
    let open_as = async |sid| {
        let credential = format!("Bearer {}", token_of(Some(sid), 60));
        let (mut socket, _) = open(&world, "/api/v1/ws", &[("authorization", credential)])
            .await
            .unwrap();
        told(&mut socket).await;
        socket
    };
    let (mut ends, mut stays) = (open_as(revoked).await, open_as(other).await);
    world.upstream.revoke(revoked);
    let message = tokio::time::timeout(Duration::from_secs(20), ends.next()).await;
    let Some(Ok(Message::Close(Some(close)))) = message.expect("it is ended") else {
        panic!("it is closed");
    };
    assert_eq!(close.code, CloseCode::Policy);
    stays.send(Message::text("still here")).await.unwrap();
    assert_eq!(next(&mut stays).await.as_deref(), Some("still here"));
}

#[tokio::test]
async fn a_websocket_goes_to_an_address_that_takes_it() {
    let upstream = Upstream::start().await;
    let good = upstream.url["http://".len()..].parse().unwrap();
    let dns = Dns::default();
    dns.says(&[([127, 0, 0, 1], 9).into(), good]);
    let settings = [("ECHO_URL", "http://echo:8080")];
    let world = World::with_resolver(&settings, dns.resolver()).await;
    for _ in 0..10 {
        let path = format!("/api/v1/ws?access_token={}", token(60));
        let (mut socket, _) = open(&world, &path, &[]).await.unwrap();
        assert_eq!(told(&mut socket).await["headers"]["host"], "echo:8080");
    }
}
