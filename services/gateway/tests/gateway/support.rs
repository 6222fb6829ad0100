//! A running gateway, the service behind it, and clients of several kinds.

use crate::support::upstream::Upstream;
use std::path::PathBuf;
use std::time::Duration;
use stoa_client::Resolver;
use stoa_config::Env;
use stoa_contracts::identity::{Claims, ISSUER, Role};
use stoa_service::{Clock, Context, HttpSettings, Running, TokenSigner};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

pub(crate) mod replica;
pub(crate) mod upstream;

/// What the clock of every test says.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);

const ECHO_ROUTES: &str = r#"
[[route]]
path = "/api/v1/open/{*rest}"
auth = "none"
[[route]]
path = "/api/v1/closed"
auth = "required"
[[route]]
path = "/api/v1/things/{id}"
methods = ["GET", "PUT"]
auth = "none"
[[route]]
path = "/api/v1/small"
methods = ["POST"]
auth = "none"
body_limit = "1KiB"
[[route]]
path = "/api/v1/slow"
auth = "none"
timeout = "100ms"
[[route]]
path = "/api/v1/rare"
auth = "none"
limit = { rate = "1/h", burst = 2, by = "address" }
[[route]]
path = "/api/v1/ours"
auth = "required"
limit = { rate = "1/h", burst = 2, by = "account" }
[[route]]
path = "/api/v1/split"
methods = ["GET"]
auth = "none"
limit = { rate = "1/h", burst = 1, by = "address" }
[[route]]
path = "/api/v1/split"
methods = ["PUT"]
auth = "none"
limit = { rate = "1/h", burst = 2, by = "address" }
[[route]]
path = "/api/v1/pages"
methods = ["GET", "PUT"]
auth = "none"
cors = ["https://shop.example"]
[[route]]
path = "/api/v1/ws"
methods = ["GET"]
auth = "required"
upgrade = true
"#;

const GONE_ROUTES: &str = r#"
openapi = false
[[route]]
path = "/api/v1/gone"
auth = "none"
"#;

const WEB_ROUTES: &str = r#"
openapi = false
[[route]]
path = "/{*rest}"
methods = ["GET"]
auth = "none"
"#;

/// A gateway with its surroundings.
pub(crate) struct World {
    pub(crate) upstream: Upstream,
    pub(crate) http: reqwest::Client,
    running: Running,
    routes: TempDir,
}

