//! Sign-in, and the keys of machine clients.

use crate::identity::Role;
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
    #[garde(length(chars, min = 1, max = 254))]
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
    /// What the key is for.
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100, example = "Web chat")]
    pub name: String,
    /// What the key may do.
    #[garde(skip)]
    pub role: Role,
    /// The one assistant that the key is good for; the Rasa-compatible routes need it.
    #[garde(skip)]
    #[serde(default)]
    pub assistant_id: Option<Uuid>,
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
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
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
