//! A small service that the tests talk to.

use std::time::Duration;

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use garde::Validate;
use reqwest::{Method, RequestBuilder, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stoa_config::InternalToken;
use stoa_contracts::{ErrorCode, Problem, deadline::Deadline};
use stoa_service::{
    App, Context, HttpSettings, Identity, Json, Paging, Path, Query, Running, TokenSettings,
    TokenVerifier, body_limit, internal,
};
use stoa_testing::keys;
use uuid::Uuid;

#[derive(Debug, Serialize, Deserialize, Validate)]
pub(crate) struct Order {
    #[garde(length(min = 1))]
    name: String,
    #[garde(dive)]
    items: Vec<Item>,
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_by: Option<Carrier>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Carrier {
    Post,
    Courier { number: u32 },
}

#[derive(Debug, Serialize, Deserialize, Validate)]
pub(crate) struct Item {
    #[garde(range(min = 1, max = 9))]
    count: u8,
}

/// The routes of the tests.
pub(crate) fn app(context: &Context) -> App {
    let tokens = TokenSettings {
        verifying_key: keys::VERIFYING_KEY.into(),
    };
    let large = Router::new().route("/large", post(async |Json(order): Json<Order>| order.name));
    let router = Router::new()
        .route(
            "/orders",
            post(async |Json(order): Json<Order>| Json(order)),
        )
        .route(
            "/orders/{id}",
            get(async |Path(id): Path<Uuid>| id.to_string()),
        )
        .route(
            "/list",
            get(async |Query(paging): Query<Paging>| paging.limit.to_string()),
        )
        .route(
            "/me",
            get(async |identity: Identity| identity.account.to_string()),
        )
        .route(
            "/panic",
            get(async || -> StatusCode { panic!("on purpose") }),
        )
        .route("/slow", get(slow))
        .route("/left", get(left))
        .route(
            "/plain",
            get(async || (StatusCode::CONFLICT, "a library says no")),
        )
        .route(
            "/headers",
            get(async |headers: HeaderMap| format!("{headers:?}")),
        )
        .merge(body_limit(large, 4 << 20));
    let own = Router::new().route("/internal/v1/secret", get(async || "for services"));
    App::new(router)
        .merge(internal(own, &InternalToken::new("between-us")))
        .identity(TokenVerifier::new(&tokens, context.clock.clone()).unwrap())
}

/// The milliseconds that are left of the deadline.
async fn left() -> String {
    let deadline = Deadline::current().expect("each request has one");
    deadline.left().as_millis().to_string()
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(500)).await;
    "done"
}

/// The service on free ports.
pub(crate) async fn start(settings: HttpSettings) -> (Running, reqwest::Client) {
    let context = Context::default();
    let running = app(&context).start(&settings, &context).await.unwrap();
    (running, reqwest::Client::new())
}

/// Sends one request to a service of its own and takes the answer apart.
pub(crate) async fn ask(
    method: Method,
    path: &str,
    with: impl FnOnce(RequestBuilder) -> RequestBuilder,
) -> (u16, String) {
    let (running, http) = start(HttpSettings::loopback()).await;
    let request = http.request(method, format!("{}{path}", running.url()));
    let response = with(request).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Reads a problem and checks what every one of them has.
pub(crate) async fn problem(response: Response) -> Problem {
    let status = response.status().as_u16();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let problem: Problem = response.json().await.unwrap();
    assert_eq!(problem.status, status);
    assert_eq!(
        problem.kind,
        format!("https://stoa.dev/problems/{}", problem.code.as_str())
    );
    problem
}

/// Sends a request that must be refused.
pub(crate) async fn refused(
    method: Method,
    path: &str,
    with: impl FnOnce(RequestBuilder) -> RequestBuilder,
) -> (u16, ErrorCode, Value) {
    let (running, http) = start(HttpSettings::loopback()).await;
    let request = http.request(method, format!("{}{path}", running.url()));
    let problem = problem(with(request).send().await.unwrap()).await;
    let errors = serde_json::to_value(&problem.errors).unwrap();
    (problem.status, problem.code, errors)
}
