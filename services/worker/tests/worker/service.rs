//! The service as a test holds it: the product's own `build`, a database and a broker of its own.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use stoa_config::Env;
use stoa_contracts::assistants::ForgetAssistant;
use stoa_contracts::identity::{Claims, ISSUER, Role};
use stoa_contracts::inbox::CollectInbox;
use stoa_contracts::jobs::{Evaluate, Train};
use stoa_contracts::webhooks::{Announce, Deliver};
use stoa_postgres::PostgresSettings;
use stoa_queue::{Enqueue, Payload, Queue, QueueSettings};
use stoa_service::{Context, HttpSettings, Running, TokenSigner};
use stoa_testing::{amqp, eventually, keys, postgres::TestDatabase, redis::TestRedis};
use uuid::Uuid;

use crate::platform::{INTERNAL_TOKEN, Platform};

/// Long enough for a busy machine; nothing waits for it in vain.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// A status and a body.
pub(crate) type Answer = (StatusCode, Value);

/// The worker, running.
pub(crate) struct TestService {
    pub(crate) platform: Platform,
    pub(crate) queue: Queue,
    running: Running,
    context: Context,
    signer: TokenSigner,
    variables: BTreeMap<String, String>,
    // Both live as long as this.
    database: TestDatabase,
    redis: Option<TestRedis>,
}

impl TestService {
    /// Starts the service over Redis.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts the service over Redis with settings of the test's own.
    pub(crate) async fn start_with(own: &[(&str, &str)]) -> Self {
        let redis = stoa_testing::redis::database().await;
        let url = redis.url.clone();
        Self::start_over(&url, "test", Some(redis), own).await
    }

    /// Starts the service over Redis, with an account whose owners operate it.
    pub(crate) async fn start_operated_by(account: Uuid) -> Self {
        Self::start_with(&[("OPERATOR_ACCOUNT", &account.to_string())]).await
    }

    /// Starts the service over RabbitMQ.
    pub(crate) async fn start_over_rabbitmq() -> Self {
        let broker = amqp::broker().await;
        Self::start_over(&broker.url, &broker.namespace, None, &[]).await
    }

