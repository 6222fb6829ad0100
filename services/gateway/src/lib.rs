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
mod revoked;
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
use revoked::Revoked;
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
    revoked::describe();
    let revoked = Revoked::default();
    let door = Door::new(&settings, revoked.clone(), context.clock.clone())?;
    let api = door.api();
    let gateway = Arc::new(Gateway {
        routes: routes::load(&settings.routes)?,
        door,
        upstreams: Upstreams::new(&settings.upstreams, &settings.resolver)?,
        trusted: settings.trusted,
        document: Document::default(),
        context: context.clone(),
    });
    let app = App::served_by(|listening| front::serve(gateway, listening));
    Ok(app.background("revocations", |token| revoked.keep_up(api, token)))
}
