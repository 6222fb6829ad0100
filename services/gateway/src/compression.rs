//! gzip where it pays: text that is long enough, and never a stream of events.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http::{Extensions, StatusCode, Version};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;

/// Below this the answer fits into one packet anyway.
const WORTHWHILE: u64 = 1024;

/// Compresses answers for clients that accept it.
pub(crate) fn layer() -> CompressionLayer<impl Predicate> {
    // The cheapest level: most of the gain for a fraction of the work.
    CompressionLayer::new()
        .gzip(true)
        .quality(CompressionLevel::Fastest)
        .compress_when(pays)
}

fn pays(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text(CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    let is_text = kind.starts_with("text/") && kind != "text/event-stream";
    let is_json = kind.starts_with("application/") && kind.ends_with("json");
    let is_code = matches!(
        kind,
        "application/javascript" | "application/yaml" | "image/svg+xml"
    );
    (is_text || is_json || is_code) && length.is_none_or(|length| length >= WORTHWHILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn long_text_is_compressed_and_nothing_else() {
        let pays = |kind: &'static str, length: u64| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            headers.insert(CONTENT_LENGTH, length.into());
            pays(
                StatusCode::OK,
                Version::HTTP_11,
                &headers,
                &Extensions::new(),
            )
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
