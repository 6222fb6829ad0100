//! The door: who is asking, and whether they have asked too often.

use crate::limit::{Client, Limits};
use crate::revoked::Revoked;
use crate::routes::{Auth, LimitBy, Route, RouteLimit};
use crate::settings::Settings;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use moka::future::Cache;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::ErrorCode;
use stoa_contracts::identity::{API_KEY_PREFIX, Claims};
use stoa_contracts::sessions::{CreateKeyToken, KeyToken};
use stoa_service::{Clock, Problem, TokenError, TokenVerifier};
use uuid::Uuid;

/// How long a key's token is remembered; `api` makes them last longer. A key that is revoked is refused before that.
const KEY_TOKEN_LIFE: Duration = Duration::from_secs(30);
/// Keys that are remembered; with their tokens about 10 MB.
const KEY_TOKENS: u64 = 10_000;
/// Longer than any key of ours; nothing longer is worth a question.
const LONGEST_KEY: usize = 128;

/// What a request must meet at the door.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'r> {
    auth: Auth,
    limit: Option<&'r RouteLimit>,
}

impl<'r> Terms<'r> {
    /// Those of a route.
    pub(crate) fn of(route: &'r Route) -> Self {
        Self {
            auth: route.auth,
            limit: route.limit.as_ref(),
        }
    }

    /// For everybody, within the budget that each has.
    pub(crate) const EVERYBODY: Self = Self {
        auth: Auth::None,
        limit: None,
    };
}

/// Who has been let in.
pub(crate) struct Guest {
    pub(crate) client: Client,
    /// The session or API key that they came with.
    pub(crate) session: Option<Uuid>,
}

/// Checks credentials and takes from budgets.
pub(crate) struct Door {
    verifier: TokenVerifier,
    revoked: Revoked,
    api: ServiceClient,
    /// What a key stands for; `None` for one that `api` does not know.
    key_tokens: Cache<String, Option<Arc<str>>>,
    limits: Limits,
}

impl Door {
    /// A door with nobody in front of it yet.
    pub(crate) fn new(settings: &Settings, revoked: Revoked, clock: Clock) -> anyhow::Result<Self> {
        let key_tokens = Cache::builder()
            .max_capacity(KEY_TOKENS)
            .time_to_live(KEY_TOKEN_LIFE)
            .build();
        Ok(Self {
            verifier: TokenVerifier::new(&settings.tokens, clock)?,
            revoked,
            api: ServiceClient::new("api", &settings.api_url, settings.internal.clone()),
            key_tokens,
            limits: Limits::new(&settings.limits)?,
        })
    }

    /// What was revoked.
    pub(crate) fn revoked(&self) -> Revoked {
        self.revoked.clone()
    }

    /// Lets a request of this client pass, or says why not. An API key in the headers becomes an
    /// access token.
    pub(crate) async fn admit(
        &self,
        terms: Terms<'_>,
        headers: &mut HeaderMap,
        address: IpAddr,
    ) -> Result<Guest, Problem> {
        let (client, account, session) = match terms.auth {
            Auth::None => (Client::at(address), None, None),
            Auth::Required => match self.identify(headers, address).await {
                Ok(claims) => {
                    let account = Client::Account(claims.account);
                    (Client::Identity(claims.sub), Some(account), claims.sid)
                }
                Err(refusal) => {
                    // Guessing costs from the budget of the address.
                    self.take(Client::at(address)).await?;
                    return Err(refusal);
                }
            },
        };
        match account {
            Some(account) => refuse(self.limits.take_with(client, account).await)?,
            None => self.take(client).await?,
        }
        if let Some(limit) = terms.limit {
            let of_route = match limit.by {
                LimitBy::Identity => client,
                LimitBy::Account => account.unwrap_or(client),
                LimitBy::Address => Client::at(address),
            };
            refuse(self.limits.take_of(limit, of_route).await)?;
        }
        Ok(Guest { client, session })
    }

    async fn take(&self, client: Client) -> Result<(), Problem> {
        refuse(self.limits.take(client).await)
    }

    async fn identify(
        &self,
        headers: &mut HeaderMap,
        address: IpAddr,
    ) -> Result<Arc<Claims>, Problem> {
        let credential = bearer(headers).ok_or(TokenError::Missing)?;
        let claims = if credential.starts_with(API_KEY_PREFIX) {
            let key = credential.to_owned();
            // In a box: few requests come with a key, and every connection would have room for this.
            let token = Box::pin(self.exchange(&key, address)).await?;
            headers.insert(AUTHORIZATION, authorization(&token)?);
            self.verifier.verify_now(&token)?
        } else {
            self.verifier.verify_now(credential)?
        };
        if claims.sid.is_some_and(|id| self.revoked.has(id)) {
            let detail = "The session or key was revoked.";
            return Err(Problem::new(ErrorCode::Unauthenticated, detail));
        }
        Ok(claims)
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
        self.take(Client::at(address)).await?;
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

fn refuse(taken: Result<(), Duration>) -> Result<(), Problem> {
    taken.map_err(|wait| {
        // Whole seconds, rounded up: who comes back earlier is refused again.
        let wait = Duration::from_secs(wait.as_secs() + 1);
        Problem::new(ErrorCode::RateLimited, "Too many requests; slow down.").retry_after(wait)
    })
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
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    // What `to_str` asks of each byte of a header's value; a token has hundreds of them.
    let value = std::str::from_utf8(value).ok();
    let (scheme, credential) = value.filter(|value| value.is_ascii())?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| credential.trim())
}
