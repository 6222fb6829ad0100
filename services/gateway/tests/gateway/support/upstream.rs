//! The service behind the gateway: it answers with what it was asked.

use super::token;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocket};
use axum::extract::{Query, Request, State, WebSocketUpgrade};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stoa_contracts::sessions::{Revocations, RevocationsAfter};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

pub(crate) const INTERNAL_TOKEN: &str = "internal-token-of-the-tests";
/// The one API key that is known.
pub(crate) const KEY: &str = "stoa_0123456789abcdef0123456789abcdef";

/// The service, until it is dropped.
pub(crate) struct Upstream {
    pub(crate) url: String,
    seen: Arc<Seen>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    told: watch::Sender<Told>,
    exchanges: AtomicUsize,
    requests: AtomicUsize,
    working: AtomicUsize,
    complete: Mutex<Vec<String>>,
}

/// What `api` has to tell of revocations.
#[derive(Default)]
struct Told {
    revoked: Vec<Uuid>,
    /// So many questions in a row are refused.
    refusals: usize,
}

impl Upstream {
    /// Starts it on a free port.
    pub(crate) async fn start() -> Self {
        let seen = Arc::new(Seen::default());
        let app = Router::new()
            .route("/api/v1/slow", any(slow))
            .route("/api/v1/open/slow", any(slow))
            .route("/api/v1/open/stream", get(events))
            .route("/api/v1/open/long", get(long))
            .route("/api/v1/open/endless", get(endless))
            .route("/api/v1/open/chatty", get(chatty))
            .route("/api/v1/ws", any(websocket))
            .route("/openapi.json", get(document))
            .route("/internal/v1/key-tokens", post(key_tokens))
            .route("/internal/v1/revocations", get(revocations))
            .fallback(echo)
            .with_state(Arc::clone(&seen));
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("serves") });
        Self { url, seen, server }
    }

    /// How many API keys were exchanged.
    pub(crate) fn exchanges(&self) -> usize {
        self.seen.exchanges.load(Ordering::Relaxed)
    }

    /// Tells of a session or key that was revoked.
    pub(crate) fn revoke(&self, id: Uuid) {
        self.seen.told.send_modify(|told| told.revoked.push(id));
    }

    /// Restores the database of revocations from a backup without any: it is away for longer than a question is tried,
    /// and then counts from 1 again.
    pub(crate) fn restore(&self) {
        self.seen.told.send_replace(Told {
            revoked: Vec::new(),
            refusals: 4,
        });
    }

    /// How many requests it is busy with that take long.
    pub(crate) fn working(&self) -> usize {
        self.seen.working.load(Ordering::Relaxed)
    }

    /// How many requests came through to the echo.
    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::Relaxed)
    }
}

