//! The door: who is asking, and whether they have asked too often.

use crate::limit::{Client, Limits};
use crate::routes::Auth;
use crate::settings::Settings;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use moka::future::Cache;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::ErrorCode;
use stoa_contracts::identity::API_KEY_PREFIX;
use stoa_contracts::sessions::{CreateKeyToken, KeyToken};
use stoa_service::{Clock, Problem, TokenError, TokenVerifier};

/// A revoked key is good for this long at most; `api` makes its tokens last longer.
const KEY_TOKEN_LIFE: Duration = Duration::from_secs(30);
/// Keys that are remembered; with their tokens about 10 MB.
const KEY_TOKENS: u64 = 10_000;
/// Longer than any key of ours; nothing longer is worth a question.
const LONGEST_KEY: usize = 128;

/// Checks credentials and takes from budgets.
pub(crate) struct Door {
    verifier: TokenVerifier,
    api: ServiceClient,
    /// What a key stands for; `None` for one that `api` does not know.
    key_tokens: Cache<String, Option<Arc<str>>>,
    limits: Limits,
}

impl Door {
    /// A door with nobody in front of it yet.
    pub(crate) fn new(settings: &Settings, clock: Clock) -> anyhow::Result<Self> {
        let key_tokens = Cache::builder()
            .max_capacity(KEY_TOKENS)
            .time_to_live(KEY_TOKEN_LIFE)
            .build();
        Ok(Self {
            verifier: TokenVerifier::new(&settings.tokens, clock)?,
            api: ServiceClient::new("api", &settings.api_url, settings.internal.clone()),
            key_tokens,
            limits: Limits::new(&settings.limits)?,
        })
    }

    /// Lets a request of this client pass, or says why not. An API key in the headers becomes an
    /// access token.
    pub(crate) async fn admit(
        &self,
        auth: Auth,
        headers: &mut HeaderMap,
        address: IpAddr,
    ) -> Result<Client, Problem> {
        let client = match auth {
            Auth::None => Client::Address(address),
            Auth::Required => match self.identify(headers, address).await {
                Ok(client) => client,
                Err(refusal) => {
                    // Guessing costs from the budget of the address.
                    self.take(Client::Address(address)).await?;
                    return Err(refusal);
                }
            },
        };
        self.take(client).await?;
        Ok(client)
    }

    async fn take(&self, client: Client) -> Result<(), Problem> {
        self.limits.take(client).await.map_err(|wait| {
            // Whole seconds, rounded up: who comes back earlier is refused again.
            let wait = Duration::from_secs(wait.as_secs() + 1);
            Problem::new(ErrorCode::RateLimited, "Too many requests; slow down.").retry_after(wait)
        })
    }

    async fn identify(&self, headers: &mut HeaderMap, address: IpAddr) -> Result<Client, Problem> {
        let credential = bearer(headers).ok_or(TokenError::Missing)?.to_owned();
        let token = if credential.starts_with(API_KEY_PREFIX) {
            let token = self.exchange(&credential, address).await?;
            headers.insert(AUTHORIZATION, authorization(&token)?);
            token
        } else {
            credential.into()
        };
        let claims = self.verifier.verify(&token).await?;
        Ok(Client::Identity(claims.sub))
    }

    /// The access token that stands for an API key.
    async fn exchange(&self, key: &str, address: IpAddr) -> Result<Arc<str>, Problem> {
        if key.len() > LONGEST_KEY {
            return Err(unknown_key());
        }
        if let Some(known) = self.key_tokens.get(key).await {
            return known.ok_or_else(unknown_key);
        }
        // A key that was not seen lately is a question to `api`: not more of them than the
        // address may ask anything.
        self.take(Client::Address(address)).await?;
        let ask = async {
            let input = CreateKeyToken {
                key: key.to_owned(),
            };
            match self
                .api
                .post::<KeyToken>("/internal/v1/key-tokens", &input)
                .await
            {
                Ok(token) => Ok(Some(Arc::from(token.access_token))),
                Err(ClientError::Problem { problem, .. }) if is_refusal(problem.code) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let known = self.key_tokens.try_get_with(key.to_owned(), ask).await;
        known.map_err(|error| away(&error))?.ok_or_else(unknown_key)
    }
}

fn is_refusal(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Unauthenticated | ErrorCode::NotFound | ErrorCode::Invalid
    )
}

fn unknown_key() -> Problem {
    Problem::new(ErrorCode::Unauthenticated, "The API key is not valid.")
}

fn away(error: &ClientError) -> Problem {
    tracing::warn!(%error, "an API key cannot be exchanged");
    Problem::new(
        ErrorCode::Unavailable,
        "Keys cannot be checked at the moment; try again.",
    )
    .retry_after(Duration::from_secs(1))
}

fn authorization(token: &str) -> Result<HeaderValue, Problem> {
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value =
        value.map_err(|_| Problem::new(ErrorCode::Internal, ErrorCode::Internal.title()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The credential of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credential) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| credential.trim())
}
