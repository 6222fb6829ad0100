//! `gateway`: the one public door of the platform.
//!
//! A request is matched to a [route](routes), checked at the door, forwarded to its service and
//! streamed back by the proxy. Which routes there are is said by the services' own
//! `routes.toml`: the gateway knows no service by name, but for `api`, who knows the API keys.

mod compression;
mod door;
mod headers;
mod limit;
pub mod openapi;
mod path;
mod proxy;
pub mod routes;
mod settings;
mod trusted;
mod tunnel;
mod upstream;
mod websocket;

pub use settings::Settings;
pub use trusted::TrustedProxies;

use axum::Router;
use axum::response::Response;
use axum::routing::{any, get};
use door::Door;
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
    let routes = routes::load(&settings.routes)?;
    let gateway = Gateway {
        routes,
        door: Door::new(&settings, context.clock.clone())?,
        upstreams: Upstreams::new(&settings.upstreams, &settings.resolver)?,
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
        .layer(axum::middleware::map_response(secure));
    Ok(App::new(app).longest_request(routes::LONGEST_TIMEOUT + DOOR_TIME))
}

async fn secure(mut response: Response) -> Response {
    headers::secure(response.headers_mut());
    response
}
