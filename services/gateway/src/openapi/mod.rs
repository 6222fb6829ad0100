//! `GET /api/openapi.json`: one document of all services, made from theirs.

mod merge;

use crate::Gateway;
use crate::upstream::Answer;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::join_all;
use http::header::{CONTENT_TYPE, HeaderMap};
use http_body_util::{BodyExt as _, Limited};
pub use merge::merge;
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

/// The document as it was last made, and until when it is good. The lock is held while it is
/// made, so that many requests ask each service once.
#[derive(Default)]
pub(crate) struct Document(Mutex<Option<(Bytes, Instant)>>);

/// Answers with the document of the whole platform.
pub(crate) async fn get_openapi(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let anybody = crate::routes::Auth::None;
    let client = gateway.trusted.client(peer.ip(), &headers);
    gateway
        .door
        .admit(anybody, &mut HeaderMap::new(), client)
        .await?;
    let mut made = gateway.document.0.lock().await;
    let json = match &*made {
        Some((json, until)) if Instant::now() < *until => json.clone(),
        _ => {
            let (json, life) = make(&gateway).await;
            *made = Some((json.clone(), Instant::now() + life));
            json
        }
    };
    Ok(([(CONTENT_TYPE, "application/json")], json).into_response())
}

async fn make(gateway: &Gateway) -> (Bytes, Duration) {
    let services = gateway.routes.documented();
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
    let json = merge(found, &gateway.routes).to_string();
    (json.into(), life)
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
