//! gzip where it pays: text that is long enough, and never a stream of events.

use crate::body::Given;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    VARY,
};
use http::{Request, Response};
use std::convert::Infallible;
use std::future::ready;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

/// Below this the answer fits into one packet anyway.
const WORTHWHILE: u64 = 1024;

/// What a client accepts, if gzip may be among it.
pub(crate) fn accepted(headers: &HeaderMap) -> Option<HeaderValue> {
    let gzip = |value: &&HeaderValue| value.as_bytes().windows(4).any(|word| word == b"gzip");
    headers.get_all(ACCEPT_ENCODING).iter().find(gzip).cloned()
}

/// Compresses an answer that this [`pays`] for, or says to caches that it would have.
pub(crate) async fn compress(
    mut response: Response<Given>,
    accepted: Option<HeaderValue>,
) -> Response<Given> {
    let Some(accepted) = accepted else {
        response
            .headers_mut()
            .append(VARY, HeaderValue::from_static("accept-encoding"));
        return response;
    };
    // The cheapest level: most of the gain for a fraction of the work.
    let layer = CompressionLayer::new()
        .gzip(true)
        .quality(CompressionLevel::Fastest);
    let mut response = Some(response);
    let service = service_fn(move |_: Request<()>| {
        ready(Ok::<_, Infallible>(
            response.take().expect("it is asked once"),
        ))
    });
    let mut request = Request::new(());
    request.headers_mut().insert(ACCEPT_ENCODING, accepted);
    let mut response = match Box::pin(layer.layer(service).oneshot(request)).await {
        Ok(response) => response.map(Given::made),
        Err(never) => match never {},
    };
    if response.headers().contains_key(CONTENT_ENCODING) {
        weaken(response.headers_mut());
    }
    response
}

/// A strong tag is of the bytes, which are others now (RFC 9110, 8.8.1).
fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers
        .get(ETAG)
        .filter(|tag| tag.as_bytes().starts_with(b"\""))
    else {
        return;
    };
    let weak = [b"W/", tag.as_bytes()].concat();
    let weak = HeaderValue::from_bytes(&weak).expect("two letters more are a value as well");
    headers.insert(ETAG, weak);
}

/// Whether an answer is long text, by its head.
pub(crate) fn pays(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length < WORTHWHILE) {
        return false;
    }
    let kind = text(CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_text = kind.starts_with("text/") && kind != "text/event-stream";
    let is_json = kind.starts_with("application/") && kind.ends_with("json");
    let is_code = matches!(
        kind,
        "application/javascript" | "application/yaml" | "image/svg+xml"
    );
    is_text || is_json || is_code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_compressed_and_nothing_else() {
        let pays = |kind: &'static str, length: u64| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            headers.insert(CONTENT_LENGTH, length.into());
            pays(&headers)
        };
        for kind in [
            "application/json",
            "application/problem+json",
            "text/html; charset=utf-8",
        ] {
            assert!(pays(kind, WORTHWHILE), "{kind}");
        }
        assert!(!pays("application/json", WORTHWHILE - 1));
        for kind in [
            "text/event-stream",
            "image/png",
            "application/octet-stream",
            "",
        ] {
            assert!(!pays(kind, 1 << 20), "{kind}");
        }
    }
}
