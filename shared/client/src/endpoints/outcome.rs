//! What a request tells about the address that it went to.

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

/// How a request to an address ended, as far as the address is to be judged by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The head of an answer came, and the address may have more.
    Good,
    /// The head of an answer came, but it says that the service cannot do it at the moment: no failure of the address, and
    /// no reason to prefer it for how fast it was said.
    Unable,
    /// An answer came, but one that tells of trouble at this address.
    Failed,
    /// No answer came: the connection broke after it was made, or a deadline passed. A caller
    /// that waits for less than a second says nothing about the address, and should not say this.
    Broken,
}

impl Outcome {
    /// What the head of an answer says. Trouble is any 5xx, but for two: 501 is about the request,
    /// and a 503 that is a problem document or has `Retry-After` is about the service, which would
    /// say the same at each of its addresses (a database is away, there is too much to do).
    pub fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        match status {
            StatusCode::SERVICE_UNAVAILABLE if has_meaning(headers) => Self::Unable,
            StatusCode::NOT_IMPLEMENTED => Self::Good,
            status if status.is_server_error() => Self::Failed,
            _ => Self::Good,
        }
    }
}

fn has_meaning(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/problem+json"))
        || headers.contains_key(RETRY_AFTER)
}
