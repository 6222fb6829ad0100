//! The `Idempotency-Key` header.

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};
use stoa_contracts::ErrorCode;

use crate::Problem;

/// The longest key, as in the widespread APIs that have such a header.
const LIMIT: usize = 255;

/// The key that makes a request that is sent twice happen once; optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl IdempotencyKey {
    /// The header that tells a client that the answer is that of an earlier request.
    pub const REPLAYED: &'static str = "idempotency-replayed";
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(Self(None));
        };
        let key = value.to_str().unwrap_or_default();
        let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > LIMIT || !is_visible {
            let detail = format!("`Idempotency-Key` has 1 to {LIMIT} visible ASCII characters.");
            let problem = Problem::new(ErrorCode::Invalid, detail);
            return Err(problem.with_status(StatusCode::BAD_REQUEST));
        }
        Ok(Self(Some(key.to_owned())))
    }
}
