//! `GET /api/openapi.json`: one document of all services, made from theirs.

mod merge;

use crate::Gateway;
use crate::body::Given;
use crate::front::Lane;
use crate::upstream::{Pool, Request};
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Response};
use http_body_util::{BodyExt as _, Limited};
pub use merge::merge;
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;
use stoa_service::Problem;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Where the gateway has the document of all of them.
pub(crate) const PATH: &str = "/api/openapi.json";
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
pub(crate) async fn answer(lane: &Lane, client: IpAddr) -> Result<Response<Given>, Problem> {
    let gateway = &*lane.gateway;
    let anybody = crate::routes::Auth::None;
    gateway
        .door
        .admit(anybody, &mut HeaderMap::new(), client)
        .await?;
    let mut made = gateway.document.0.lock().await;
    let json = match &*made {
        Some((json, until)) if Instant::now() < *until => json.clone(),
        _ => {
            let (json, life) = make(gateway, &lane.pool).await;
            *made = Some((json.clone(), Instant::now() + life));
            json
        }
    };
    let mut response = Response::new(Given::whole(json));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

async fn make(gateway: &Gateway, pool: &Pool) -> (Bytes, Duration) {
    let services = gateway.routes.documented();
    let documents = join_all(services.iter().map(|service| fetch(gateway, pool, service))).await;
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
async fn fetch(gateway: &Gateway, pool: &Pool, service: &str) -> Option<Value> {
    let request = Request {
        method: Method::GET,
        path: SERVICE_PATH.into(),
        headers: HeaderMap::new(),
        body: None,
    };
    let read = async {
        let send = gateway
            .upstreams
            .send(pool, service, request, FETCH_TIMEOUT);
        let response = send.await?.into_response();
        if !response.status().is_success() {
            return Err(format!("status {}", response.status()).into());
        }
        let limit = usize::try_from(DOCUMENT_LIMIT).unwrap_or(usize::MAX);
        let body = Limited::new(response.into_body(), limit).collect().await?;
        Ok(serde_json::from_slice(&body.to_bytes())?)
    };
    let outcome: Result<Value, stoa_service::BoxError> = tokio::time::timeout(FETCH_TIMEOUT, read)
        .await
        .unwrap_or_else(|late| Err(late.into()));
    outcome
        .inspect_err(|error| tracing::warn!(service, error, "a service's document is missing"))
        .ok()
}
