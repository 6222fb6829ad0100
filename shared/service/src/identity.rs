//! Who is asking.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{HeaderMap, header, request::Parts};
use stoa_contracts::{
    ErrorCode,
    identity::{Claims, Role, Scope},
};
use uuid::Uuid;

use crate::{Problem, TokenError, TokenVerifier};

/// Who is asking, from a verified access token. Take it as an argument of the handler; the
/// service needs [`App::identity`](crate::App::identity).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user, or the API key.
    pub subject: Uuid,
    /// The account whose data may be seen.
    pub account: Uuid,
    /// What may be done to it.
    pub role: Role,
    /// The one assistant that the token is good for, if it is narrowed so.
    pub assistant: Option<Uuid>,
    /// What the key is for, if it is narrowed so.
    pub scopes: Option<Vec<Scope>>,
    /// The session or the API key, which can be revoked; none in a token of an earlier release.
    pub session: Option<Uuid>,
}

/// What the routes of a service are for; a token with other scopes is refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purpose(pub(crate) Scope);

impl Purpose {
    fn check(self, claims: &Claims) -> Result<(), Problem> {
        let Some(scopes) = &claims.scopes else {
            return Ok(());
        };
        if scopes.contains(&self.0) {
            return Ok(());
        }
        let detail = format!("This takes a key with the scope `{}`.", self.0.as_str());
        Err(Problem::new(ErrorCode::Forbidden, detail))
    }
}

impl Identity {
    /// Refuses a lesser role.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        if self.role >= role {
            return Ok(());
        }
        let detail = format!("This takes the role `{}`.", role.as_str());
        Err(Problem::new(ErrorCode::Forbidden, detail))
    }

    /// Refuses another assistant than the one that the token is narrowed to.
    pub fn require_assistant(&self, id: Uuid) -> Result<(), Problem> {
        match self.assistant {
            Some(own) if own != id => Err(Problem::not_found("assistant")),
            _ => Ok(()),
        }
    }

    /// Refuses a token that is narrowed to an assistant: what belongs to the account is not for it.
    pub fn require_whole_account(&self) -> Result<(), Problem> {
        if self.assistant.is_none() {
            return Ok(());
        }
        let detail =
            "This token is good for one assistant only; this belongs to the whole account.";
        Err(Problem::new(ErrorCode::Forbidden, detail))
    }

    /// Whether it is for that, too.
    pub fn has_scope(&self, scope: Scope) -> bool {
        self.scopes
            .as_ref()
            .is_none_or(|scopes| scopes.contains(&scope))
    }
}

impl From<&Claims> for Identity {
    fn from(claims: &Claims) -> Self {
        Self {
            subject: claims.sub,
            account: claims.account,
            role: claims.role,
            assistant: claims.assistant,
            scopes: claims.scopes.clone(),
            session: claims.sid,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let token = bearer(&parts.headers).ok_or(TokenError::Missing)?;
        let Some(verifier) = parts.extensions.get::<TokenVerifier>() else {
            tracing::error!("a handler takes Identity, but the service lacks App::identity");
            return Err(Problem::new(
                ErrorCode::Internal,
                ErrorCode::Internal.title(),
            ));
        };
        let claims = verifier.verify_now(token)?;
        if let Some(purpose) = parts.extensions.get::<Purpose>() {
            purpose.check(&claims)?;
        }
        Ok(claims.as_ref().into())
    }
}

/// `Option<Identity>`: a request without a token is fine, one with a bad token is not.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
            .map(Some)
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
