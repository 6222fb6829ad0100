//! The service as a test holds it: the product's own `build`, its neighbours played by wiremock.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use stoa_config::Env;
use stoa_contracts::identity::{Claims, ISSUER, Role};
use stoa_service::{Clock, Context, HttpSettings, Running, TokenSigner};
use stoa_testing::keys;
use stoa_testing::redis::TestRedis;
use uuid::Uuid;
use wiremock::matchers::{body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(crate) const INTERNAL_TOKEN: &str = "a-token-for-tests-that-is-long-enough";

/// Nobody answers there.
const NOWHERE: &str = "redis://127.0.0.1:1";

/// The service, running, and its neighbours.
pub(crate) struct Platform {
    pub(crate) api: MockServer,
    pub(crate) ml: MockServer,
    pub(crate) worker: MockServer,
    pub(crate) account: Uuid,
    pub(crate) assistant: Uuid,
    running: Running,
    http: reqwest::Client,
    // Redis lives as long as this.
    redis: Option<TestRedis>,
}

/// A status and a body.
pub(crate) type Answer = (StatusCode, Value);

impl Platform {
    /// With an assistant whose model has version 3, and a cache.
    pub(crate) async fn start() -> Self {
        let redis = stoa_testing::redis::database().await;
        let url = redis.url.clone();
        Self::with(&url, Some(redis), "10ms").await
    }

    /// One that hands utterances over at its end only.
    pub(crate) async fn that_gathers_for_long() -> Self {
        Self::with(NOWHERE, None, "1h").await
    }

    /// With a cache that nobody answers at.
    pub(crate) async fn without_redis() -> Self {
        Self::with(NOWHERE, None, "10ms").await
    }

    async fn with(url: &str, redis: Option<TestRedis>, interval: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (api, ml) = (MockServer::start().await, MockServer::start().await);
        let worker = MockServer::start().await;
        let running = start([&api, &ml, &worker], url, interval).await;
        let http = reqwest::Client::new();
        let (account, assistant) = (Uuid::now_v7(), Uuid::now_v7());
        let platform = Self {
            api,
            ml,
            worker,
            account,
            assistant,
            running,
            http,
            redis,
        };
        platform.activate(Some(3)).await;
        platform.understand().await;
        platform
    }

    /// Another replica, beside the same neighbours and the same cache.
    pub(crate) async fn replica(&self) -> Running {
        let redis = self.redis.as_ref().map_or(NOWHERE, |redis| &redis.url);
        start([&self.api, &self.ml, &self.worker], redis, "10ms").await
    }

    /// Asks a replica for what a text means.
    pub(crate) async fn parse_at(&self, replica: &Running, text: &str) -> Answer {
        let url = format!(
            "{}/api/v1/assistants/{}/parse",
            replica.url(),
            self.assistant
        );
        let request = self.http.post(url).bearer_auth(self.token(None));
        answer(request.json(&json!({"text": text}))).await
    }

    /// Lets `api` say which version is active from now on, as it stands there when it is asked.
    pub(crate) async fn follow(&self, active: Arc<AtomicI32>) {
        let (id, account_id) = (self.assistant, self.account);
        let runtime = move |_: &Request| {
            ResponseTemplate::new(200).set_body_json(json!({
                "id": id, "account_id": account_id, "name": "Care", "language": "en",
                "active_model": active.load(Ordering::Relaxed), "flows_version": null,
            }))
        };
        Mock::given(method("GET"))
            .respond_with(runtime)
            .with_priority(1)
            .mount(&self.api)
            .await;
    }

    /// Lets `api` say which version is active from now on.
    pub(crate) async fn activate(&self, version: Option<i32>) {
        self.say_of_assistant(version, json!({})).await;
    }

    /// Lets `api` say that what users say to the assistant is not collected.
    pub(crate) async fn switch_collection_off(&self) {
        let off = json!({"collects_utterances": false});
        self.say_of_assistant(Some(3), off).await;
    }

    /// Lets `api` say that versions are tried beside the active one.
    pub(crate) async fn tries(&self, what: Value) {
        self.say_of_assistant(Some(3), what).await;
    }

    /// Lets `api` say how the assistant understands; what was asked before may be remembered for a second.
    pub(crate) async fn set(&self, understanding: &Value) {
        self.say_of_assistant(Some(3), json!({ "understanding": understanding }))
            .await;
    }

    /// Lets `api` say more of the assistant.
    pub(crate) async fn say_of_assistant(&self, version: Option<i32>, more: Value) {
        self.api.reset().await;
        let mut runtime = json!({
            "id": self.assistant, "account_id": self.account, "name": "Care", "language": "en",
            "active_model": version, "flows_version": null, "collects_utterances": true,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            runtime[name] = value.clone();
        }
        let route = format!("/internal/v1/assistants/{}", self.assistant);
        let bearer = format!("Bearer {INTERNAL_TOKEN}");
        Mock::given(method("GET"))
            .and(path(route))
            .and(header("authorization", bearer))
            .respond_with(ResponseTemplate::new(200).set_body_json(runtime))
            .mount(&self.api)
            .await;
        let problem = json!({
            "type": "https://stoa.dev/problems/not_found", "title": "There is no such thing",
            "status": 404, "detail": "There is no such assistant.", "code": "not_found",
        });
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(404).set_body_json(problem))
            .with_priority(9)
            .mount(&self.api)
            .await;
    }

    /// Lets `ml` answer every utterance with the intent `hello`.
    async fn understand(&self) {
        let answer = |request: &Request| {
            let input: Value = request.body_json().expect("nlu sends JSON");
            ResponseTemplate::new(200).set_body_json(json!({
                "text": input["text"], "intent": {"name": "hello", "confidence": 0.9},
                "intent_ranking": [{"name": "hello", "confidence": 0.9}], "entities": [],
                "model_version": input["model_version"],
            }))
        };
        Mock::given(method("POST"))
            .and(path("/internal/v1/parse"))
            .respond_with(answer)
            .mount(&self.ml)
            .await;
    }

    /// Lets `ml` answer utterances with a word in them as it says, before it answers any other.
    pub(crate) async fn understand_as(&self, word: &str, name: Option<&str>, confidence: f64) {
        let name = name.map(str::to_owned);
        let answer = move |request: &Request| {
            let input: Value = request.body_json().expect("nlu sends JSON");
            let ranking: Vec<_> = (0..8)
                .map(|n| json!({"name": format!("guess_{n}"), "confidence": 0.3 - 0.03 * f64::from(n)}))
                .collect();
            ResponseTemplate::new(200).set_body_json(json!({
                "text": input["text"], "intent": {"name": name, "confidence": confidence},
                "intent_ranking": ranking, "entities": [], "model_version": input["model_version"],
            }))
        };
        Mock::given(method("POST"))
            .and(path("/internal/v1/parse"))
            .and(body_string_contains(word))
            .respond_with(answer)
            .with_priority(1)
            .mount(&self.ml)
            .await;
    }

    /// What `ml` was asked last.
    pub(crate) async fn last_question(&self) -> Value {
        let asked = self.ml.received_requests().await.unwrap_or_default();
        asked
            .last()
            .expect("it was asked")
            .body_json()
            .expect("nlu sends JSON")
    }

    /// Lets `ml` find a time in every utterance.
    pub(crate) async fn understand_time(&self) {
        let answer = |request: &Request| {
            let input: Value = request.body_json().expect("nlu sends JSON");
            let time = json!({
                "entity": "datetime", "start": 0, "end": 8, "confidence": 1.0, "extractor": "builtin",
                "value": {"value": "2026-11-28T00:00:00+00:00", "grain": "day"},
            });
            ResponseTemplate::new(200).set_body_json(json!({
                "text": input["text"], "intent": {"name": "hello", "confidence": 0.9},
                "intent_ranking": [{"name": "hello", "confidence": 0.9}], "entities": [time],
                "model_version": input["model_version"],
            }))
        };
        Mock::given(method("POST"))
            .and(path("/internal/v1/parse"))
            .respond_with(answer)
            .with_priority(1)
            .mount(&self.ml)
            .await;
    }

    /// Ends the service as SIGTERM does; what stays is its neighbours.
    pub(crate) async fn end(self) -> MockServer {
        self.running.stop().await.expect("it ends in order");
        self.worker
    }

    /// The same, for the `api` that it has told things at its end.
    pub(crate) async fn end_for_api(self) -> MockServer {
        self.running.stop().await.expect("it ends in order");
        self.api
    }

    /// Waits until a series is above 0.
    pub(crate) async fn counted(&self, series: &str) {
        let url = format!("{}/metrics", self.running.admin_url());
        stoa_testing::eventually(std::time::Duration::from_secs(30), async || {
            let metrics = self.http.get(&url).send().await.ok()?.text().await.ok()?;
            let mut values = metrics.lines().filter_map(|line| line.strip_prefix(series));
            values.any(|value| value != "0").then_some(())
        })
        .await;
    }

    /// How often `ml` was asked.
    pub(crate) async fn asked(&self) -> usize {
        self.ml.received_requests().await.unwrap_or_default().len()
    }

    /// A token of this account, narrowed to an assistant or not.
    pub(crate) fn token(&self, assistant: Option<Uuid>) -> String {
        token(self.account, assistant)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.running.url()))
    }

    /// Asks for what a text means, with the token of a user.
    pub(crate) async fn parse(&self, text: &str) -> Answer {
        self.parse_as(&self.token(None), self.assistant, text).await
    }

    pub(crate) async fn parse_as(&self, token: &str, assistant: Uuid, text: &str) -> Answer {
        self.post_parse(token, assistant, &json!({"text": text}))
            .await
    }

    /// Asks with a whole body, and the token of a user.
    pub(crate) async fn parse_body(&self, body: &Value) -> Answer {
        self.post_parse(&self.token(None), self.assistant, body)
            .await
    }

    async fn post_parse(&self, token: &str, assistant: Uuid, body: &Value) -> Answer {
        let path = format!("/api/v1/assistants/{assistant}/parse");
        let request = self.request(Method::POST, &path).bearer_auth(token);
        answer(request.json(body)).await
    }
}

