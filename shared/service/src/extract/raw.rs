//! Bodies that are not JSON.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;

use crate::{Problem, middleware::read_body};

/// The bytes of the body, within the limit of the route; the handler looks at the content type.
#[derive(Debug, Clone)]
pub struct RawBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read_body(request).await.map(Self)
    }
}
