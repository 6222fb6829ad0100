//! Signatures by the scheme of Standard Webhooks: who has the secret knows that a message is ours, and of when.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac::{HMAC_SHA256, Key, sign};
use stoa_contracts::webhooks::SECRET_PREFIX;

/// The secret is none.
#[derive(Debug, thiserror::Error)]
#[error("the secret of the webhook cannot be read")]
pub(super) struct SecretError(#[source] Option<base64::DecodeError>);

/// The header `webhook-signature`: `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64.
pub(super) fn signature(
    secret: &str,
    id: &str,
    timestamp: i64,
    body: &str,
) -> Result<String, SecretError> {
    let encoded = secret
        .strip_prefix(SECRET_PREFIX)
        .ok_or(SecretError(None))?;
    let key = STANDARD
        .decode(encoded)
        .map_err(|error| SecretError(Some(error)))?;
    let signed = sign(
        &Key::new(HMAC_SHA256, &key),
        format!("{id}.{timestamp}.{body}").as_bytes(),
    );
    Ok(format!("v1,{}", STANDARD.encode(signed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", r#"{"test": 2432232314}"#);
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(
            signature(secret, id, 1_614_265_330, body).unwrap(),
            expected
        );
    }

    #[test]
    fn a_secret_that_is_none_is_refused() {
        for secret in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_***"] {
            assert!(signature(secret, "id", 0, "{}").is_err(), "{secret}");
        }
    }
}