    async fn start_over(
        queue_url: &str,
        namespace: &str,
        redis: Option<TestRedis>,
        own: &[(&str, &str)],
    ) -> Self {
        let database = stoa_testing::postgres::database().await;
        let platform = Platform::start().await;
        worker::migrate(PostgresSettings::at(&database.url))
            .await
            .expect("migrations run");
        let mut variables = BTreeMap::from(
            [
                ("DATABASE_URL", &*database.url),
                ("QUEUE_URL", queue_url),
                ("QUEUE_NAMESPACE", namespace),
                ("TOKEN_VERIFYING_KEY", keys::VERIFYING_KEY),
                ("INTERNAL_TOKEN", INTERNAL_TOKEN),
                ("API_URL", &platform.api.uri()),
                ("ML_URL", &platform.ml.uri()),
                ("CONVERSATION_URL", &platform.conversation.uri()),
                ("TRAINING_POLL", "10ms"),
                ("WEBHOOK_NETWORKS", "127.0.0.1/32"),
                ("WEBHOOK_HTTP", "true"),
                ("WEBHOOK_PAUSE", "10ms"),
                ("JOB_BACKOFF", "20ms"),
                ("JOB_BACKOFF_LIMIT", "100ms"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        variables.extend(
            own.iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        let context = Context::default();
        let running = replica(&variables, &context).await;
        let namespace = namespace.to_owned();
        let queue = Queue::connect(&QueueSettings {
            url: queue_url.into(),
            namespace,
        })
        .await;
        Self {
            platform,
            queue: queue.expect("the broker answers"),
            running,
            context,
            signer: TokenSigner::new(&keys::SIGNING_KEY.into()).expect("the key is valid"),
            variables,
            database,
            redis,
        }
    }

    /// Starts another replica beside it.
    pub(crate) async fn another(&self) -> Running {
        replica(&self.variables, &Context::default()).await
    }

    /// Its database.
    pub(crate) async fn pool(&self) -> sqlx::PgPool {
        let pool = sqlx::PgPool::connect(&self.database.url).await;
        pool.expect("the database answers")
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        self.running.url()
    }

    /// Takes everything from the broker that it has.
    pub(crate) async fn wipe_broker(&self) {
        let redis = self.redis.as_ref().expect("the test runs over Redis");
        let client = redis::Client::open(redis.url.as_str()).expect("a URL of Redis");
        // On a busy machine half a second, which is the default, may be too short.
        let patient = redis::AsyncConnectionConfig::new().set_response_timeout(Some(DEADLINE));
        let link = client
            .get_multiplexed_async_connection_with_config(&patient)
            .await;
        let mut link = link.expect("Redis answers");
        let wiped = redis::cmd("FLUSHDB").exec_async(&mut link).await;
        wiped.expect("the test's own database is wiped");
    }

    /// A training of an account, not yet enqueued.
    pub(crate) fn training(account: Uuid) -> Train {
        Train {
            training_id: Uuid::now_v7(),
            assistant_id: Uuid::now_v7(),
            account_id: account,
        }
    }

    /// Enqueues a training on the broker, as the `api` of the release before does.
    pub(crate) async fn enqueue(&self, train: &Train) -> Uuid {
        self.enqueue_of(train.account_id, train).await
    }

    /// Enqueues a job of an account.
    pub(crate) async fn enqueue_of(&self, account: Uuid, job: &impl Payload) -> Uuid {
        let enqueued = self.queue.enqueue(job, Enqueue::for_account(account));
        enqueued.await.expect("the broker takes the job")
    }

    /// Waits until the record of a training's job says that it has ended.
    pub(crate) async fn ended(&self, train: &Train, job: Uuid) -> Value {
        self.ended_of(train.account_id, job).await
    }

    /// The same of any job of an account.
    pub(crate) async fn ended_of(&self, account: Uuid, job: Uuid) -> Value {
        let user = self.user(account, Role::Viewer);
        let path = format!("/api/v1/jobs/{job}");
        eventually(DEADLINE, || async {
            let (_, job) = user.get(&path).await;
            job["finished_at"].is_string().then_some(job)
        })
        .await
    }

    /// Waits until a job is so far.
    pub(crate) async fn wait_for(&self, train: &Train, job: Uuid, status: &str) -> Value {
        let user = self.user(train.account_id, Role::Viewer);
        let path = format!("/api/v1/jobs/{job}");
        eventually(DEADLINE, || async {
            let (_, job) = user.get(&path).await;
            (job["status"] == status).then_some(job)
        })
        .await
    }

    /// Waits until the record knows that somebody works on the queues.
    pub(crate) async fn works(&self) {
        let user = self.user(Uuid::now_v7(), Role::Viewer);
        eventually(DEADLINE, || async {
            let (_, queues) = user.get("/api/v1/queues").await;
            let names = queues["items"]
                .as_array()?
                .iter()
                .map(|queue| queue["name"].clone());
            names
                .into_iter()
                .any(|name| name == "trainings")
                .then_some(())
        })
        .await;
    }

    /// Lets the time of a schedule come.
    pub(crate) async fn make_due(&self, name: &str) {
        let pool = sqlx::PgPool::connect(&self.database.url)
            .await
            .expect("the database answers");
        let due = "UPDATE queue_schedules SET next_at = clock_timestamp() - interval '1 second' WHERE name LIKE $1";
        let moved = sqlx::query(due)
            .bind(format!("%/{name}"))
            .execute(&pool)
            .await;
        assert_eq!(moved.expect("it is changed").rows_affected(), 1);
    }

    /// Someone of an account.
    pub(crate) fn user(&self, account: Uuid, role: Role) -> User<'_> {
        self.user_of_assistant(account, role, None)
    }

    /// Someone of an account whose token is narrowed to an assistant.
    pub(crate) fn user_of_assistant(
        &self,
        account: Uuid,
        role: Role,
        assistant: Option<Uuid>,
    ) -> User<'_> {
        let now = self.context.clock.now().unix_timestamp();
        let (sub, iss) = (Uuid::now_v7(), ISSUER.to_owned());
        let claims = Claims {
            sub,
            account,
            role,
            assistant,
            scopes: None,
            sid: None,
            iss,
            iat: now,
            exp: now + 900,
        };
        let token = self.signer.sign(&claims).expect("claims are plain values");
        User {
            service: self,
            token: Some(token),
        }
    }

    /// Someone without a token.
    pub(crate) fn stranger(&self) -> User<'_> {
        User {
            service: self,
            token: None,
        }
    }

    /// Ends the service as SIGTERM does, and leaves nothing on a shared broker.
    pub(crate) async fn end(self) {
        self.running.stop().await.expect("the service ends well");
        self.queue
            .remove(&[
                Train::QUEUE,
                Evaluate::QUEUE,
                Deliver::QUEUE,
                Announce::QUEUE,
                CollectInbox::QUEUE,
                "retrainings",
                "upkeep",
                ForgetAssistant::QUEUE,
            ])
            .await
            .expect("the queue is removed");
    }
}

/// A process of the service.
async fn replica(variables: &BTreeMap<String, String>, context: &Context) -> Running {
    let env = Env::from_pairs(variables.clone());
    let settings = env.load().expect("the settings are complete");
    let app = worker::build(settings, context).await;
    let app = app.expect("the service is put together");
    let running = app.start(&HttpSettings::loopback(), context).await;
    running.expect("it starts")
}

/// Someone who asks.
pub(crate) struct User<'s> {
    service: &'s TestService,
    token: Option<String>,
}

impl User<'_> {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, Value::Null, None).await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        self.ask(Method::POST, path, Value::Null, None).await
    }

    /// The same with a body, if it is not null, and an `Idempotency-Key`.
    pub(crate) async fn post_once(&self, path: &str, body: Value, key: &str) -> Answer {
        self.ask(Method::POST, path, body, Some(key)).await
    }

    /// Sends a body; none if it is null.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        self.ask(method.parse().expect("a method"), path, body, None)
            .await
    }

    async fn ask(&self, method: Method, path: &str, body: Value, key: Option<&str>) -> Answer {
        let url = format!("{}{path}", self.service.running.url());
        let request = reqwest::Client::new()
            .request(method, url)
            .timeout(Duration::from_secs(10));
        let request = self
            .token
            .iter()
            .fold(request, reqwest::RequestBuilder::bearer_auth);
        let request = key.iter().fold(request, |request, key| {
            request.header("Idempotency-Key", *key)
        });
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        let response = request.send().await.expect("the service answers");
        let status = response.status();
        if status == StatusCode::NO_CONTENT {
            return (status, Value::Null);
        }
        (status, response.json().await.expect("the answer is JSON"))
    }
}
