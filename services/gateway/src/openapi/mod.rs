//! `GET /api/openapi.json`: one document of all services, made from theirs; `GET /api/docs`: the
//! same as a page to read.

mod merge;
mod page;

use crate::Gateway;
use crate::body::Given;
use crate::front::Lane;
use crate::routes::Table;
use crate::upstream::{self, Pool, Request};
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Response};
use http_body_util::{BodyExt as _, Limited};
pub use merge::merge;
pub use page::page;
use serde_json::Value;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use stoa_service::BoxError;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Where the gateway has the document of all of them, and the page.
const PATH: &str = "/api/openapi.json";
const PAGE_PATH: &str = "/api/docs";
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

/// What the gateway answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// The document of the whole platform.
    Document,
    /// The page of that document.
    Page,
}

impl Own {
    /// What is at this path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        match path {
            PATH => Some(Self::Document),
            PAGE_PATH => Some(Self::Page),
            _ => None,
        }
    }

    /// Where it is.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Document => PATH,
            Self::Page => PAGE_PATH,
        }
    }

    /// The answer, for anybody.
    pub(crate) async fn answer(self, lane: &Lane) -> Response<Given> {
        let document = &lane.gateway.document;
        let (body, headers): (_, &[(HeaderName, &str)]) = match self {
            Self::Document => (
                document.get(lane, |made| made.json.clone()).await,
                &[(CONTENT_TYPE, "application/json")],
            ),
            Self::Page => (
                document.get(lane, |made| made.page.clone()).await,
                &[
                    (CONTENT_TYPE, "text/html; charset=utf-8"),
                    (CONTENT_SECURITY_POLICY, page::POLICY.as_str()),
                ],
            ),
        };
        let mut response = Response::new(Given::whole(body));
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).expect("what we write is ASCII");
            response.headers_mut().insert(name.clone(), value);
        }
        response
    }
}

impl Document {
    async fn get(&self, lane: &Lane, part: impl Fn(&Made) -> Bytes) -> Bytes {
        let gateway = &lane.gateway;
        let mut made = self.0.lock().await;
        let table = Arc::clone(&gateway.routes.current());
        if let Some(made) = &*made
            && Instant::now() < made.until
            && Arc::ptr_eq(&made.table, &table)
        {
            return part(made);
        }
        part(made.insert(make(gateway, &lane.pool, table).await))
    }
}

async fn make(gateway: &Gateway, pool: &Pool, table: Arc<Table>) -> Made {
    let services = table.documented();
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
    let document = merge(found, &table);
    Made {
        json: document.to_string().into(),
        page: page(&document).into(),
        until: Instant::now() + life,
        table,
    }
}

/// The document of one service; a service that is away is left out and named in the log.
async fn fetch(gateway: &Gateway, pool: &Pool, service: &str) -> Option<Value> {
    let mut request = Request {
        method: Method::GET,
        head: upstream::begin(&Method::GET, SERVICE_PATH),
        body: None,
        client: Ipv4Addr::LOCALHOST.into(),
        deadline: Instant::now() + FETCH_TIMEOUT,
        is_hurried: false,
    };
    let read = async {
        let upstream = gateway.upstreams.get(service)?;
        let send = upstream.exchange(pool, &mut request, FETCH_TIMEOUT);
        let response = send.await?.into_response();
        if !response.status().is_success() {
            return Err(format!("status {}", response.status()).into());
        }
        let limit = usize::try_from(DOCUMENT_LIMIT).unwrap_or(usize::MAX);
        let body = Limited::new(response.into_body(), limit).collect().await?;
        Ok(serde_json::from_slice(&body.to_bytes())?)
    };
    let outcome: Result<Value, BoxError> = tokio::time::timeout(FETCH_TIMEOUT, read)
        .await
        .unwrap_or_else(|late| Err(late.into()));
    outcome
        .inspect_err(|error| tracing::warn!(service, error, "a service's document is missing"))
        .ok()
}
