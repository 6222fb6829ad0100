//! A running service with a database of its own, and words to talk to it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use api::{MigrateSettings, Settings, oidc::OidcSettings, settings::Owner};
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};
use sqlx::PgPool;
use stoa_config::{InternalToken, SecretString};
use stoa_contracts::identity::{Claims, ISSUER, Role};
use stoa_postgres::PostgresSettings;
use stoa_service::{Clock, Context, HttpSettings, Operators, Running, TokenSettings, TokenSigner};
use stoa_testing::{keys, postgres::TestDatabase};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The account that `migrate` creates, and its owner.
pub(crate) const ACCOUNT: Uuid = Uuid::from_u128(0x0194_1f29_7c00_7000_8000_0000_0000_0001);
pub(crate) const EMAIL: &str = "owner@example.org";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const INTERNAL: &str = "internal-token-of-the-tests";
/// Nothing listens there: most tests do without `worker`, as the service can.
const NO_WORKER: &str = "http://127.0.0.1:1";

pub(crate) struct Service {
    pub(crate) pool: PgPool,
    pub(crate) http: reqwest::Client,
    running: Option<Running>,
    seconds: Arc<AtomicI64>,
    _database: TestDatabase,
}

/// A response, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn content_type(&self) -> &str {
        let value = self.headers.get(header::CONTENT_TYPE);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Checks that this is a problem of this status and returns it.
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.content_type(), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(
            !problem["detail"].as_str().unwrap_or_default().is_empty(),
            "{problem}"
        );
        problem
    }

    /// Checks that it succeeded with this status and returns the body.
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with_worker(NO_WORKER).await
    }

    pub(crate) async fn with_worker(url: &str) -> Self {
        Self::with(|settings| url.clone_into(&mut settings.worker_url)).await
    }

    /// A service at which people sign in through this provider.
    pub(crate) async fn with_provider(oidc: OidcSettings) -> Self {
        Self::with(|settings| settings.oidc = Some(oidc)).await
    }

    /// A service whose settings are changed so.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let database = stoa_testing::postgres::database().await;
        let postgres = PostgresSettings::at(&database.url);
        migrate(&postgres).await;
        let seconds = Arc::new(AtomicI64::new(0));
        let offset = seconds.clone();
        let clock = Clock::from_fn(move || {
            OffsetDateTime::now_utc() + Duration::seconds(offset.load(Ordering::Relaxed))
        });
        let context = Context::new(clock);
        let mut settings = Settings {
            postgres: postgres.clone(),
            worker_url: NO_WORKER.to_owned(),
            webhook_http: false,
            engine_http: false,
            api_key_retention: std::time::Duration::from_hours(24 * 90),
            inbox_retention: std::time::Duration::from_hours(24 * 90),
            internal_token: InternalToken::new(INTERNAL),
            signing_key: keys::SIGNING_KEY.into(),
            tokens: TokenSettings {
                verifying_key: keys::VERIFYING_KEY.into(),
            },
            operators: Operators::new(Some(ACCOUNT)),
            oidc: None,
        };
        change(&mut settings);
        let app = api::build(settings, &context)
            .await
            .expect("the service is put together");
        let running = app.start(&HttpSettings::loopback(), &context).await;
        Self {
            pool: stoa_postgres::connect(&postgres)
                .await
                .expect("the database answers"),
            http: reqwest::Client::new(),
            running: Some(running.expect("free ports")),
            seconds,
            _database: database,
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        self.seconds
            .fetch_add(time.whole_seconds(), Ordering::Relaxed);
    }

    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + Duration::seconds(self.seconds.load(Ordering::Relaxed))
    }

    pub(crate) fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let running = self.running.as_ref().expect("the service runs");
        let request = self
            .http
            .request(method, format!("{}{path}", running.url()));
        if token.is_empty() {
            request
        } else {
            request.bearer_auth(token)
        }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        send(self.request(Method::GET, path, token)).await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        send(self.request(Method::DELETE, path, token)).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path, token).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, token: &str, kind: &str, body: &str) -> Answer {
        let request = self.request(Method::PUT, path, token);
        send(
            request
                .header(header::CONTENT_TYPE, kind)
                .body(body.to_owned()),
        )
        .await
    }

    pub(crate) async fn sign_in(&self) -> Value {
        let body = json!({"email": EMAIL, "password": PASSWORD});
        self.post("/api/v1/sessions", "", body).await.ok(200)
    }

    /// An access token of the first account with this role.
    pub(crate) async fn token(&self, role: Role) -> String {
        let account = sqlx::query_scalar("SELECT account_id FROM users WHERE email = $1");
        let account = account
            .bind(EMAIL)
            .fetch_one(&self.pool)
            .await
            .expect("the owner is there");
        self.token_of(account, role, None)
    }

    /// An access token of another account.
    pub(crate) async fn stranger(&self) -> String {
        let account = Uuid::now_v7();
        let insert = sqlx::query("INSERT INTO accounts (id, name) VALUES ($1, 'Others')");
        insert
            .bind(account)
            .execute(&self.pool)
            .await
            .expect("an account is inserted");
        self.token_of(account, Role::Owner, None)
    }

    pub(crate) fn token_of(&self, account: Uuid, role: Role, assistant: Option<Uuid>) -> String {
        let now = self.now().unix_timestamp();
        let signer =
            TokenSigner::new(&SecretString::from(keys::SIGNING_KEY)).expect("the key is one");
        let claims = Claims {
            sub: Uuid::now_v7(),
            account,
            role,
            assistant,
            scopes: None,
            sid: None,
            iss: ISSUER.to_owned(),
            iat: now,
            exp: now + 900,
        };
        signer.sign(&claims).expect("claims can be signed")
    }

    /// Creates an assistant and returns its path.
    pub(crate) async fn assistant(&self, token: &str) -> String {
        let body = json!({"name": format!("Assistant {}", Uuid::now_v7())});
        let assistant = self.post("/api/v1/assistants", token, body).await.ok(201);
        format!(
            "/api/v1/assistants/{}",
            assistant["id"].as_str().expect("an id")
        )
    }

    /// Creates an assistant that can be trained and returns its path.
    pub(crate) async fn trainable(&self, token: &str) -> String {
        let path = self.assistant(token).await;
        let csv = "text,intent\nhello,greet\nbye,goodbye\n";
        self.put(&format!("{path}/training-data"), token, "text/csv", csv)
            .await
            .ok(200);
        path
    }

    pub(crate) async fn stop(mut self) {
        let running = self.running.take().expect("the service runs");
        running.stop().await.expect("the service ends in order");
    }
}

pub(crate) async fn migrate(postgres: &PostgresSettings) {
    let owner = Owner {
        account: Some(ACCOUNT),
        email: EMAIL.to_owned(),
        password: PASSWORD.into(),
    };
    let settings = MigrateSettings {
        postgres: postgres.clone(),
        bootstrap: Some(owner),
    };
    api::migrate(settings)
        .await
        .expect("the database is brought up to date");
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the service answers");
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.expect("the body is text");
    Answer {
        status,
        headers,
        text,
    }
}
