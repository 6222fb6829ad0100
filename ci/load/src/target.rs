//! The platform as its clients see it: several addresses, one name, a login.

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

use crate::{Options, PATIENCE};

/// The name under which clients know the platform.
const HOST: &str = "stoa.test";
/// Keys that share the load, so that no client's rate limit is met.
const KEYS: usize = 8;
/// How long an address may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// The platform, signed in.
pub(crate) struct Target {
    /// One per first address: connections are kept, and a refused one goes to the next address.
    kept: Vec<Client>,
    /// The same, with a new connection for every request.
    fresh: Vec<Client>,
    addresses: Vec<SocketAddr>,
    port: u16,
    keys: Vec<Key>,
    pub(crate) assistant: String,
    token: String,
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
        let mut target = Self {
            kept: clients(&options.addresses, 64)?,
            fresh: clients(&options.addresses, 0)?,
            addresses: options.addresses.clone(),
            port,
            keys: Vec::new(),
            assistant: String::new(),
            token: String::new(),
        };
        let login = json!({ "email": options.email, "password": options.password });
        let session = target
            .ask(Method::POST, "/api/v1/sessions", Some(login))
            .await?;
        target.token = text(&session, "access_token")?;
        let list = target
            .ask(Method::GET, "/api/v1/assistants?limit=100", None)
            .await?;
        let items = list["items"].as_array().context("no assistants")?;
        let demo = items.iter().find(|assistant| assistant["name"] == "Demo");
        target.assistant = text(demo.context("there is no demo assistant")?, "id")?;
        for number in 0..KEYS {
            let key = json!({ "name": format!("load {number}"), "role": "editor" });
            let key = target
                .ask(Method::POST, "/api/v1/api-keys", Some(key))
                .await?;
            target.keys.push(Key {
                id: text(&key, "id")?,
                secret: text(&key, "key")?,
            });
        }
        Ok(target)
    }

    /// Revokes what `sign_in` made.
    pub(crate) async fn sign_out(&self) -> Result<()> {
        for key in &self.keys {
            self.ask(
                Method::DELETE,
                &format!("/api/v1/api-keys/{}", key.id),
                None,
            )
            .await?;
        }
        Ok(())
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

    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{HOST}:{}{path}", self.port)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.kept[0].request(method, self.url("http", path));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.with_context(|| path.to_owned())?;
        let status = response.status();
        let body = response.bytes().await?;
        ensure!(
            status.is_success(),
            "{path}: {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

/// One client per address, which comes first; the others follow where it is refused.
fn clients(addresses: &[SocketAddr], idle: usize) -> Result<Vec<Client>> {
    let build = |first: usize| {
        let mut addresses = addresses.to_vec();
        addresses.rotate_left(first);
        let builder = Client::builder()
            .resolve_to_addrs(HOST, &addresses)
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            .pool_max_idle_per_host(idle)
            .pool_idle_timeout(Duration::from_secs(20))
            .no_proxy();
        Ok(builder.build()?)
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
