//! Access tokens: signed by `api`, verified by every service for itself.

mod keys;
mod verified;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, Validation};
use stoa_config::{Env, ExposeSecret as _, SecretString, Settings};
use stoa_contracts::{
    Coded, ErrorCode,
    identity::{Claims, ISSUER},
};

use crate::Clock;
use keys::Keys;

/// How far the clocks of two machines may be apart.
const LEEWAY: i64 = 5;

/// Why a token is not accepted, or cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The key is not an Ed25519 key in PEM.
    #[error("the token key is not an Ed25519 key in PEM")]
    Key(#[source] jsonwebtoken::errors::Error),
    /// The request has no bearer token.
    #[error("Send an access token as `authorization: Bearer <token>`.")]
    Missing,
    /// There are more keys than are ever good at a time.
    #[error("there are more than eight keys of tokens")]
    ManyKeys,
    /// The token names a key that is not one of ours, or no longer.
    #[error("The access token is not valid.")]
    UnknownKey,
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
            Self::Key(_) | Self::ManyKeys | Self::Sign(_) => ErrorCode::Internal,
            Self::Missing | Self::UnknownKey | Self::Invalid(_) | Self::Expired => {
                ErrorCode::Unauthenticated
            }
        }
    }
}

/// With what a service verifies tokens.
#[derive(Debug, Clone)]
pub struct TokenSettings {
    /// The public keys, PEM (SPKI), one after the other: the one that signs, and those to come and to go.
    pub verifying_key: SecretString,
}

impl Settings for TokenSettings {
    fn read(env: &mut Env) -> Option<Self> {
        let key = env.secret(
            "TOKEN_VERIFYING_KEY",
            "public keys of access tokens, one or several (PEM, Ed25519)",
        );
        let verifying_key = key.required()?;
        if let Err(error) = Keys::read(verifying_key.expose_secret()) {
            env.refuse("TOKEN_VERIFYING_KEY", &error.to_string());
        }
        Some(Self { verifying_key })
    }
}

/// Verifies tokens; cheap to clone.
#[derive(Clone)]
pub struct TokenVerifier(Arc<Verifier>);

struct Verifier {
    /// Tells its tokens from those of other verifiers in the process.
    id: u64,
    keys: Keys,
    validation: Validation,
    clock: Clock,
}

impl TokenVerifier {
    /// A verifier that holds these keys and goes by this clock.
    pub fn new(settings: &TokenSettings, clock: Clock) -> Result<Self, TokenError> {
        static VERIFIERS: AtomicU64 = AtomicU64::new(0);
        let keys = Keys::read(settings.verifying_key.expose_secret())?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        // Expiry goes by our clock, also for a token whose signature is already known.
        validation.validate_exp = false;
        Ok(Self(Arc::new(Verifier {
            id: VERIFIERS.fetch_add(1, Ordering::Relaxed),
            keys,
            validation,
            clock,
        })))
    }

    /// The claims of a token that is ours and has not expired.
    #[expect(clippy::unused_async, reason = "callers are free of how it is done")]
    pub async fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        self.verify_now(token).map(Arc::unwrap_or_clone)
    }

    /// As [`TokenVerifier::verify`], without a copy. A token that this thread has not seen before takes tens of microseconds.
    pub fn verify_now(&self, token: &str) -> Result<Arc<Claims>, TokenError> {
        if let Some(known) = self.verify_cached(token) {
            return known;
        }
        let claims = Arc::new(self.0.decode(token)?);
        verified::keep(self.0.id, token, &claims);
        self.0.unexpired(claims)
    }

    /// The answer for a token that this thread has verified before, else `None`: takes no lock and allocates nothing.
    pub fn verify_cached(&self, token: &str) -> Option<Result<Arc<Claims>, TokenError>> {
        let claims = verified::find(self.0.id, token)?;
        Some(self.0.unexpired(claims))
    }
}

impl Verifier {
    fn decode(&self, token: &str) -> Result<Claims, TokenError> {
        let mut refusal = TokenError::UnknownKey;
        for (_, key) in self.keys.of(token)? {
            match jsonwebtoken::decode::<Claims>(token, key, &self.validation) {
                Ok(data) => return Ok(data.claims),
                Err(error) => refusal = TokenError::Invalid(error),
            }
        }
        Err(refusal)
    }

    fn unexpired(&self, claims: Arc<Claims>) -> Result<Arc<Claims>, TokenError> {
        if claims.exp + LEEWAY <= self.clock.now().unix_timestamp() {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }
}

/// Signs tokens; each names the key that others verify it with.
#[derive(Clone)]
pub struct TokenSigner {
    key: EncodingKey,
    header: Header,
    verifying_key: SecretString,
}

impl TokenSigner {
    /// A signer with this private key, PEM (PKCS#8).
    pub fn new(pem: &SecretString) -> Result<Self, TokenError> {
        let key = EncodingKey::from_ed_pem(pem.expose_secret().as_bytes());
        let key = key.map_err(TokenError::Key)?;
        let mut header = Header::new(Algorithm::EdDSA);
        let public = keys::public_half(pem.expose_secret())?;
        header.kid = Some(keys::named(&public)?.0);
        let verifying_key = public.into();
        Ok(Self {
            key,
            header,
            verifying_key,
        })
    }

    /// What verifies the tokens that this signs.
    pub fn verified_by(&self) -> TokenSettings {
        TokenSettings {
            verifying_key: self.verifying_key.clone(),
        }
    }

    /// What verifies the tokens of `settings`, and those that this signs if they are not among them.
    pub fn verified_beside(&self, settings: &TokenSettings) -> Result<TokenSettings, TokenError> {
        let others = settings.verifying_key.expose_secret();
        let own = self.header.kid.as_deref().unwrap_or_default();
        if Keys::read(others)?.has(own) {
            return Ok(settings.clone());
        }
        let own = self.verifying_key.expose_secret();
        Ok(TokenSettings {
            verifying_key: format!("{own}\n{others}").into(),
        })
    }

    /// The token of these claims.
    pub fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        jsonwebtoken::encode(&self.header, claims, &self.key).map_err(TokenError::Sign)
    }
}
