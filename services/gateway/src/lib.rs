//! `gateway`: the one public door of the platform.
//!
//! A request is matched to a [route](routes), checked at the door, forwarded to its service and
//! streamed back ([`exchange`]). Which routes there are is said by the services' own
//! `routes.toml`: the gateway knows no service by name, but for `api`, who knows the API keys.

mod alarm;
mod body;
mod check;
mod coalesce;
mod compression;
mod connections;
mod cors;
mod door;
mod exchange;
pub mod framing;
mod front;
mod headers;
mod limit;
mod lines;
mod observe;
pub mod openapi;
mod path;
mod rare;
mod revoked;
pub mod routes;
mod settings;
mod tls;
mod trusted;
mod tunnel;
mod upstream;
mod websocket;

pub use check::check;
pub use connections::{ConnectionSettings, Connections, Held};
pub use settings::{Settings, Urls};
pub use tls::{CertificateError, Tls, TlsSettings};
pub use trusted::TrustedProxies;

use coalesce::Coalescer;
use door::Door;
use openapi::Document;
use revoked::Revoked;
use routes::{Routes, Table};
use std::sync::Arc;
use std::time::Duration;
use stoa_client::ServiceClient;
use stoa_service::{App, BoxError, Context, StartError};
use upstream::Upstreams;

/// Everything that a request meets.
struct Gateway {
    routes: Arc<Routes>,
    door: Door,
    upstreams: Upstreams,
    trusted: TrustedProxies,
    document: Document,
    coalescer: Coalescer,
    connections: Connections,
    unsent: front::Unsent,
    head_timeout: Duration,
    body_idle: Duration,
    context: Context,
}

/// Puts the gateway together; a route file with a mistake is refused here.
#[expect(
    clippy::unused_async,
    reason = "every service is built by an async function"
)]
pub async fn build(settings: Settings, context: &Context) -> Result<App, StartError> {
    observe::describe();
    limit::describe();
    revoked::describe();
    framing::describe();
    let revoked = Revoked::new();
    let door = Door::new(&settings, revoked.clone(), context.clock.clone());
    let door = door.map_err(StartError::new)?;
    // Its own client: where as many keys are exchanged as may be, or wait, this question gets through all the same.
    let api = ServiceClient::new("api", &settings.api_url, settings.internal.clone());
    let routes = Arc::new(Routes::load(&settings.routes).map_err(StartError::new)?);
    let urls = settings.urls.clone();
    let gateway = Arc::new(Gateway {
        routes: Arc::clone(&routes),
        door,
        upstreams: Upstreams::new(settings.resolver),
        trusted: settings.trusted,
        document: Document::default(),
        coalescer: Coalescer::new(),
        connections: Connections::new(settings.connections),
        unsent: front::Unsent::default(),
        head_timeout: settings.head_timeout,
        body_idle: settings.body_idle,
        context: context.clone(),
    });
    let learnt = gateway.learn(&routes.current(), &urls);
    learnt.map_err(|error| StartError::new(anyhow::Error::from_boxed(error)))?;
    let every = settings.look_every;
    let services = Arc::clone(&gateway);
    let prepare = move |table: &Table| services.learn(table, &urls);
    let tls = settings.tls.as_ref();
    let tls = tls
        .map(|tls| Tls::new(tls, context.clock.clone()))
        .transpose()
        .map_err(StartError::new)?;
    let watched = tls.clone();
    let heard = revoked.clone();
    let mut app = App::served_by(|listening| front::serve(gateway, tls, listening))
        .ready_when("api", move || std::future::ready(heard.ready()))
        .background("routes", move |stop| routes.watch(every, prepare, stop))
        .background("revocations", |stop| revoked.keep_up(api, stop));
    if let (Some(tls), Some(settings)) = (watched, settings.tls) {
        app = app
            .also_on(settings.listen)
            .background("certificate", |stop| tls.watch(stop));
    }
    Ok(app)
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
