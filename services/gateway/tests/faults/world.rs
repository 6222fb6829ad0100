//! A gateway before three replicas of a service.

use crate::dns::{Answer, Dns};
use crate::replica::Replica;
use axum::Router;
use std::net::SocketAddr;
use stoa_config::Env;
use stoa_service::{Clock, Context, HttpSettings, Running};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Far longer than a slow replica takes, on a busy machine too.
const ROUTES: &str = r#"
openapi = false
[[route]]
path = "/api/v1/x"
auth = "none"
timeout = "5s"
"#;

pub(crate) struct World {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) dns: Dns,
    /// Where a service listens that is another one.
    pub(crate) foreign: SocketAddr,
    pub(crate) http: reqwest::Client,
    gateway: Running,
    _routes: TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        let dns = Dns::new(Vec::new());
        let routes = tempfile::tempdir().expect("a folder");
        std::fs::write(routes.path().join("echo.toml"), ROUTES).expect("room for a file");
        // First of all: it brings what HTTP clients need.
        let gateway = start_gateway(&dns, &routes).await;
        let http = reqwest::Client::builder().no_proxy().build();
        let mut replicas = Vec::new();
        for _ in 0..3 {
            replicas.push(Replica::start().await);
        }
        let world = Self {
            replicas,
            dns,
            foreign: start_foreign().await,
            http: http.expect("a client"),
            gateway,
            _routes: routes,
        };
        world.says_the_truth();
        world
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/api/v1/x", self.gateway.url())
    }

    /// DNS names the replicas and nobody else.
    pub(crate) fn says_the_truth(&self) {
        self.dns.says(Answer::Addresses(self.addresses()));
    }

    /// DNS names this address beside the replicas.
    pub(crate) fn says_too(&self, address: SocketAddr) {
        let mut addresses = self.addresses();
        addresses.push(address);
        self.dns.says(Answer::Addresses(addresses));
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        let addresses = self.replicas.iter().map(|replica| replica.address);
        addresses.collect()
    }

    /// How many requests each replica has seen.
    pub(crate) async fn requests(&self) -> Vec<usize> {
        let mut all = Vec::new();
        for replica in &self.replicas {
            all.push(replica.seen().await.0);
        }
        all
    }

    /// How many requests the replicas have in hand.
    pub(crate) async fn in_hand(&self) -> usize {
        let mut all = 0;
        for replica in &self.replicas {
            all += replica.seen().await.1;
        }
        all
    }

    /// Ends the gateway as SIGTERM would.
    pub(crate) async fn stop(self) {
        self.gateway.stop().await.expect("a clean end");
    }
}

async fn start_gateway(dns: &Dns, routes: &TempDir) -> Running {
    let folder = routes.path().display().to_string();
    let pairs = [
        ("GATEWAY_ROUTES", folder.as_str()),
        ("ECHO_URL", "http://echo:8080"),
        ("TOKEN_VERIFYING_KEY", stoa_testing::keys::VERIFYING_KEY),
        ("INTERNAL_TOKEN", "internal-token-of-the-trial"),
        ("RATE_LIMIT_PER_SECOND", "1000000"),
        ("RATE_LIMIT_BURST", "1000000"),
        // Clients of the day have addresses of their own.
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
    ];
    let settings = Env::from_pairs(pairs).load();
    let mut settings: gateway::Settings = settings.expect("the settings are complete");
    settings.resolver = dns.resolver();
    let context = Context::new(Clock::system());
    let app = gateway::build(settings, &context).await;
    let app = app.expect("the routes are right");
    let running = app.start(&HttpSettings::loopback(), &context).await;
    running.expect("a free port")
}

/// Answers everything, and should be asked nothing.
async fn start_foreign() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().fallback(async || "of another service");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
