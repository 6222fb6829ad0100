//! `gateway`: the one public door of the platform.
//!
//! A request is matched to a [route](routes), checked at the door, forwarded to its service and
//! streamed back ([`exchange`]). Which routes there are is said by the services' own
//! `routes.toml`: the gateway knows no service by name, but for `api`, who knows the API keys.

mod body;
mod compression;
mod door;
mod exchange;
mod front;
mod headers;
mod limit;
mod observe;
pub mod openapi;
mod path;
pub mod routes;
mod settings;
mod trusted;
mod tunnel;
mod upstream;
mod websocket;

pub use settings::Settings;
pub use trusted::TrustedProxies;

use door::Door;
use openapi::Document;
use routes::Table;
use std::sync::Arc;
use stoa_service::{App, Context};
use upstream::Upstreams;

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
    observe::describe();
    limit::describe();
    let gateway = Arc::new(Gateway {
        routes: routes::load(&settings.routes)?,
        door: Door::new(&settings, context.clock.clone())?,
        upstreams: Upstreams::new(&settings.upstreams, &settings.resolver)?,
        trusted: settings.trusted,
        document: Document::default(),
        context: context.clone(),
    });
    Ok(App::served_by(|listening| front::serve(gateway, listening)))
}
