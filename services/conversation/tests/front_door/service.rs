//! The service as a test holds it: the product's own `build`, a database of its own.

use crate::others::{INTERNAL_TOKEN, Others};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use stoa_config::Env;
use stoa_contracts::identity::{Claims, ISSUER, Role};
use stoa_postgres::PostgresSettings;
use stoa_service::{Clock, Context, HttpSettings, Running, TokenSigner};
use stoa_testing::{keys, postgres::TestDatabase};
use uuid::Uuid;

/// A status and a body.
pub(crate) type Answer = (u16, Value);

/// The service with what is around it; one or more replicas of it are running.
pub(crate) struct TestService {
    pub(crate) others: Others,
    /// The account of [`TestService::user`].
    pub(crate) account: Uuid,
    /// An assistant of that account.
    pub(crate) assistant: Uuid,
    /// Seconds that the clock of the service is ahead of the machine's.
    ahead: Arc<AtomicI64>,
    replicas: Vec<Running>,
    http: reqwest::Client,
    // It lives as long as this.
    database: TestDatabase,
}

impl TestService {
    pub(crate) async fn start() -> Self {
        Self::replicated(1).await
    }

    /// Starts several replicas on one database.
    pub(crate) async fn replicated(count: usize) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = stoa_testing::postgres::database().await;
        let settings = PostgresSettings::at(&database.url);
        conversation::migrate(settings).await.expect("migrates");
        let others = Others::start().await;
        let ahead = Arc::new(AtomicI64::new(0));
        let mut replicas = Vec::new();
        for _ in 0..count {
            replicas.push(replica(&database.url, &others, clock(&ahead)).await);
        }
        let account = Uuid::now_v7();
        Self {
            assistant: others.assistant(account, Some(1)).await,
            others,
            account,
            ahead,
            replicas,
            http: reqwest::Client::new(),
            database,
        }
    }

    /// Someone of the account who may do everything.
    pub(crate) fn user(&self) -> User<'_> {
        self.someone(self.account, Role::Owner, None)
    }

    pub(crate) fn someone(&self, account: Uuid, role: Role, assistant: Option<Uuid>) -> User<'_> {
        User {
            service: self,
            token: token(&clock(&self.ahead), account, role, assistant),
        }
    }

    /// Moves the clock on.
    pub(crate) fn advance(&self, time: Duration) {
        let seconds = i64::try_from(time.as_secs()).expect("a short time");
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Jobs that wait in the outbox.
    pub(crate) async fn waiting(&self) -> i64 {
        let pool = self.pool().await;
        let count = sqlx::query_scalar("SELECT count(*) FROM outbox");
        count.fetch_one(&pool).await.expect("there is an outbox")
    }

    /// The database, for what no route shows.
    pub(crate) async fn pool(&self) -> sqlx::PgPool {
        let pool = sqlx::PgPool::connect(&self.database.url).await;
        pool.expect("the database answers")
    }

    /// Ends a replica as SIGTERM would.
    pub(crate) async fn stop(&mut self, replica: usize) {
        let replica = self.replicas.remove(replica);
        replica.stop().await.expect("a clean end");
    }

    /// The address of a path at a replica.
    pub(crate) fn url(&self, replica: usize, path: &str) -> String {
        format!("{}{path}", self.replicas[replica].url())
    }
}

/// The machine's clock, ahead of it by some seconds.
fn clock(ahead: &Arc<AtomicI64>) -> Clock {
    let (system, ahead) = (Clock::system(), ahead.clone());
    Clock::from_fn(move || system.now() + time::Duration::seconds(ahead.load(Ordering::Relaxed)))
}

async fn replica(database: &str, others: &Others, clock: Clock) -> Running {
    let env = Env::from_pairs([
        ("DATABASE_URL", database),
        ("TOKEN_VERIFYING_KEY", keys::VERIFYING_KEY),
        ("INTERNAL_TOKEN", INTERNAL_TOKEN),
        ("API_URL", &others.api.uri()),
        ("NLU_URL", &others.nlu.uri()),
        ("WORKER_URL", &others.worker.uri()),
        ("CONVERSATION_RETENTION", "30d"),
    ]);
    let context = Context::new(clock);
    let settings = env.load().expect("the settings are complete");
    let app = conversation::build(settings, &context)
        .await
        .expect("builds");
    app.start(&HttpSettings::loopback(), &context)
        .await
        .expect("starts")
}

/// Someone with a token.
pub(crate) struct User<'s> {
    service: &'s TestService,
    pub(crate) token: String,
}

impl User<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.service
            .http
            .request(method, self.service.url(0, path))
            .timeout(Duration::from_secs(10))
            .bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    /// Opens a conversation.
    pub(crate) async fn open(&self) -> String {
        let path = format!(
            "/api/v1/assistants/{}/conversations",
            self.service.assistant
        );
        let (status, started) = self.post(&path, json!({})).await;
        assert_eq!(status, 201, "{started}");
        started["id"].as_str().expect("an id").to_owned()
    }

    /// Says something in a conversation; gives the texts of the answer.
    pub(crate) async fn say(&self, conversation: &str, text: &str) -> Vec<String> {
        let path = format!("/api/v1/conversations/{conversation}/messages");
        let (status, reply) = self.post(&path, json!({"text": text})).await;
        assert_eq!(status, 200, "{reply}");
        texts(&reply["messages"])
    }

    /// Says something with an idempotency key.
    pub(crate) async fn say_once(&self, conversation: &str, key: &str, text: &str) -> Answer {
        let path = format!("/api/v1/conversations/{conversation}/messages");
        let request = self
            .request(Method::POST, &path)
            .header("idempotency-key", key);
        answer(request.json(&json!({"text": text}))).await
    }

    /// The events of a conversation.
    pub(crate) async fn events(&self, conversation: &str) -> Vec<Value> {
        let (status, body) = self
            .get(&format!("/api/v1/conversations/{conversation}"))
            .await;
        assert_eq!(status, 200, "{body}");
        body["events"].as_array().expect("events").clone()
    }
}

pub(crate) fn texts(messages: &Value) -> Vec<String> {
    let messages = messages.as_array().expect("messages");
    let text = |message: &Value| message["text"].as_str().expect("a text").to_owned();
    messages.iter().map(text).collect()
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.json().await.expect("a JSON body"))
}

fn token(clock: &Clock, account: Uuid, role: Role, assistant: Option<Uuid>) -> String {
    let now = clock.now().unix_timestamp();
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
    let signer = TokenSigner::new(&keys::SIGNING_KEY.into()).expect("the key is good");
    signer.sign(&claims).expect("signs")
}
