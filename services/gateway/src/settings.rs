//! What can be configured about the gateway.

use crate::connections::ConnectionSettings;
use crate::limit::LimitSettings;
use crate::tls::TlsSettings;
use crate::trusted::TrustedProxies;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use stoa_client::{Resolver, ServiceUrl};
use stoa_config::{Env, InternalToken};
use stoa_service::TokenSettings;

const TRUSTED_HELP: &str = "networks of proxies whose X-Forwarded-For and -Proto are believed, such as 10.0.0.0/8,fd00::/8";

/// Bind mounts and configs of Swarm announce no change, and some small files are read in no time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The settings of the gateway.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder of the route files.
    pub routes: PathBuf,
    /// How often the folder is looked at; each second, except in tests.
    pub look_every: Duration,
    /// The base URL of every service.
    pub urls: Urls,
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
    /// How long a client may be silent within a body, or not take what it is sent.
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
        let urls = Urls(env.ending("_URL"));
        let api_url = ServiceUrl::read(env, "API_URL", "api");
        let tokens = TokenSettings::read(env);
        let internal = InternalToken::read(env);
        let limits = LimitSettings::read(env);
        let trusted = env.parse("TRUSTED_PROXIES", TRUSTED_HELP).optional();
        let connections = ConnectionSettings::read(env);
        let head = env.duration(
            "REQUEST_HEAD_TIMEOUT",
            "longest time until the head of the next request has come",
        );
        let head_timeout = head.default("1m").read();
        let idle = env.duration(
            "REQUEST_BODY_IDLE",
            "longest silence within a request body, or while an answer is not taken",
        );
        let body_idle = idle.default("30s").read();
        let tls = TlsSettings::read(env);
        Some(Self {
            connections: connections?,
            head_timeout: head_timeout?,
            body_idle: body_idle?,
            tls: tls?,
            routes: routes?.into(),
            look_every: LOOK_EVERY,
            urls,
            api_url: api_url?,
            tokens: tokens?,
            internal: internal?,
            limits: limits?,
            trusted: trusted?.unwrap_or_default(),
            resolver: Resolver::dns(),
        })
    }
}

/// The base URL of every service: that of `<NAME>_URL`, or `http://<name>:8080`.
///
/// Route files name services, also such as come after the start; so all of the keys are kept.
#[derive(Clone, Default)]
pub struct Urls(BTreeMap<String, String>);

impl std::fmt::Debug for Urls {
    /// The names only: `REDIS_URL`, which is a secret, ends like the others.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Urls {
    /// The base URL of a service.
    pub fn of(&self, service: &str) -> String {
        let url = self.0.get(&url_key(service));
        url.map_or_else(
            || format!("http://{service}:8080"),
            |url| url.trim_end_matches('/').to_owned(),
        )
    }
}

/// `NLU_URL` for `nlu`.
fn url_key(service: &str) -> String {
    format!("{}_URL", service.to_uppercase().replace('-', "_"))
}
