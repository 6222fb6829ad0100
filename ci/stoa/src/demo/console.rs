//! The public API, in the verbs of the demo.

use anyhow::{Context as _, anyhow};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::time::Duration;
use stoa_contracts::assistants::Assistant;
use stoa_contracts::identity::Role;
use stoa_contracts::sessions::{ApiKey, CreatedApiKey, Session};
use stoa_contracts::trainings::Training;
use stoa_contracts::{Page, Problem};
use uuid::Uuid;

/// A training's upload is the longest call.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A signed-in user of the platform.
pub(super) struct Console {
    http: reqwest::Client,
    url: String,
    token: String,
}

/// One line of the Rasa-compatible REST channel.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    text: String,
}

impl Console {
    /// Signs in.
    pub(super) async fn sign_in(url: &str, email: &str, password: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        let mut console = Self {
            http,
            url: url.trim_end_matches('/').into(),
            token: String::new(),
        };
        let credentials = json!({ "email": email, "password": password });
        let request = console
            .request(Method::POST, "/api/v1/sessions")
            .json(&credentials);
        let session: Session = answer(request).await.context("cannot sign in")?;
        console.token = session.access_token;
        Ok(console)
    }

    /// One page of the assistants.
    pub(super) async fn assistants(&self, cursor: &str) -> anyhow::Result<Page<Assistant>> {
        let request = self.request(Method::GET, "/api/v1/assistants");
        let request = if cursor.is_empty() {
            request
        } else {
            request.query(&[("cursor", cursor)])
        };
        answer(request).await.context("cannot list the assistants")
    }

    /// Creates an English assistant.
    pub(super) async fn create_assistant(&self, name: &str) -> anyhow::Result<Assistant> {
        let request = self.request(Method::POST, "/api/v1/assistants");
        let understanding = json!({"ambiguity_margin": 0.1});
        let input = json!({"name": name, "language": "en", "understanding": understanding});
        answer(request.json(&input))
            .await
            .context("cannot create the assistant")
    }

    /// Uploads a YAML document.
    pub(super) async fn put_yaml(&self, path: &str, text: &'static str) -> anyhow::Result<()> {
        let request = self
            .request(Method::PUT, path)
            .header("content-type", "application/yaml");
        send(request.body(text))
            .await
            .with_context(|| format!("cannot upload to {path}"))?;
        Ok(())
    }

    /// Starts a training.
    pub(super) async fn create_training(&self, assistant: Uuid) -> anyhow::Result<Training> {
        let path = format!("/api/v1/assistants/{assistant}/trainings");
        let request = self.request(Method::POST, &path).json(&json!({}));
        answer(request).await.context("cannot start the training")
    }

    /// How far a training is.
    pub(super) async fn training(&self, id: Uuid) -> anyhow::Result<Training> {
        let request = self.request(Method::GET, &format!("/api/v1/trainings/{id}"));
        answer(request)
            .await
            .context("cannot see how far the training is")
    }

    /// Makes a key for talking to one assistant, in place of those of the same name.
    pub(super) async fn replace_api_key(
        &self,
        name: &str,
        assistant: Uuid,
    ) -> anyhow::Result<String> {
        let path = "/api/v1/api-keys";
        let list = self.request(Method::GET, path).query(&[("limit", "100")]);
        let keys: Page<ApiKey> = answer(list).await.context("cannot list the API keys")?;
        for old in keys.items.iter().filter(|key| key.name == name) {
            send(self.request(Method::DELETE, &format!("{path}/{}", old.id))).await?;
        }
        let input = json!({ "name": name, "role": Role::Viewer, "assistant_id": assistant });
        let request = self.request(Method::POST, path).json(&input);
        let created: CreatedApiKey = answer(request).await.context("cannot make an API key")?;
        Ok(created.key)
    }

    /// Whether a key, if there is one, is good for an assistant.
    pub(super) async fn lets_in(&self, key: &str, assistant: Uuid) -> anyhow::Result<bool> {
        let url = format!("{}/api/v1/assistants/{assistant}", self.url);
        let response = self.http.get(url).bearer_auth(key).send().await?;
        Ok(!key.is_empty() && response.status().is_success())
    }

    /// Says something to the assistant of the key; a new conversation each time.
    pub(super) async fn say(&self, key: &str, text: &str) -> anyhow::Result<Vec<String>> {
        let url = format!("{}/webhooks/rest/webhook", self.url);
        let sender = format!("demo-{}", Uuid::new_v4());
        let body = json!({ "sender": sender, "message": text });
        let lines: Vec<Line> = answer(self.http.post(url).bearer_auth(key).json(&body)).await?;
        Ok(lines
            .into_iter()
            .map(|line| line.text)
            .filter(|text| !text.is_empty())
            .collect())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        if self.token.is_empty() {
            request
        } else {
            request.bearer_auth(&self.token)
        }
    }
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> anyhow::Result<T> {
    Ok(send(request).await?.json().await?)
}

/// Sends a request; a problem becomes an error that says what the platform said.
async fn send(request: RequestBuilder) -> anyhow::Result<reqwest::Response> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.text().await.unwrap_or_default();
    let said = match serde_json::from_str::<Problem>(&body) {
        Ok(problem) => {
            let places = problem.errors.iter().map(|place| format!("; {place:?}"));
            format!("{}{}", problem.detail, places.collect::<String>())
        }
        Err(_) => body.chars().take(300).collect(),
    };
    Err(anyhow!("{status}: {said}"))
}
