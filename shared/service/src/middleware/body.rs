//! Bodies with a bound.

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request},
};
use bytes::{Bytes, BytesMut};
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use stoa_contracts::ErrorCode;

use crate::Problem;

/// The largest body of the route, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

/// How much of a refused body is still read, so that the client gets to see the refusal:
/// a connection closed over unread data is reset, and the response with it.
pub(super) const DRAINED: usize = 32 << 20;

/// Gives these routes a body limit of their own, in bytes.
pub fn body_limit<S: Clone + Send + Sync + 'static>(routes: Router<S>, limit: usize) -> Router<S> {
    routes
        .layer(axum::Extension(BodyLimit(limit)))
        .layer(DefaultBodyLimit::max(limit))
}

/// Reads the whole body, or refuses one that is too large or breaks off.
pub async fn read_body(request: Request) -> Result<Bytes, Problem> {
    let mut pieces = BodyPieces::of(request);
    let mut bytes = BytesMut::with_capacity(pieces.announced.min(pieces.limit));
    while let Some(piece) = pieces.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// A body as it comes in, for who does not want to hold the whole of it.
#[derive(Debug)]
pub struct BodyPieces {
    body: Body,
    limit: usize,
    announced: usize,
    read: usize,
}

impl BodyPieces {
    /// The body of a request, with the limit of its route.
    pub fn of(request: Request) -> Self {
        let limit = request.extensions().get::<BodyLimit>();
        let limit = limit.map_or(usize::MAX, |limit| limit.0);
        let announced = request.headers().get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        Self {
            limit,
            announced: announced.unwrap_or(0),
            body: request.into_body(),
            read: 0,
        }
    }

    /// The next piece, none after the last; or the refusal of a body that is too large or breaks off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        if self.announced > self.limit {
            return Err(self.refuse().await);
        }
        while let Some(frame) = self.body.frame().await {
            let Ok(data) = frame.map_err(|_| broken())?.into_data() else {
                continue;
            };
            if self.read + data.len() > self.limit {
                return Err(self.refuse().await);
            }
            self.read += data.len();
            return Ok(Some(data));
        }
        Ok(None)
    }

    async fn refuse(&mut self) -> Problem {
        let mut read = self.read;
        while read < DRAINED {
            let Some(Ok(frame)) = self.body.frame().await else {
                break;
            };
            read += frame.data_ref().map_or(0, Bytes::len);
        }
        let limit = self.limit;
        Problem::new(
            ErrorCode::TooLarge,
            format!("The body may have at most {limit} bytes."),
        )
    }
}

fn broken() -> Problem {
    Problem::new(ErrorCode::Invalid, "The body broke off.").with_status(StatusCode::BAD_REQUEST)
}
