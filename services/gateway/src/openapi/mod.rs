//! `GET /api/openapi.json`: one document of all services, made from theirs; `GET /api/docs`: the
//! same as a page to read.

mod merge;
mod page;

use crate::Gateway;
use crate::routes::Table;
use crate::upstream::Answer;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::join_all;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap};
use http_body_util::{BodyExt as _, Limited};
pub use merge::merge;
pub use page::page;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use stoa_service::Problem;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Where every service has its own document.
const SERVICE_PATH: &str = "/openapi.json";
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);
/// Ten times what the largest of our documents has.
const DOCUMENT_LIMIT: u64 = 4 << 20;
/// A deploy shows within this; with a service missing we look again sooner.
const FRESH_FOR: Duration = Duration::from_secs(10);
const INCOMPLETE_FOR: Duration = Duration::from_secs(1);

/// The document as it was last made. The lock is held while it is made, so that many requests ask
/// each service once.
#[derive(Default)]
pub(crate) struct Document(Mutex<Option<Made>>);

/// A document, the routes that it was made for, and until when it is good.
struct Made {
    json: Bytes,
    page: Bytes,
    table: Arc<Table>,
    until: Instant,
}

/// Answers with the document of the whole platform.
pub(crate) async fn get_openapi(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&gateway, peer, &headers).await?;
    let json = gateway
        .document
        .get(&gateway, |made| made.json.clone())
        .await;
    Ok(([(CONTENT_TYPE, "application/json")], json).into_response())
}

/// Answers with the page of that document.
pub(crate) async fn get_docs(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&gateway, peer, &headers).await?;
    let page = gateway
        .document
        .get(&gateway, |made| made.page.clone())
        .await;
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, page::POLICY.as_str()),
    ];
    Ok((headers, page).into_response())
}

/// Anybody may read, but nobody all the time.
async fn admit(gateway: &Gateway, peer: SocketAddr, headers: &HeaderMap) -> Result<(), Problem> {
    let anybody = crate::routes::Auth::None;
    let client = gateway.trusted.client(peer.ip(), headers);
    let door = &gateway.door;
    let admitted = door.admit(anybody, &mut HeaderMap::new(), client).await;
    admitted.map(drop)
}

impl Document {
    async fn get(&self, gateway: &Gateway, part: impl Fn(&Made) -> Bytes) -> Bytes {
        let mut made = self.0.lock().await;
        let table = Arc::clone(&gateway.routes.current());
        if let Some(made) = &*made
            && Instant::now() < made.until
            && Arc::ptr_eq(&made.table, &table)
        {
            return part(made);
        }
        part(made.insert(make(gateway, table).await))
    }
}

async fn make(gateway: &Gateway, table: Arc<Table>) -> Made {
    let services = table.documented();
    let documents = join_all(services.iter().map(|service| fetch(gateway, service))).await;
    let found = services
        .iter()
        .zip(documents)
        .filter_map(|(service, document)| document.map(|document| (service.as_ref(), document)));
    let found: Vec<_> = found.collect();
    let life = if found.len() == services.len() {
        FRESH_FOR
    } else {
        INCOMPLETE_FOR
    };
    let document = merge(found, &table);
    Made {
        json: document.to_string().into(),
        page: page(&document).into(),
        until: Instant::now() + life,
        table,
    }
}

/// The document of one service; a service that is away is left out and named in the log.
async fn fetch(gateway: &Gateway, service: &str) -> Option<Value> {
    let request = http::Request::get(SERVICE_PATH)
        .body(Body::empty())
        .expect("a constant request");
    let read = async {
        let send = gateway.upstreams.send(service, request, FETCH_TIMEOUT, 0);
        let Answer { response, endpoint } = send.await?;
        if !response.status().is_success() {
            return Err(format!("status {}", response.status()).into());
        }
        let limit = usize::try_from(DOCUMENT_LIMIT).unwrap_or(usize::MAX);
        let body = Limited::new(response.into_body(), limit).collect().await?;
        drop(endpoint);
        Ok(serde_json::from_slice(&body.to_bytes())?)
    };
    let outcome: Result<Value, axum::BoxError> = tokio::time::timeout(FETCH_TIMEOUT, read)
        .await
        .unwrap_or_else(|late| Err(late.into()));
    outcome
        .inspect_err(|error| tracing::warn!(service, error, "a service's document is missing"))
        .ok()
}