/// Starts the service beside `api`, `ml` and `worker`.
async fn start([api, ml, worker]: [&MockServer; 3], redis: &str, interval: &str) -> Running {
    let env = Env::from_pairs([
        ("TOKEN_VERIFYING_KEY", keys::VERIFYING_KEY),
        ("INTERNAL_TOKEN", INTERNAL_TOKEN),
        ("API_URL", &api.uri()),
        ("ML_URL", &ml.uri()),
        ("WORKER_URL", &worker.uri()),
        ("INBOX_INTERVAL", interval),
        ("ENGINE_NETWORKS", "127.0.0.1/32"),
        ("ENGINE_HTTP", "true"),
        ("REDIS_URL", redis),
        // A busy machine is no reason to miss.
        ("PARSE_CACHE_PATIENCE", "5s"),
    ]);
    let context = Context::default();
    let app = nlu::build(env.load().expect("the settings are complete"), &context)
        .await
        .expect("the settings are good");
    app.start(&HttpSettings::loopback(), &context)
        .await
        .expect("it starts")
}

/// A token good for a quarter of an hour.
pub(crate) fn token(account: Uuid, assistant: Option<Uuid>) -> String {
    let now = Clock::system().now().unix_timestamp();
    let claims = Claims {
        sub: Uuid::now_v7(),
        account,
        role: Role::Viewer,
        assistant,
        scopes: None,
        sid: None,
        iss: ISSUER.to_owned(),
        iat: now,
        exp: now + 900,
    };
    TokenSigner::new(&keys::SIGNING_KEY.into())
        .expect("the key is good")
        .sign(&claims)
        .expect("the claims can be signed")
}

/// Sends a request and reads the JSON of its answer.
pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the service answers");
    (
        response.status(),
        response.json().await.expect("it answers JSON"),
    )
}
