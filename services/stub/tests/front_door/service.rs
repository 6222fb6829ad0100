//! The service as a test holds it: the product's own `build`, a database and a broker of its own.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use sqlx::PgPool;
use stoa_config::Env;
use stoa_contracts::identity::{Claims, ISSUER, Role};
use stoa_postgres::PostgresSettings;
use stoa_service::{Clock, Context, HttpSettings, Running, TokenSigner};
use stoa_testing::{keys, postgres::TestDatabase, redis::TestRedis};
use uuid::Uuid;

/// The service, running.
pub(crate) struct TestService {
    running: Running,
    http: reqwest::Client,
    // Both live as long as this.
    database: TestDatabase,
    _redis: TestRedis,
}

/// A status and a body.
pub(crate) type Answer = (StatusCode, Value);

impl TestService {
    /// Starts the service on free ports; `env` adds to its configuration.
    pub(crate) async fn start(env: &[(&str, &str)]) -> Self {
        let database = stoa_testing::postgres::database().await;
        stub::migrate(PostgresSettings::at(&database.url))
            .await
            .unwrap();
        let redis = stoa_testing::redis::database().await;
        let own = [
            ("DATABASE_URL", &*database.url),
            ("QUEUE_URL", &*redis.url),
            ("TOKEN_VERIFYING_KEY", keys::VERIFYING_KEY),
            ("JOB_BACKOFF", "10ms"),
            ("JOB_BACKOFF_LIMIT", "10ms"),
        ];
        let env = Env::from_pairs(own.iter().chain(env).copied());
        let context = Context::default();
        let app = stub::build(env.load().unwrap(), &context).await.unwrap();
        let running = app
            .start(&HttpSettings::loopback(), &context)
            .await
            .unwrap();
        Self {
            running,
            http: http(),
            database,
            _redis: redis,
        }
    }

    /// Its database.
    pub(crate) async fn pool(&self) -> PgPool {
        PgPool::connect(&self.database.url).await.unwrap()
    }

    /// Someone of a new account.
    pub(crate) fn user(&self, role: Role) -> User<'_> {
        User {
            service: self,
            token: token(role),
        }
    }

    /// A request without a token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.running.url());
        self.http
            .request(method, url)
            .timeout(Duration::from_secs(10))
    }
}

/// Someone with a token.
pub(crate) struct User<'s> {
    service: &'s TestService,
    token: String,
}

impl User<'_> {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Posts with an idempotency key.
    pub(crate) async fn post_once(&self, path: &str, key: &str, body: Value) -> Answer {
        let request = self.service.request(Method::POST, path);
        let request = request
            .bearer_auth(&self.token)
            .header("idempotency-key", key);
        answer(request.json(&body)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.service.request(method, path).bearer_auth(&self.token);
        answer(body.iter().fold(request, RequestBuilder::json)).await
    }
}

/// Sends a request and reads the JSON of its answer.
pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// An HTTP client, also for a test that has not started the service in its own process.
pub(crate) fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A token for someone of a new account, good for a quarter of an hour.
pub(crate) fn token(role: Role) -> String {
    let now = Clock::system().now().unix_timestamp();
    let claims = Claims {
        sub: Uuid::now_v7(),
        account: Uuid::now_v7(),
        role,
        assistant: None,
        scopes: None,
        sid: None,
        iss: ISSUER.to_owned(),
        iat: now,
        exp: now + 900,
    };
    let signer = TokenSigner::new(&keys::SIGNING_KEY.into()).unwrap();
    signer.sign(&claims).unwrap()
}
