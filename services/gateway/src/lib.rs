//! `gateway`: the one public door of the platform.
//!
//! A request is matched to a [route](routes), checked at the door, forwarded to its service and
//! streamed back by the proxy. Which routes there are is said by the services' own
//! `routes.toml`: the gateway knows no service by name, but for `api`, who knows the API keys.

mod compression;
mod connections;
pub mod cors;
mod door;
mod edge;
pub mod framing;
mod headers;
mod limit;
pub mod openapi;
mod path;
mod patience;
mod proxy;
pub mod routes;
mod settings;
mod tls;
mod trusted;
mod tunnel;
mod upstream;
mod websocket;

pub use connections::{ConnectionSettings, Connections, Held};
pub use settings::Settings;
pub use tls::{CertificateError, Tls, TlsSettings};
pub use trusted::TrustedProxies;

use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use door::Door;
use edge::Edge;
use http::uri::Scheme;
use openapi::Document;
use routes::Table;
use std::sync::Arc;
use std::time::Duration;
use stoa_service::{App, Context};
use upstream::Upstreams;

/// What a request may take beside the time that its route gives to the service.
const DOOR_TIME: Duration = Duration::from_secs(15);

/// Everything that a request meets.
struct Gateway {
    routes: Table,
    door: Door,
    upstreams: Upstreams,
    trusted: TrustedProxies,
    document: Document,
    context: Context,
}

/// Puts the gateway together; a route file with a mistake is refused here.
#[expect(
    clippy::unused_async,
    reason = "every service is built by an async function"
)]
pub async fn build(settings: Settings, context: &Context) -> anyhow::Result<App> {
    metrics::describe_counter!(
        "gateway_limit_fallback_total",
        "Times that Redis did not answer and this process counted by itself"
    );
    metrics::counter!("gateway_limit_fallback_total").absolute(0);
    framing::describe();
    let routes = routes::load(&settings.routes)?;
    let longest = routes
        .routes()
        .map(|route| route.timeout)
        .max()
        .unwrap_or_default();
    let edge = EdgeSettings {
        connections: Connections::new(settings.connections),
        head_timeout: settings.head_timeout,
        tls: settings.tls.clone(),
    };
    let gateway = Gateway {
        routes,
        door: Door::new(&settings, context.clock.clone())?,
        upstreams: Upstreams::new(&settings.upstreams, &settings.resolver, settings.body_idle)?,
        trusted: settings.trusted,
        document: Document::default(),
        context: context.clone(),
    };
    let app = Router::new()
        .route("/api/openapi.json", get(openapi::get_openapi))
        .route("/", any(proxy::forward))
        .route("/{*path}", any(proxy::forward))
        .with_state(Arc::new(gateway))
        .layer(compression::layer())
        .layer(axum::middleware::from_fn(check));
    let app = App::new(app).longest_request(longest + DOOR_TIME);
    at_the_edge(app, &edge, context)
}

/// What the listeners are opened with.
struct EdgeSettings {
    connections: Connections,
    head_timeout: Duration,
    tls: Option<TlsSettings>,
}

/// Puts the edge before HTTP, and before HTTPS if there is a certificate.
fn at_the_edge(app: App, settings: &EdgeSettings, context: &Context) -> anyhow::Result<App> {
    let edge = |tls| Edge {
        connections: settings.connections.clone(),
        tls,
        head_timeout: settings.head_timeout,
    };
    let app = app.edge(edge(None));
    let Some(files) = &settings.tls else {
        return Ok(app);
    };
    let tls = Tls::new(files, context.clock.clone())?;
    let watched = tls.clone();
    let app = app.background("certificate", |shutdown| watched.watch(shutdown));
    Ok(app.also_on(files.listen, edge(Some(tls))))
}

/// Refuses what is doubtful, and gives every answer its security headers.
async fn check(request: Request, next: Next) -> Response {
    let is_encrypted = request.extensions().get() == Some(&Scheme::HTTPS);
    let mut response = match framing::refuse(&request) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    headers::secure(response.headers_mut(), is_encrypted);
    response
}