impl Upstream {
    /// The requests that came through with their whole body: method, target, length.
    pub(crate) fn complete(&self) -> Vec<String> {
        self.seen.complete.lock().expect("nobody panicked").clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn echo(State(seen): State<Arc<Seen>>, request: Request) -> Response {
    seen.requests.fetch_add(1, Ordering::Relaxed);
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let line = format!("{} {} {}", parts.method, parts.uri, body.len());
    seen.complete.lock().expect("nobody panicked").push(line);
    let told = json!({
        "method": parts.method.as_str(),
        "uri": parts.uri.to_string(),
        "headers": told(&parts.headers),
        "length": body.len(),
    });
    Json(told).into_response()
}

/// Headers by name; several of one name with a `|` between.
fn told(headers: &HeaderMap) -> Value {
    let mut told = Map::new();
    for name in headers.keys() {
        let values = headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap_or("?"));
        told.insert(
            name.to_string(),
            values.collect::<Vec<_>>().join("|").into(),
        );
    }
    told.into()
}

/// Counts as busy until it is dropped.
struct Working(Arc<Seen>);

impl Working {
    fn begin(seen: &Arc<Seen>) -> Self {
        seen.working.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(seen))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.working.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn slow(State(seen): State<Arc<Seen>>) {
    seen.requests.fetch_add(1, Ordering::Relaxed);
    let _working = Working::begin(&seen);
    tokio::time::sleep(Duration::from_secs(30)).await;
}

/// One event at once, and the next one never.
async fn events(State(seen): State<Arc<Seen>>) -> Response {
    let working = Working::begin(&seen);
    let first = stream::once(async { Bytes::from("data: 1\n\n") });
    let events = first.chain(stream::pending()).map(move |event| {
        let _with_the_stream = &working;
        Ok::<_, Infallible>(event)
    });
    let body = Body::from_stream(events);
    ([("content-type", "text/event-stream")], body).into_response()
}

/// More than any buffer on the way holds.
async fn endless(State(seen): State<Arc<Seen>>) -> Response {
    let working = Working::begin(&seen);
    let piece = Bytes::from(vec![7; 64 << 10]);
    let pieces = stream::repeat(piece).map(move |piece| {
        let _with_the_stream = &working;
        Ok::<_, Infallible>(piece)
    });
    Body::from_stream(pieces).into_response()
}

async fn long() -> Response {
    let text: Value = vec!["the same again"; 1000].into();
    ([("etag", "\"7.json\"")], Json(text)).into_response()
}

/// Says more about its connection than a client should hear.
async fn chatty() -> Response {
    let headers = [
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("server", "secret/1.0"),
        ("x-frame-options", "SAMEORIGIN"),
    ];
    (headers, "hello").into_response()
}

async fn document() -> Json<Value> {
    Json(json!({ "openapi": "3.1.0", "paths": {
        "/api/v1/things/{id}": { "get": { "responses": {} }, "delete": { "responses": {} } },
        "/internal/v1/secret": { "get": { "responses": {} } },
    } }))
}

async fn key_tokens(
    State(seen): State<Arc<Seen>>,
    headers: HeaderMap,
    Json(input): Json<Value>,
) -> Response {
    seen.exchanges.fetch_add(1, Ordering::Relaxed);
    assert_eq!(headers["authorization"], format!("Bearer {INTERNAL_TOKEN}"));
    if input["key"] != KEY {
        let code = stoa_contracts::ErrorCode::Unauthenticated;
        return (
            StatusCode::UNAUTHORIZED,
            Json(stoa_contracts::Problem::new(code, "No.")),
        )
            .into_response();
    }
    Json(json!({ "access_token": token(60), "expires_in": 60 })).into_response()
}

/// Waits as `api` does.
async fn revocations(
    State(seen): State<Arc<Seen>>,
    Query(input): Query<RevocationsAfter>,
) -> Response {
    let known = usize::try_from(input.after).expect("a number of ours");
    let mut told = seen.told.subscribe();
    let news = told.wait_for(|told| told.refusals > 0 || told.revoked.len() > known);
    let news = tokio::time::timeout(Duration::from_secs(input.wait), news).await;
    let all = news.map_or_else(
        |_| Vec::new(),
        |told| told.expect("it lives").revoked.clone(),
    );
    let is_refused = seen.told.send_if_modified(|told| {
        let left = told.refusals.checked_sub(1);
        told.refusals = left.unwrap_or_default();
        left.is_some()
    });
    if is_refused {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let new = all.get(known..).unwrap_or_default().to_vec();
    let next = input.after + i64::try_from(new.len()).expect("a few");
    Json(Revocations { next, revoked: new }).into_response()
}

/// Tells what it was asked, then repeats what it hears.
async fn websocket(upgrade: WebSocketUpgrade, request: Request) -> Response {
    let told = json!({ "uri": request.uri().to_string(), "headers": told(request.headers()) });
    upgrade.on_upgrade(move |mut socket: WebSocket| async move {
        let mut next = Some(Message::Text(told.to_string().into()));
        while let Some(message) = next {
            if socket.send(message).await.is_err() {
                return;
            }
            next = socket.recv().await.and_then(Result::ok);
        }
    })
}
