//! The keys of access tokens, and how a token names the one that signed it.

use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, spki::der::pem::LineEnding},
};
use jsonwebtoken::{
    Algorithm, DecodingKey, decode_header,
    errors::{Error, ErrorKind},
    jwk::{Jwk, ThumbprintHash},
};

use super::TokenError;

/// Keys that may be good at a time: one that signs, one to come, and some to spare.
const MOST: usize = 8;
const BEGIN: &str = "-----BEGIN ";

/// The public keys, each under its thumbprint (RFC 7638).
pub(super) struct Keys(Vec<(String, DecodingKey)>);

impl Keys {
    /// Reads one PEM block after the other.
    pub(super) fn read(text: &str) -> Result<Self, TokenError> {
        let keys: Vec<_> = blocks(text).map(named).collect::<Result<_, _>>()?;
        match keys.len() {
            0 => Err(TokenError::Key(Error::from(ErrorKind::InvalidKeyFormat))),
            1..=MOST => Ok(Self(keys)),
            _ => Err(TokenError::ManyKeys),
        }
    }

    /// Whether the key of this name is one of them.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The keys that may have signed a token: the one that it names. One that names none is of a
    /// release before keys had names, and may be of any.
    pub(super) fn of(&self, token: &str) -> Result<&[(String, DecodingKey)], TokenError> {
        let Some(kid) = decode_header(token).map_err(TokenError::Invalid)?.kid else {
            return Ok(&self.0);
        };
        let named = self.0.iter().position(|(name, _)| *name == kid);
        let place = named.ok_or(TokenError::UnknownKey)?;
        Ok(&self.0[place..=place])
    }
}

/// The public half of a private key (PEM, SPKI), which PKCS#8 may hold with it or without.
pub(super) fn public_half(pem: &str) -> Result<String, TokenError> {
    let wrong = || TokenError::Key(Error::from(ErrorKind::InvalidEddsaKey));
    let key = SigningKey::from_pkcs8_pem(pem).map_err(|_| wrong())?;
    let public = key.verifying_key().to_public_key_pem(LineEnding::LF);
    public.map_err(|_| wrong())
}

/// A public key under its thumbprint.
pub(super) fn named(pem: &str) -> Result<(String, DecodingKey), TokenError> {
    let key = DecodingKey::from_ed_pem(pem.as_bytes()).map_err(TokenError::Key)?;
    let jwk = Jwk::from_decoding_key(&key, Some(Algorithm::EdDSA)).map_err(TokenError::Key)?;
    let name = jwk.thumbprint(ThumbprintHash::SHA256);
    Ok((name.map_err(TokenError::Key)?, key))
}

fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> = text.match_indices(BEGIN).map(|(at, _)| at).collect();
    let ends: Vec<usize> = starts.iter().copied().skip(1).chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(|(at, end)| &text[at..end])
}
