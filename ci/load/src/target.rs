//! The platform as its clients see it: several addresses, one name, a login.

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

use crate::transport::Transport;
use crate::{Options, PATIENCE};

/// The name under which clients know the platform.
pub const HOST: &str = "stoa.test";
/// Keys that share the load, so that no client's rate limit is met.
const KEYS: usize = 8;
/// How long a connection is kept without use: what the edge allows (`Keep-Alive: timeout=10`).
const IDLE: Duration = Duration::from_secs(10);
/// How long an address may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// The platform, signed in.
pub(crate) struct Target {
    /// One per first address: connections are kept, and a refused one goes to the next address.
    kept: Vec<Client>,
    /// The same, with a new connection for every request.
    fresh: Vec<Client>,
    addresses: Vec<SocketAddr>,
    pub(crate) transport: Transport,
    port: u16,
    keys: Vec<Key>,
    pub(crate) assistant: String,
    /// Assistants of this load, to be trained.
    trained: Vec<String>,
    login: Value,
}

struct Key {
    id: String,
    secret: String,
}

impl Target {
    pub(crate) async fn sign_in(options: &Options) -> Result<Self> {
        // A second caller in the same process finds the provider installed: just as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = options.addresses.first().context("no address")?.port();
        let transport = Transport::of(options.authority.as_deref())?;
        let mut target = Self {
            kept: clients(&options.addresses, &transport, 64)?,
            fresh: clients(&options.addresses, &transport, 0)?,
            addresses: options.addresses.clone(),
            transport,
            port,
            keys: Vec::new(),
            assistant: String::new(),
            trained: Vec::new(),
            login: json!({ "email": options.email, "password": options.password }),
        };
        let session = target.session().await?;
        let list = session
            .ask(Method::GET, "/api/v1/assistants?limit=100", &Value::Null)
            .await?;
        let items = list["items"].as_array().context("no assistants")?;
        let demo = items.iter().find(|assistant| assistant["name"] == "Demo");
        let assistant = text(demo.context("there is no demo assistant")?, "id")?;
        let mut keys = Vec::new();
        for number in 0..KEYS {
            let key = json!({ "name": format!("load {number}"), "role": "editor" });
            let key = session.ask(Method::POST, "/api/v1/api-keys", &key).await?;
            keys.push(Key {
                id: text(&key, "id")?,
                secret: text(&key, "key")?,
            });
        }
        let mut trained = Vec::new();
        for number in 0..options.jobs {
            let name = format!("load {number} {}", uuid::Uuid::now_v7());
            let assistant = json!({ "name": name });
            let assistant = session.ask(Method::POST, "/api/v1/assistants", &assistant);
            let assistant = text(&assistant.await?, "id")?;
            let path = format!("/api/v1/assistants/{assistant}/training-data");
            session.ask(Method::PUT, &path, &training_data()).await?;
            trained.push(assistant);
        }
        target.assistant = assistant;
        target.keys = keys;
        target.trained = trained;
        Ok(target)
    }

    /// Removes what `sign_in` made.
    pub(crate) async fn sign_out(&self) -> Result<()> {
        let session = self.session().await?;
        let keys = self.keys.iter();
        let keys = keys.map(|key| format!("/api/v1/api-keys/{}", key.id));
        let trained = self.trained.iter();
        let trained = trained.map(|id| format!("/api/v1/assistants/{id}"));
        for path in trained.chain(keys) {
            session.ask(Method::DELETE, &path, &Value::Null).await?;
        }
        Ok(())
    }

    /// A session of its own: a load may last longer than one.
    async fn session(&self) -> Result<Session<'_>> {
        let path = "/api/v1/sessions";
        let request = self.kept[0].request(Method::POST, self.url("http", path));
        let session = accepted(request.json(&self.login), path).await?;
        Ok(Session {
            target: self,
            token: text(&session, "access_token")?,
        })
    }

    /// Asks under the key of request `number`; a null body is none.
    pub(crate) async fn json(
        &self,
        number: u64,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Value> {
        let request = self.request(number, false, method, path);
        accepted(with_body(request, body), path).await
    }

    /// The assistant that is trained by job `number`.
    pub(crate) fn trained(&self, number: u64) -> &str {
        &self.trained[index(number, self.trained.len())]
    }

    /// Request number `number` of the load, not sent yet.
    pub(crate) fn request(
        &self,
        number: u64,
        fresh: bool,
        method: Method,
        path: &str,
    ) -> RequestBuilder {
        let clients = if fresh { &self.fresh } else { &self.kept };
        clients[index(number, clients.len())]
            .request(method, self.url("http", path))
            .bearer_auth(self.key(number))
    }

    /// The secret that request or conversation `number` uses.
    pub(crate) fn key(&self, number: u64) -> &str {
        &self.keys[index(number, self.keys.len())].secret
    }

    /// The address that attempt `number` goes to.
    pub(crate) fn address(&self, number: u64) -> SocketAddr {
        self.addresses[index(number, self.addresses.len())]
    }

    /// `protocol` is `http` or `ws`.
    pub(crate) fn url(&self, protocol: &str, path: &str) -> String {
        let secure = self.transport.suffix();
        format!("{protocol}{secure}://{HOST}:{}{path}", self.port)
    }
}

/// The platform as its user sees it after signing in.
struct Session<'t> {
    target: &'t Target,
    token: String,
}

impl Session<'_> {
    async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let Self { target, token } = self;
        let request = target.kept[0].request(method, target.url("http", path));
        accepted(with_body(request.bearer_auth(token), body), path).await
    }
}

fn with_body(request: RequestBuilder, body: &Value) -> RequestBuilder {
    if body.is_null() {
        return request;
    }
    request.json(body)
}

/// The body of a good answer.
async fn accepted(request: RequestBuilder, path: &str) -> Result<Value> {
    let response = request.send().await.with_context(|| path.to_owned())?;
    let status = response.status();
    let body = response.bytes().await?;
    let text = String::from_utf8_lossy(&body);
    ensure!(status.is_success(), "{path}: {status}: {text}");
    Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// Enough to train something.
fn training_data() -> Value {
    let examples = [
        ("hello there", "greet"),
        ("good morning", "greet"),
        ("goodbye", "leave"),
        ("see you later", "leave"),
    ];
    let examples = examples.map(|(text, intent)| json!({ "text": text, "intent": intent }));
    json!({ "examples": examples })
}

/// One client per address, which comes first; the others follow where it is refused.
fn clients(addresses: &[SocketAddr], transport: &Transport, idle: usize) -> Result<Vec<Client>> {
    let build = |first: usize| {
        let mut addresses = addresses.to_vec();
        addresses.rotate_left(first);
        let builder = Client::builder()
            .resolve_to_addrs(HOST, &addresses)
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            .pool_max_idle_per_host(idle)
            .pool_idle_timeout(IDLE)
            .no_proxy();
        Ok(transport.trusted(builder).build()?)
    };
    (0..addresses.len()).map(build).collect()
}

fn index(number: u64, length: usize) -> usize {
    usize::try_from(number).unwrap_or_default() % length
}

fn text(value: &Value, key: &str) -> Result<String> {
    let text = value[key].as_str();
    Ok(text
        .with_context(|| format!("no `{key}` in {value}"))?
        .to_owned())
}
