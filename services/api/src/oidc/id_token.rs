//! What an id token must say before we believe it (OpenID Connect Core, 3.1.3.7).

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use time::OffsetDateTime;

use super::{OidcError, provider::Provider};

/// Signatures by a key pair only: with a shared secret, our public values would do to forge one.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// How far the clock of the provider may be from ours, in seconds.
const LEEWAY: i64 = 60;

/// Who signed in, as the provider knows them.
#[derive(Debug, Deserialize)]
pub(super) struct Person {
    pub(super) sub: String,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    iss: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

impl Person {
    /// The address, lower case as we keep it, if the provider has seen that it is theirs.
    pub(super) fn verified_email(&self) -> Result<String, OidcError> {
        let email = self
            .email
            .as_deref()
            .map(|email| email.trim().to_lowercase());
        let email = email.filter(|email| self.email_verified && email.contains('@'));
        email.ok_or(OidcError::Email)
    }
}

/// Who an id token is about, if it is from the provider, for us, for this sign-in, and of now.
pub(super) async fn verify(
    provider: &Provider,
    token: &str,
    nonce: &str,
    now: OffsetDateTime,
) -> Result<Person, OidcError> {
    let header = decode_header(token).map_err(OidcError::Signature)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(OidcError::Token("its algorithm is not allowed"));
    }
    let key = provider.key(header.kid.as_deref()).await?;
    let mut validation = Validation::new(header.alg);
    // What is left is checked below, by our clock and with our words.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let person = decode::<Person>(token, &key, &validation);
    let person = person.map_err(OidcError::Signature)?.claims;
    check(&person, provider, nonce, now.unix_timestamp())?;
    Ok(person)
}

fn check(person: &Person, provider: &Provider, nonce: &str, now: i64) -> Result<(), OidcError> {
    let settings = &provider.settings;
    let ours = |name: &String| *name == settings.client_id;
    let audience = person.aud.names();
    let wrong = if person.iss != settings.issuer {
        "its issuer is another"
    } else if !audience.iter().any(ours) || (audience.len() > 1 && person.azp.is_none()) {
        "it is for another client"
    } else if person.azp.as_ref().is_some_and(|party| !ours(party)) {
        "it was given to another client"
    } else if person.nonce.as_deref() != Some(nonce) {
        "it belongs to another sign-in"
    } else if person.exp + LEEWAY <= now {
        "it has expired"
    } else if person.iat - LEEWAY > now {
        "it is from the future"
    } else if person.sub.is_empty() || person.sub.len() > 255 {
        "its subject is none"
    } else {
        return Ok(());
    };
    Err(OidcError::Token(wrong))
}
