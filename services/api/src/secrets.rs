//! Random secrets, and the digests that are stored in their place.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::distr::{Alphanumeric, SampleString as _};
use ring::hmac;
use sha2::{Digest as _, Sha256};
use stoa_config::{ExposeSecret as _, SecretString};

/// A secret of 256 random bits as text.
pub(crate) fn random_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// `length` random letters and digits: 5.95 bits each.
pub(crate) fn random_base62(length: usize) -> String {
    Alphanumeric.sample_string(&mut rand::rng(), length)
}

/// The digest of a secret that has enough entropy not to need a slow hash.
pub(crate) fn digest(secret: &str) -> Vec<u8> {
    digest_of(&[secret.as_bytes()])
}

/// The digest of several parts; their boundaries count.
pub(crate) fn digest_of(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// Makes digests of what may hold a password: who has them, but not the secret behind the key, cannot try passwords.
#[derive(Clone)]
pub(crate) struct Sealer(hmac::Key);

impl Sealer {
    /// With a key that is the same in every replica and after every restart, as the secret is.
    pub(crate) fn new(secret: &SecretString) -> Self {
        let key = digest_of(&[b"sealer", secret.expose_secret().as_bytes()]);
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    /// What is stored in place of a digest.
    pub(crate) fn seal(&self, digest: &[u8]) -> Vec<u8> {
        let tag = hmac::sign(&self.0, digest);
        tag.as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealer_of_the_same_secret_says_the_same_and_one_of_another_does_not() {
        let [own, same, other] = ["own", "own", "other"].map(|secret| Sealer::new(&secret.into()));
        let digest = digest_of(&[b"a", b"b"]);
        assert_eq!(own.seal(&digest), same.seal(&digest));
        assert_ne!(own.seal(&digest), other.seal(&digest));
        assert_ne!(own.seal(&digest), digest);
    }
}
