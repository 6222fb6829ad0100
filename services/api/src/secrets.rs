//! Random secrets, and the digests that are stored in their place.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::distr::{Alphanumeric, SampleString as _};
use sha2::{Digest as _, Sha256};

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
