//! Access tokens: signed by `api`, verified by every service for itself.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::future::Cache;
use stoa_config::{Env, ExposeSecret as _, SecretString, Settings};
use stoa_contracts::{
    Coded, ErrorCode,
    identity::{Claims, ISSUER},
};

use crate::Clock;

/// How far the clocks of two machines may be apart.
const LEEWAY: i64 = 5;

/// Tokens whose signature is known to be good; 4096 of them are about 4 MiB.
const CACHED_TOKENS: u64 = 4096;

/// Why a token is not accepted, or cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The key is not an Ed25519 key in PEM.
    #[error("the token key is not an Ed25519 key in PEM")]
    Key(#[source] jsonwebtoken::errors::Error),
    /// The request has no bearer token.
    #[error("Send an access token as `authorization: Bearer <token>`.")]
    Missing,
    /// The token is not one of ours.
    #[error("The access token is not valid.")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    /// The token was good once.
    #[error("The access token has expired.")]
    Expired,
    /// The claims cannot be signed.
    #[error("the claims cannot be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

impl Coded for TokenError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Key(_) | Self::Sign(_) => ErrorCode::Internal,
            Self::Missing | Self::Invalid(_) | Self::Expired => ErrorCode::Unauthenticated,
        }
    }
}

/// With what a service verifies tokens.
#[derive(Debug, Clone)]
pub struct TokenSettings {
    /// The public key, PEM (SPKI).
    pub verifying_key: SecretString,
}

impl Settings for TokenSettings {
    fn read(env: &mut Env) -> Option<Self> {
        let key = env.secret(
            "TOKEN_VERIFYING_KEY",
            "public key of access tokens (PEM, Ed25519)",
        );
        Some(Self {
            verifying_key: key.required()?,
        })
    }
}

/// Verifies tokens; cheap to clone.
#[derive(Clone)]
pub struct TokenVerifier(Arc<Verifier>);

struct Verifier {
    key: DecodingKey,
    validation: Validation,
    clock: Clock,
    verified: Cache<String, Claims>,
}

impl TokenVerifier {
    /// A verifier that holds this key and goes by this clock.
    pub fn new(settings: &TokenSettings, clock: Clock) -> Result<Self, TokenError> {
        let pem = settings.verifying_key.expose_secret();
        let key = DecodingKey::from_ed_pem(pem.as_bytes()).map_err(TokenError::Key)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        // Expiry goes by our clock, also for a token whose signature is already known.
        validation.validate_exp = false;
        let verified = Cache::builder()
            .max_capacity(CACHED_TOKENS)
            .time_to_live(Duration::from_mins(5))
            .build();
        Ok(Self(Arc::new(Verifier {
            key,
            validation,
            clock,
            verified,
        })))
    }

    /// The claims of a token that is ours and has not expired.
    pub async fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let this = &self.0;
        let claims = if let Some(claims) = this.verified.get(token).await {
            claims
        } else {
            let data = jsonwebtoken::decode::<Claims>(token, &this.key, &this.validation);
            let claims = data.map_err(TokenError::Invalid)?.claims;
            this.verified.insert(token.to_owned(), claims.clone()).await;
            claims
        };
        if claims.exp + LEEWAY <= this.clock.now().unix_timestamp() {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }
}

/// Signs tokens.
#[derive(Clone)]
pub struct TokenSigner(EncodingKey);

impl TokenSigner {
    /// A signer with this private key, PEM (PKCS#8).
    pub fn new(pem: &SecretString) -> Result<Self, TokenError> {
        let key = EncodingKey::from_ed_pem(pem.expose_secret().as_bytes());
        key.map(Self).map_err(TokenError::Key)
    }

    /// The token of these claims.
    pub fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        let header = Header::new(Algorithm::EdDSA);
        jsonwebtoken::encode(&header, claims, &self.0).map_err(TokenError::Sign)
    }
}
