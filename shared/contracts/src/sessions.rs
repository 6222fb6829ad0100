//! Sign-in, and the keys of machine clients.

use crate::identity::{Role, Scope};
use crate::text::{check_storable, check_title};
use garde::Validate;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Input of `create_session`.
#[derive(Clone, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// The e-mail address of the user.
    #[garde(length(chars, min = 1, max = 254), custom(check_storable))]
    #[schema(min_length = 1, max_length = 254, example = "demo@stoa.localhost")]
    pub email: String,
    /// The password of the user.
    #[garde(length(chars, min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200, format = Password)]
    pub password: String,
}

impl std::fmt::Debug for CreateSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateSession")
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

/// Input of `refresh_session`.
#[derive(Clone, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshSession {
    /// The refresh token of the last answer; each is good for one use.
    #[garde(length(chars, min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    pub refresh_token: String,
}

/// Whether people sign in through an OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct OidcStatus {
    /// Whether they can.
    pub enabled: bool,
    /// What the provider is called.
    pub name: Option<String>,
}

/// A sign-in that has begun at the provider.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
pub struct OidcAuthorization {
    /// Where the browser goes.
    pub url: String,
    /// What it shows when it comes back; to be kept where no other page can read it.
    pub ticket: String,
}

/// Input of `create_oidc_session`.
#[derive(Clone, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOidcSession {
    /// The `code` with which the provider led back.
    #[garde(length(bytes, min = 1, max = 4096))]
    #[schema(min_length = 1, max_length = 4096)]
    pub code: String,
    /// The `state` with which it did.
    #[garde(length(chars, min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    pub state: String,
    /// The ticket of the sign-in that has begun.
    #[garde(length(chars, min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    pub ticket: String,
}

/// A session: a short access token and the means to renew it.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
pub struct Session {
    /// Goes into `Authorization: Bearer`.
    pub access_token: String,
    /// Buys the next session, once.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
}

/// A session that has not ended, as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct OpenSession {
    /// The session's id.
    pub id: Uuid,
    /// When the user signed in.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was begun or last renewed; one in use is renewed every 15 minutes.
    #[serde(with = "time::serde::rfc3339")]
    pub last_used_at: OffsetDateTime,
    /// The program that used it last, as it calls itself.
    pub user_agent: Option<String>,
    /// The network address that used it last.
    pub address: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// The signed-in user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Me {
    /// The user or API key.
    pub id: Uuid,
    /// The e-mail address; null for an API key.
    pub email: Option<String>,
    /// The account.
    pub account_id: Uuid,
    /// The account's name.
    pub account_name: String,
    /// What the user may do.
    pub role: Role,
}

/// Input of `create_api_key`.
#[derive(Clone, Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// What the key is for: one line, and more than spaces.
    #[garde(length(chars, min = 1, max = 100), custom(check_title))]
    #[schema(min_length = 1, max_length = 100, example = "Web chat")]
    pub name: String,
    /// What the key may do.
    #[garde(skip)]
    pub role: Role,
    /// The one assistant that the key is good for; the Rasa-compatible routes need it.
    #[garde(skip)]
    #[serde(default)]
    pub assistant_id: Option<Uuid>,
    /// What the key is for; everything, if it is left out.
    #[garde(inner(length(min = 1, max = 3)))]
    #[schema(min_items = 1, max_items = 3)]
    #[serde(default)]
    pub scopes: Option<Vec<Scope>>,
    /// When it stops being good; never, if it is left out.
    #[garde(skip)]
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

/// An API key without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ApiKey {
    /// The key's id.
    pub id: Uuid,
    /// What the key is for.
    pub name: String,
    /// The first characters, to recognise it by.
    pub prefix: String,
    /// What the key may do.
    pub role: Role,
    /// The one assistant that it is good for.
    pub assistant_id: Option<Uuid>,
    /// What the key is for.
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it stops being good.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// When it was last used, give or take a minute.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
}

/// A new API key; the only time that its secret is shown.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
pub struct CreatedApiKey {
    /// The key without its secret.
    #[serde(flatten)]
    pub api_key: ApiKey,
    /// The secret; goes into `Authorization: Bearer`.
    pub key: String,
}

/// Internal: the gateway buys an access token with an API key.
#[derive(Clone, Deserialize, Serialize)]
pub struct CreateKeyToken {
    /// The API key as it came.
    pub key: String,
}

/// Internal: the access token that stands for an API key.
#[derive(Clone, Deserialize, Serialize)]
pub struct KeyToken {
    /// An access token.
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: u64,
}

/// Internal: the route on which `api` tells what was revoked.
pub const REVOCATIONS_PATH: &str = "/internal/v1/revocations";

/// Internal: from where on the gateway wants to know what was revoked.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct RevocationsAfter {
    /// `next` of the last answer; 0 for all that matters yet.
    #[serde(default)]
    pub after: i64,
    /// Seconds to wait if nothing was revoked since, 20 at most.
    #[serde(default)]
    pub wait: u64,
}

/// Internal: sessions and API keys that were revoked. Access tokens with their id as `sid` are no longer good, nor is
/// what a gateway remembers of a key. An id may be forgotten after 20 minutes: no token is left by then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Revocations {
    /// Where the next question begins; it is asked at once.
    pub next: i64,
    /// The ids.
    pub revoked: Vec<Uuid>,
}
