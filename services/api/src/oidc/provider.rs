//! The provider: what it says of itself, its keys, and its answers.

use jsonwebtoken::{DecodingKey, jwk::JwkSet};
use reqwest::{Client, RequestBuilder, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use stoa_config::ExposeSecret as _;
use stoa_service::Clock;
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use super::{OidcError, OidcSettings};

/// How long what the provider says of itself holds.
const KEPT: Duration = Duration::hours(1);
/// How often a token with a key that we do not know makes us look for new keys.
const KEYS_AGAIN: Duration = Duration::seconds(10);
/// How long an answer may take; a person is waiting.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
/// The largest answer, in bytes.
const LARGEST: usize = 256 << 10;

/// What the discovery document says that we need.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Discovery {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

struct Known {
    discovery: Discovery,
    discovered: OffsetDateTime,
    keys: JwkSet,
    keys_read: OffsetDateTime,
}

/// A provider over HTTP, with what it said lately.
pub(super) struct Provider {
    pub(super) settings: OidcSettings,
    clock: Clock,
    http: Client,
    known: Mutex<Option<Known>>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Provider {
    pub(super) fn new(settings: OidcSettings, clock: Clock) -> Self {
        // The service kit has done this already; tests may not have. A second call is no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .user_agent(concat!("Stoa/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("the options are constant, and this set builds");
        Self {
            settings,
            clock,
            http,
            known: Mutex::new(None),
        }
    }

    /// What the provider says of itself.
    pub(super) async fn discovery(&self) -> Result<Discovery, OidcError> {
        let mut known = self.known.lock().await;
        self.refresh(&mut known).await?;
        let known = known.as_ref().ok_or(OidcError::Discovery)?;
        Ok(known.discovery.clone())
    }

    /// The key of this name. One that is not known yet may be new.
    pub(super) async fn key(&self, kid: Option<&str>) -> Result<DecodingKey, OidcError> {
        let mut known = self.known.lock().await;
        self.refresh(&mut known).await?;
        let (known, now) = (
            known.as_mut().ok_or(OidcError::Discovery)?,
            self.clock.now(),
        );
        if find(&known.keys, kid).is_none() && known.keys_read + KEYS_AGAIN <= now {
            known.keys = self.read(self.http.get(&known.discovery.jwks_uri)).await?;
            known.keys_read = now;
        }
        find(&known.keys, kid).ok_or(OidcError::Token("it names a key that is not known"))
    }

    /// Buys an id token with the code that the provider gave the browser.
    pub(super) async fn exchange(&self, code: &str, verifier: &str) -> Result<String, OidcError> {
        let discovery = self.discovery().await?;
        let settings = &self.settings;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &settings.redirect_url),
            ("code_verifier", verifier),
        ];
        let mut request = self.http.post(&discovery.token_endpoint);
        if let Some(secret) = &settings.client_secret {
            // RFC 6749, 2.3.1: both are encoded as in a form first.
            let [id, secret] = [&settings.client_id, secret.expose_secret()].map(encoded);
            request = request.basic_auth(id, Some(secret));
        } else {
            form.push(("client_id", &settings.client_id));
        }
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        Ok(self.read::<Tokens>(request).await?.id_token)
    }

    async fn refresh(&self, known: &mut Option<Known>) -> Result<(), OidcError> {
        let now = self.clock.now();
        let fresh = |known: &Known| known.discovered + KEPT > now;
        if known.as_ref().is_some_and(fresh) {
            return Ok(());
        }
        let base = self.settings.issuer.trim_end_matches('/');
        let place = format!("{base}/.well-known/openid-configuration");
        let discovery: Discovery = self.read(self.http.get(place)).await?;
        if discovery.issuer != self.settings.issuer {
            return Err(OidcError::Issuer(discovery.issuer));
        }
        let keys = self.read(self.http.get(&discovery.jwks_uri)).await?;
        *known = Some(Known {
            discovery,
            discovered: now,
            keys,
            keys_read: now,
        });
        Ok(())
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, OidcError> {
        let mut response = request.header("accept", "application/json").send().await?;
        let status = response.status();
        if status.is_client_error() {
            return Err(OidcError::Refused(status));
        }
        let mut response_body = Vec::new();
        response.error_for_status_ref()?;
        while let Some(piece) = response.chunk().await? {
            if response_body.len() + piece.len() > LARGEST {
                return Err(OidcError::Large);
            }
            response_body.extend_from_slice(&piece);
        }
        Ok(serde_json::from_slice(&response_body)?)
    }
}

/// The key that a token names; one that names none is of the only key, if there is only one.
fn find(keys: &JwkSet, kid: Option<&str>) -> Option<DecodingKey> {
    let jwk = match (kid, keys.keys.as_slice()) {
        (Some(kid), _) => keys.find(kid)?,
        (None, [only]) => only,
        (None, _) => return None,
    };
    DecodingKey::from_jwk(jwk).ok()
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
