//! What can be configured about the gateway.

use crate::connections::ConnectionSettings;
use crate::limit::LimitSettings;
use crate::routes;
use crate::tls::TlsSettings;
use crate::trusted::TrustedProxies;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use stoa_client::{Resolver, ServiceUrl};
use stoa_config::{Env, InternalToken};
use stoa_service::TokenSettings;

const TRUSTED_HELP: &str =
    "networks of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8,fd00::/8";

/// The settings of the gateway.
#[derive(Debug)]
pub struct Settings {
    /// The folder of the route files.
    pub routes: PathBuf,
    /// The base URL of every service that has one.
    pub upstreams: BTreeMap<String, String>,
    /// Where API keys are exchanged for access tokens.
    pub api_url: String,
    /// Verifies access tokens.
    pub tokens: TokenSettings,
    /// Opens the internal routes of `api`.
    pub internal: InternalToken,
    /// How much one client may ask for.
    pub limits: LimitSettings,
    /// The proxies before the gateway that are believed.
    pub trusted: TrustedProxies,
    /// How many connections there may be.
    pub connections: ConnectionSettings,
    /// How long a client may take for the head of a request.
    pub head_timeout: Duration,
    /// How long a client may be silent within a body.
    pub body_idle: Duration,
    /// The certificate, if the gateway speaks TLS itself.
    pub tls: Option<TlsSettings>,
    /// Finds the addresses of the services; DNS, except in tests.
    pub resolver: Resolver,
}

impl stoa_config::Settings for Settings {
    fn read(env: &mut Env) -> Option<Self> {
        let routes = env.text("GATEWAY_ROUTES", "folder of the services' route files");
        let routes = routes.default("/etc/stoa/routes").read();
        let upstreams = upstreams(env, routes.as_deref().unwrap_or_default());
        let api_url = ServiceUrl::read(env, "API_URL", "api");
        let tokens = TokenSettings::read(env);
        let internal = InternalToken::read(env);
        let limits = LimitSettings::read(env);
        let trusted = env.parse("TRUSTED_PROXIES", TRUSTED_HELP).optional();
        let connections = ConnectionSettings::read(env);
        let head = env.duration(
            "REQUEST_HEAD_TIMEOUT",
            "longest time for the head of a request",
        );
        let head_timeout = head.default("10s").read();
        let idle = env.duration("REQUEST_BODY_IDLE", "longest silence within a request body");
        let body_idle = idle.default("30s").read();
        let tls = TlsSettings::read(env);
        Some(Self {
            connections: connections?,
            head_timeout: head_timeout?,
            body_idle: body_idle?,
            tls: tls?,
            routes: routes?.into(),
            upstreams: upstreams?,
            api_url: api_url?,
            tokens: tokens?,
            internal: internal?,
            limits: limits?,
            trusted: trusted?.unwrap_or_default(),
            resolver: Resolver::dns(),
        })
    }
}

/// One `<NAME>_URL` per route file. A folder that cannot be read is reported when the routes are.
fn upstreams(env: &mut Env, folder: &str) -> Option<BTreeMap<String, String>> {
    let mut upstreams = BTreeMap::new();
    let mut complete = true;
    for (name, _) in routes::discover(folder.as_ref()).unwrap_or_default() {
        let key = format!("{}_URL", name.to_uppercase().replace('-', "_"));
        // Once per service, at start: keys live as long as the process.
        match ServiceUrl::read(env, key.leak(), &name) {
            Some(url) => drop(upstreams.insert(name, url)),
            None => complete = false,
        }
    }
    complete.then_some(upstreams)
}
