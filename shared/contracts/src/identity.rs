//! Who is asking: roles and the claims of an access token.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a user or a key may do; a greater role may do all that a lesser one may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads, parses and converses.
    Viewer,
    /// Changes assistants and starts trainings as well.
    Editor,
    /// Manages users and API keys as well.
    Owner,
}

impl Role {
    /// The role as it is stored and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }
}

/// What a key is for. It narrows a role: a key may do what both its role and its scopes allow.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Has utterances parsed.
    Parse,
    /// Holds conversations and reads them.
    Converse,
    /// Everything else: assistants, data, trainings, jobs, keys.
    Manage,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 3] = [Self::Parse, Self::Converse, Self::Manage];

    /// The scope as it is stored and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Converse => "converse",
            Self::Manage => "manage",
        }
    }
}

/// The claims of an access token (JWT, `EdDSA`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user, or the API key, that is asking.
    pub sub: Uuid,
    /// The account whose data may be seen.
    pub account: Uuid,
    /// What may be done to it.
    pub role: Role,
    /// The one assistant that the token is good for, if it is narrowed so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assistant: Option<Uuid>,
    /// What the token is for; without it, for all that the role may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Scope>>,
    /// What can be revoked: the session that the token belongs to, or the API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// Always [`ISSUER`].
    pub iss: String,
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Expires at, Unix seconds.
    pub exp: i64,
}

/// The issuer in every access token.
pub const ISSUER: &str = "stoa";

/// How an API key starts, so that a leaked one is recognised by scanners.
pub const API_KEY_PREFIX: &str = "stoa_";
