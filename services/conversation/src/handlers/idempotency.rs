//! The `Idempotency-Key` header.

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use stoa_contracts::ErrorCode;
use stoa_service::Problem;

/// The longest key, as in the widespread APIs that have such a header.
const KEY_LIMIT: usize = 255;

/// The key that makes a request that is sent twice happen once; optional.
pub(super) struct IdempotencyKey(pub(super) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(Self(None));
        };
        let key = value.to_str().unwrap_or_default();
        if key.is_empty() || key.len() > KEY_LIMIT {
            let detail = format!("Idempotency-Key takes 1 to {KEY_LIMIT} ASCII characters.");
            return Err(
                Problem::new(ErrorCode::Invalid, detail).with_status(StatusCode::BAD_REQUEST)
            );
        }
        Ok(Self(Some(key.to_owned())))
    }
}
