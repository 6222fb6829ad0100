//! Access tokens: short, signed. Refresh tokens are in [`crate::sessions`].

use stoa_config::SecretString;
use stoa_contracts::identity::{Claims, ISSUER, Role, Scope};
use stoa_service::{Clock, TokenError, TokenSettings, TokenSigner, TokenVerifier};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long an access token lives.
pub(crate) const ACCESS_TTL: Duration = Duration::minutes(15);
/// How long the access token that stands for an API key lives.
pub(crate) const KEY_TTL: Duration = Duration::minutes(5);

/// Signs access tokens, and knows the key with which all others verify them.
#[derive(Clone)]
pub(crate) struct Tokens(TokenSigner);

/// Who an access token is for.
#[derive(Debug, Clone)]
pub(crate) struct Bearer {
    pub(crate) subject: Uuid,
    pub(crate) account: Uuid,
    pub(crate) role: Role,
    pub(crate) assistant: Option<Uuid>,
    /// What it is for, if it is narrowed so.
    pub(crate) scopes: Option<Vec<Scope>>,
    /// The session or the API key, which can be revoked.
    pub(crate) sid: Uuid,
}

impl Tokens {
    pub(crate) fn new(signing_key: &SecretString) -> Result<Self, TokenError> {
        TokenSigner::new(signing_key).map(Self)
    }

    /// Verifies what this signs, and what was signed with a key in `others`: the one before, the one to come.
    pub(crate) fn verifier(
        &self,
        others: &TokenSettings,
        clock: Clock,
    ) -> Result<TokenVerifier, TokenError> {
        TokenVerifier::new(&self.0.verified_beside(others)?, clock)
    }

    /// An access token that is good from now on for `ttl`.
    pub(crate) fn access(
        &self,
        bearer: Bearer,
        now: OffsetDateTime,
        ttl: Duration,
    ) -> Result<String, TokenError> {
        self.0.sign(&Claims {
            sub: bearer.subject,
            account: bearer.account,
            role: bearer.role,
            assistant: bearer.assistant,
            scopes: bearer.scopes,
            sid: Some(bearer.sid),
            iss: ISSUER.to_owned(),
            iat: now.unix_timestamp(),
            exp: (now + ttl).unix_timestamp(),
        })
    }
}
