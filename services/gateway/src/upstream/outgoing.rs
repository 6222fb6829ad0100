//! A request that can be sent once more as long as nobody has begun to read its body.

use super::error::BodyError;
use crate::patience::Patient;
use axum::body::{Body, Bytes, HttpBody as _};
use http::header::{HOST, HeaderMap, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Request, Uri, Version};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Frame, SizeHint};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// A request of a client, on its way to one address or another.
pub(super) struct Outgoing {
    method: Method,
    path: PathAndQuery,
    headers: HeaderMap,
    body: Shelf,
    has_body: bool,
}

/// Where a body lies that nobody reads.
type Shelf = Arc<Mutex<Option<Body>>>;

impl Outgoing {
    /// The request as it goes to the service that calls itself `host`.
    pub(super) fn new(
        request: Request<Body>,
        host: &HeaderValue,
        limit: u64,
        idle: Duration,
    ) -> Self {
        let (parts, body) = request.into_parts();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_body = !body.is_end_stream();
        let body = Body::new(Patient::new(idle, Limited::new(body, limit)).map_err(BodyError));
        let mut headers = parts.headers;
        headers.insert(HOST, host.clone());
        let root = PathAndQuery::from_static("/");
        Self {
            method: parts.method,
            path: parts.uri.path_and_query().cloned().unwrap_or(root),
            headers,
            body: Arc::new(Mutex::new(Some(body))),
            has_body,
        }
    }

    /// The request to this address; `None` if its body has been read from already.
    pub(super) fn to(&self, address: SocketAddr) -> Option<Request<Lent>> {
        let mut unread = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        let body = match unread.take() {
            Some(body) => body,
            None if self.has_body => return None,
            None => Body::empty(),
        };
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(address.to_string())
            .path_and_query(self.path.clone())
            .build()
            .expect("an address and a path make a URL");
        let mut request = Request::new(Lent {
            body: Some(body),
            begun: false,
            shelf: Arc::clone(&self.body),
        });
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = self.headers.clone();
        Some(request)
    }

    /// Whether the service may get it twice.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method.is_idempotent() && !self.has_body
    }
}

/// A body that goes back to its shelf when it is dropped unread. So a request that never left
/// can go elsewhere, and nothing of it is kept in memory for that.
pub(super) struct Lent {
    body: Option<Body>,
    begun: bool,
    shelf: Shelf,
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.begun = true;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.begun {
            *self.shelf.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
        }
    }
}
