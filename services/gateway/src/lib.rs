//! `gateway`: the one public door of the platform.
//!
//! A request is matched to a [route](routes), checked at the door, forwarded to its service and
//! streamed back by the proxy. Which routes there are is said by the services' own
//! `routes.toml`: the gateway knows no service by name, but for `api`, who knows the API keys.

mod check;
mod coalesce;
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

pub use check::check;
pub use settings::{Settings, Urls};
pub use trusted::TrustedProxies;

use axum::Router;
use axum::response::Response;
use axum::routing::{any, get};
use coalesce::Coalescer;
use door::Door;
use openapi::Document;
use routes::{Routes, Table};
use std::sync::Arc;
use std::time::Duration;
use stoa_service::{App, BoxError, Context};
use upstream::Upstreams;

/// What a request may take beside the time that its route gives to the service.
const DOOR_TIME: Duration = Duration::from_secs(15);

/// Everything that a request meets.
struct Gateway {
    routes: Arc<Routes>,
    door: Door,
    upstreams: Upstreams,
    trusted: TrustedProxies,
    document: Document,
    coalescer: Coalescer,
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
    let routes = Arc::new(Routes::load(&settings.routes)?);
    let urls = settings.urls.clone();
    let table = Arc::clone(&routes.current());
    let address = |name: &str| (name.to_owned(), urls.of(name));
    let addresses = table.services().into_iter().map(address).collect();
    let gateway = Arc::new(Gateway {
        routes: Arc::clone(&routes),
        door: Door::new(&settings, context.clock.clone())?,
        upstreams: Upstreams::new(&addresses, &settings.resolver)?,
        trusted: settings.trusted,
        document: Document::default(),
        coalescer: Coalescer::new(),
        context: context.clone(),
    });
    let every = settings.look_every;
    let services = Arc::clone(&gateway);
    let prepare = move |table: &Table| services.learn(table, &urls);
    let app = Router::new()
        .route("/api/openapi.json", get(openapi::get_openapi))
        .route("/api/docs", get(openapi::get_docs))
        .route("/", any(proxy::forward))
        .route("/{*path}", any(proxy::forward))
        .with_state(gateway)
        .layer(compression::layer())
        .layer(axum::middleware::map_response(secure));
    let app = App::new(app).longest_request(routes::LONGEST_TIMEOUT + DOOR_TIME);
    Ok(app.background("routes", move |stop| routes.watch(every, prepare, stop)))
}

impl Gateway {
    /// Gets to know the services that new routes name.
    fn learn(&self, table: &Table, urls: &Urls) -> Result<(), BoxError> {
        for route in table.routes() {
            for service in route.services() {
                let learnt = self.upstreams.learn(service, &urls.of(service));
                learnt.map_err(|error| format!("{}: {error}", route.origin))?;
            }
        }
        for service in table.documented() {
            self.upstreams.learn(service, &urls.of(service))?;
        }
        Ok(())
    }
}

async fn secure(mut response: Response) -> Response {
    headers::secure(response.headers_mut());
    response
}
