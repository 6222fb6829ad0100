//! Access tokens: short, signed. Refresh tokens are in [`crate::sessions`].

use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, spki::der::pem::LineEnding},
};
use stoa_config::{ExposeSecret as _, SecretString};
use stoa_contracts::identity::{Claims, ISSUER, Role, Scope};
use stoa_service::{Clock, TokenError, TokenSettings, TokenSigner, TokenVerifier};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long an access token lives.
pub(crate) const ACCESS_TTL: Duration = Duration::minutes(15);
/// How long the access token that stands for an API key lives.
pub(crate) const KEY_TTL: Duration = Duration::minutes(5);

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
            scopes: bearer.scopes,
            sid: Some(bearer.sid),
            iss: ISSUER.to_owned(),
            iat: now.unix_timestamp(),
            exp: (now + ttl).unix_timestamp(),
        })
    }
}
