//! Keys of the run, and the access tokens of its users.

use anyhow::anyhow;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use stoa_contracts::identity::{Claims, ISSUER, Role};
use time::OffsetDateTime;
use uuid::Uuid;

/// Different users, one token each.
const USERS: usize = 200;
/// Longer than any run.
const LIFE: i64 = 24 * 60 * 60;
/// What stands before the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// `HAProxy` knows no Ed25519; it gets the same claims with a shared secret of the run.
const SECRET_BYTES: usize = 16;

/// The keys and the tokens that are good with them.
pub(crate) struct Tokens {
    /// The public key for ours, PEM.
    pub(crate) verifying_key: String,
    /// The secret for `HAProxy`.
    pub(crate) secret: String,
    /// Signed with Ed25519.
    pub(crate) eddsa: Vec<String>,
    /// Signed with the secret.
    pub(crate) hs256: Vec<String>,
}

impl Tokens {
    /// New keys, new users.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let random = ring::rand::SystemRandom::new();
        let private = Ed25519KeyPair::generate_pkcs8(&random)
            .map_err(|_| anyhow!("the system gives no randomness"))?;
        let pair = Ed25519KeyPair::from_pkcs8(private.as_ref())
            .map_err(|error| anyhow!("the new key is rejected: {error}"))?;
        let public = [&SPKI_PREFIX, pair.public_key().as_ref()].concat();
        let secret = Uuid::new_v4().simple().to_string()[..2 * SECRET_BYTES].to_owned();
        let claims: Vec<_> = (0..USERS).map(|_| claims()).collect();
        let eddsa = EncodingKey::from_ed_der(private.as_ref());
        let hs256 = EncodingKey::from_secret(secret.as_bytes());
        Ok(Self {
            verifying_key: pem("PUBLIC KEY", &public),
            eddsa: signed(&claims, Algorithm::EdDSA, &eddsa)?,
            hs256: signed(&claims, Algorithm::HS256, &hs256)?,
            secret,
        })
    }
}

fn claims() -> Claims {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    Claims {
        sub: Uuid::new_v4(),
        account: Uuid::new_v4(),
        role: Role::Viewer,
        assistant: None,
        scopes: None,
        sid: None,
        iss: ISSUER.into(),
        iat: now,
        exp: now + LIFE,
    }
}

fn signed(
    claims: &[Claims],
    algorithm: Algorithm,
    key: &EncodingKey,
) -> anyhow::Result<Vec<String>> {
    let sign = |claims| jsonwebtoken::encode(&Header::new(algorithm), claims, key);
    Ok(claims.iter().map(sign).collect::<Result<_, _>>()?)
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// A request with each of these tokens; one without where there are none.
pub(crate) fn requests(tokens: &[String]) -> Vec<Vec<u8>> {
    let request = |authorization: &str| {
        let head = "GET /api/v1/things HTTP/1.1\r\nhost: bench\r\nuser-agent: bench\r\naccept: application/json\r\n";
        format!("{head}{authorization}\r\n").into_bytes()
    };
    if tokens.is_empty() {
        return vec![request("")];
    }
    let bearer = |token: &String| request(&format!("authorization: Bearer {token}\r\n"));
    tokens.iter().map(bearer).collect()
}