impl World {
    /// A gateway in front of an upstream that tells what it received.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The same with more settings.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::with_resolver(settings, Resolver::dns()).await
    }

    /// The same with a DNS of the test.
    pub(crate) async fn with_resolver(settings: &[(&str, &str)], resolver: Resolver) -> Self {
        let upstream = Upstream::start().await;
        let files = [
            ("echo", ECHO_ROUTES),
            ("gone", GONE_ROUTES),
            ("web", WEB_ROUTES),
        ];
        let routes = route_files(&files);
        let folder = routes.path().display().to_string();
        let mut pairs = vec![
            ("GATEWAY_ROUTES", folder.as_str()),
            ("ECHO_URL", &upstream.url),
            ("WEB_URL", &upstream.url),
            ("API_URL", &upstream.url),
            // Port 9 is the discard service, which nobody runs.
            ("GONE_URL", "http://127.0.0.1:9"),
            ("TOKEN_VERIFYING_KEY", stoa_testing::keys::VERIFYING_KEY),
            ("INTERNAL_TOKEN", upstream::INTERNAL_TOKEN),
        ];
        pairs.extend_from_slice(settings);
        let mut settings: gateway::Settings = Env::from_pairs(pairs)
            .load()
            .expect("the settings are complete");
        settings.resolver = resolver;
        settings.look_every = Duration::from_millis(20);
        let context = Context::new(Clock::at(NOW));
        let app = gateway::build(settings, &context)
            .await
            .expect("the routes are right");
        let running = app
            .start(&HttpSettings::loopback(), &context)
            .await
            .expect("a free port");
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            upstream,
            http,
            running,
            routes,
        }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    /// What readiness says.
    pub(crate) async fn readiness(&self) -> reqwest::Response {
        let url = format!("{}/readyz", self.running.admin_url());
        self.http.get(url).send().await.expect("an answer")
    }

    /// What a counter or a histogram has counted; the series is told by its whole name, or that and labels.
    pub(crate) async fn counted(&self, name: &str, labels: &[&str]) -> u64 {
        let url = format!("{}/metrics", self.running.admin_url());
        let told = self.http.get(url).send().await.expect("an answer");
        let told = told.text().await.expect("text");
        let is_meant = |series: &str| {
            let rest = series.strip_prefix(name);
            let is_named = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('{'));
            is_named && labels.iter().all(|label| series.contains(label))
        };
        let lines = told.lines().filter_map(|line| line.rsplit_once(' '));
        let counts = lines.filter(|(series, _)| is_meant(series));
        counts
            .map(|(_, count)| count.parse::<u64>().expect("a count"))
            .sum()
    }

    /// How many requests of this method to `/api/v1/open` their clients have given up.
    pub(crate) async fn given_up(&self, method: &str) -> u64 {
        let labels = [
            &format!("http_request_method=\"{method}\""),
            "http_route=\"/api/v1/open/{*rest}\"",
            "http_response_status_code=\"499\"",
        ];
        self.counted("http_server_request_duration_seconds_count", &labels)
            .await
    }

    /// Gets a path.
    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.http
            .get(self.url(path))
            .send()
            .await
            .expect("an answer")
    }

    /// The route file of a service.
    pub(crate) fn route_file(&self, service: &str) -> PathBuf {
        self.routes.path().join(format!("{service}.toml"))
    }

    /// The address and port of the gateway.
    pub(crate) fn authority(&self) -> String {
        self.running.url().replace("http://", "")
    }

    /// Sends bytes as they are; gives the first line of the answer, or nothing.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let answer = self.exchange(request.as_bytes()).await;
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// Sends bytes as they are; gives everything that comes until the connection is closed.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.authority())
            .await
            .expect("a connection");
        // A refusal may come, and the connection be closed, before all is written.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        // A reset after the answer is as good as a close.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Where HTTPS listens.
    pub(crate) fn secure_address(&self) -> std::net::SocketAddr {
        self.running.further_address().expect("a certificate")
    }

    /// Ends the gateway as SIGTERM would.
    pub(crate) async fn stop(self) {
        self.running.stop().await.expect("a clean end");
    }
}

/// A folder with the route files of these services.
pub(crate) fn route_files(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (service, text) in files {
        let path = folder.path().join(format!("{service}.toml"));
        std::fs::write(path, text).expect("room for a file");
    }
    folder
}

/// A token that expires this many seconds after [`NOW`].
pub(crate) fn token(life: i64) -> String {
    token_of(None, life)
}

/// The same, of a session.
pub(crate) fn token_of(sid: Option<Uuid>, life: i64) -> String {
    sign(sid, Uuid::new_v4(), life)
}

/// A token of somebody of this account.
pub(crate) fn token_in(account: Uuid) -> String {
    sign(None, account, 60)
}

fn sign(sid: Option<Uuid>, account: Uuid, life: i64) -> String {
    let now = NOW.unix_timestamp();
    let claims = Claims {
        sub: Uuid::new_v4(),
        account,
        role: Role::Viewer,
        assistant: None,
        scopes: None,
        sid,
        iss: ISSUER.into(),
        iat: now,
        exp: now + life,
    };
    let signer = TokenSigner::new(&stoa_testing::keys::SIGNING_KEY.to_owned().into());
    signer
        .and_then(|signer| signer.sign(&claims))
        .expect("a good key")
}

/// The body of an answer.
pub(crate) async fn json(response: reqwest::Response) -> serde_json::Value {
    response.json().await.expect("JSON")
}
