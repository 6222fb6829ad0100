//! A client of the running platform, in the verbs of its tests.
//!
//! The tests talk to `STOA_URL` as `STOA_EMAIL` with `STOA_PASSWORD`; `make test` and
//! `make up` (in `.stoa/demo.env`) say which. They are not part of a plain
//! `cargo nextest run`, which needs no platform: see `.config/nextest.toml`.

pub mod document;
pub mod tenant;

use anyhow::{Context, Result, ensure};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a training or evaluation of the tests' small data may take, queue and polling included.
const TRAINING_DEADLINE: Duration = Duration::from_mins(1);

/// The running platform, seen by one signed-in user.
#[derive(Clone, Debug)]
pub struct Platform {
    http: reqwest::Client,
    url: String,
    token: String,
}

/// An answer with everything that a test looks at.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The media type, without parameters.
    pub content_type: String,
    /// The body; null if it is not JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Platform {
    /// Signs in with what the environment names.
    pub async fn sign_in() -> Result<Self> {
        Self::sign_in_as(&variable("STOA_EMAIL")?, &variable("STOA_PASSWORD")?).await
    }

    /// Signs in as somebody.
    pub async fn sign_in_as(email: &str, password: &str) -> Result<Self> {
        let visitor = Self::visitor()?;
        let credentials = json!({ "email": email, "password": password });
        let session = visitor
            .post("/api/v1/sessions", &credentials)
            .await?
            .expect(200)?;
        let token = session["access_token"]
            .as_str()
            .context("no access token")?
            .to_owned();
        Ok(Self { token, ..visitor })
    }

    /// The platform as one sees it without having signed in.
    pub fn visitor() -> Result<Self> {
        Ok(Self {
            http: http_client()?,
            url: variable("STOA_URL")?,
            token: String::new(),
        })
    }

    /// The same platform, seen with another bearer token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// The URL of a path; `scheme` is `http` or `ws`.
    pub fn address(&self, scheme: &str, path: &str) -> String {
        format!("{}{path}", self.url.replacen("http", scheme, 1))
    }

    /// The bearer token of the signed-in user.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A request that is not sent yet.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        if self.token.is_empty() {
            request
        } else {
            request.bearer_auth(&self.token)
        }
    }

    /// Gets a resource.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        answer(self.request(Method::GET, path)).await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// Puts a document of a media type.
    pub async fn put(
        &self,
        path: &str,
        media_type: &str,
        body: impl Into<String>,
    ) -> Result<Answer> {
        let request = self
            .request(Method::PUT, path)
            .header("content-type", media_type);
        answer(request.body(body.into())).await
    }

    /// Creates an assistant under a name of its own and returns its id.
    pub async fn create_assistant(&self, about: &str) -> Result<String> {
        let name = format!("{about} {}", uuid::Uuid::now_v7());
        let assistant = self
            .post("/api/v1/assistants", &json!({ "name": name }))
            .await?
            .expect(201)?;
        Ok(assistant["id"].as_str().context("no id")?.to_owned())
    }

    /// Trains an assistant and returns the finished training.
    pub async fn train(&self, assistant: &str) -> Result<Value> {
        let path = format!("/api/v1/assistants/{assistant}/trainings");
        let started = self.post(&path, &json!({})).await?.expect(202)?;
        self.finished_training(started["id"].as_str().context("no id")?)
            .await
    }

    /// Waits until a training has ended.
    pub async fn finished_training(&self, id: &str) -> Result<Value> {
        self.finished(&format!("/api/v1/trainings/{id}")).await
    }

    /// Waits until the training, evaluation, import or export at a path has ended.
    pub async fn finished(&self, path: &str) -> Result<Value> {
        let start = Instant::now();
        loop {
            let run = self.get(path).await?.expect(200)?;
            if matches!(
                run["status"].as_str(),
                Some("succeeded" | "failed" | "cancelled")
            ) {
                return Ok(run);
            }
            ensure!(
                start.elapsed() < TRAINING_DEADLINE,
                "still not ended: {run}"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Parses an utterance.
    pub async fn parse(&self, assistant: &str, text: &str) -> Result<Value> {
        let path = format!("/api/v1/assistants/{assistant}/parse");
        self.post(&path, &json!({ "text": text }))
            .await?
            .expect(200)
    }

    /// The id of the demo assistant: the oldest, for it is imported before any test runs.
    pub async fn demo_assistant(&self) -> Result<String> {
        let mut path = "/api/v1/assistants?limit=100".to_owned();
        let mut oldest: Option<(String, String)> = None;
        loop {
            let page = self.get(&path).await?.expect(200)?;
            for item in page["items"].as_array().context("no items")? {
                let of = |key: &str| item[key].as_str().map(str::to_owned);
                let candidate = of("created_at").zip(of("id")).context("no date or id")?;
                oldest = oldest.into_iter().chain([candidate]).min();
            }
            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            path = format!("/api/v1/assistants?limit=100&cursor={cursor}");
        }
        Ok(oldest.context("there is no assistant")?.1)
    }
}

impl Answer {
    /// The body, if the status is the expected one.
    pub fn expect(self, status: u16) -> Result<Value> {
        ensure!(
            self.status == status,
            "expected {status}, got {}: {}",
            self.status,
            self.body
        );
        Ok(self.body)
    }

    /// The body, if it is a problem with this status and code.
    pub fn expect_problem(self, status: u16, code: &str) -> Result<Value> {
        ensure!(
            self.content_type == "application/problem+json",
            "{} is no problem document (status {}): {}",
            self.content_type,
            self.status,
            self.body
        );
        let body = self.expect(status)?;
        ensure!(body["code"] == code, "expected the code {code}: {body}");
        ensure!(
            body["status"] == status,
            "the status in the body differs: {body}"
        );
        ensure!(
            body["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty()),
            "no detail: {body}"
        );
        Ok(body)
    }
}

/// A client that waits for no answer longer than 30 s.
pub fn http_client() -> Result<reqwest::Client> {
    // A second caller in the same process finds the provider installed: just as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30));
    Ok(client.build()?)
}

/// Sends a request and reads the answer.
pub async fn answer(request: RequestBuilder) -> Result<Answer> {
    let response = request.send().await?;
    let status = response.status();
    let content_type = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    let content_type = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    let content_type = content_type.to_owned();
    let text = String::from_utf8_lossy(&response.bytes().await?).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer {
        status,
        content_type,
        body,
        text,
    })
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| {
        format!("{name} is not set: these tests run over a platform; `make test` brings one up")
    })
}
