//! Access tokens (short, signed) and refresh tokens (long, stored, good for one use).

use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, spki::der::pem::LineEnding},
};
use sqlx::PgPool;
use stoa_config::{ExposeSecret as _, SecretString};
use stoa_contracts::{
    Coded, ErrorCode,
    identity::{Claims, ISSUER, Role},
};
use stoa_postgres::{DatabaseError, traced};
use stoa_service::{Clock, TokenError, TokenSettings, TokenSigner, TokenVerifier};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::secrets;

/// How long an access token lives: it cannot be revoked, so this is how long a lost one is good.
pub(crate) const ACCESS_TTL: Duration = Duration::minutes(15);
/// How long the access token that stands for an API key lives.
pub(crate) const KEY_TTL: Duration = Duration::minutes(5);
/// How long a refresh token waits to be used.
const REFRESH_TTL: Duration = Duration::days(30);

/// Why the signing key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokensError {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("TOKEN_SIGNING_KEY is not an Ed25519 key in PEM (PKCS#8)")]
    Key(#[source] ed25519_dalek::pkcs8::Error),
    #[error("the public half of TOKEN_SIGNING_KEY cannot be written")]
    PublicKey(#[source] ed25519_dalek::pkcs8::spki::Error),
}

/// Signs access tokens, and knows the key with which all others verify them.
#[derive(Clone)]
pub(crate) struct Tokens {
    signer: TokenSigner,
    verifying_key: SecretString,
}

/// Who an access token is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bearer {
    pub(crate) subject: Uuid,
    pub(crate) account: Uuid,
    pub(crate) role: Role,
    pub(crate) assistant: Option<Uuid>,
}

impl Tokens {
    pub(crate) fn new(signing_key: &SecretString) -> Result<Self, TokensError> {
        let key = SigningKey::from_pkcs8_pem(signing_key.expose_secret());
        let public = key.map_err(TokensError::Key)?.verifying_key();
        let public = public
            .to_public_key_pem(LineEnding::LF)
            .map_err(TokensError::PublicKey)?;
        Ok(Self {
            signer: TokenSigner::new(signing_key)?,
            verifying_key: public.into(),
        })
    }

    /// Verifies what this signs.
    pub(crate) fn verifier(&self, clock: Clock) -> Result<TokenVerifier, TokenError> {
        TokenVerifier::new(
            &TokenSettings {
                verifying_key: self.verifying_key.clone(),
            },
            clock,
        )
    }

    /// An access token that is good from now on for `ttl`.
    pub(crate) fn access(
        &self,
        bearer: Bearer,
        now: OffsetDateTime,
        ttl: Duration,
    ) -> Result<String, TokenError> {
        self.signer.sign(&Claims {
            sub: bearer.subject,
            account: bearer.account,
            role: bearer.role,
            assistant: bearer.assistant,
            iss: ISSUER.to_owned(),
            iat: now.unix_timestamp(),
            exp: (now + ttl).unix_timestamp(),
        })
    }
}

/// Why a refresh token buys nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RefreshError {
    #[error("The refresh token is not valid; sign in again.")]
    Refused,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Coded for RefreshError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refused => ErrorCode::Unauthenticated,
            Self::Database(error) => error.code(),
        }
    }
}

/// Stores a new refresh token of a family and returns it.
pub(crate) async fn issue_refresh(
    pool: &PgPool,
    user: Uuid,
    family: Uuid,
    now: OffsetDateTime,
) -> Result<String, DatabaseError> {
    let token = secrets::random_token();
    let insert = sqlx::query!(
        "INSERT INTO refresh_tokens (token_hash, family, user_id, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
        secrets::digest(&token),
        family,
        user,
        now,
        now + REFRESH_TTL,
    );
    traced("refresh_token.insert", insert.execute(pool)).await?;
    Ok(token)
}

/// Uses a refresh token up and returns its user and family. A token that comes a second time
/// was stolen by one of the two who sent it: the whole family ends.
pub(crate) async fn use_refresh(
    pool: &PgPool,
    token: &str,
    now: OffsetDateTime,
) -> Result<(Uuid, Uuid), RefreshError> {
    let hash = secrets::digest(token);
    let used = sqlx::query!(
        "UPDATE refresh_tokens SET used_at = $2
         WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
         RETURNING user_id, family",
        hash,
        now,
    );
    if let Some(row) = traced("refresh_token.use", used.fetch_optional(pool)).await? {
        return Ok((row.user_id, row.family));
    }
    let family = sqlx::query!(
        "DELETE FROM refresh_tokens WHERE family =
         (SELECT family FROM refresh_tokens WHERE token_hash = $1 AND used_at IS NOT NULL)",
        hash,
    );
    let ended = traced("refresh_token.end_family", family.execute(pool)).await?;
    if ended.rows_affected() > 0 {
        tracing::warn!("a refresh token was used twice; its session has been ended");
    }
    Err(RefreshError::Refused)
}
