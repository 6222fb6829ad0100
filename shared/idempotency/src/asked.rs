//! What makes two requests the same.

use http::{HeaderMap, HeaderValue, Uri, header};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What is asked, as far as it decides about the effect.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who asks.
    pub subject: Uuid,
    /// Its path and query count.
    pub uri: &'a Uri,
    /// `If-Match` and `Content-Type` count.
    pub headers: &'a HeaderMap,
    /// The body, or something that stands for it.
    pub body: &'a [u8],
}

impl Asked<'_> {
    /// A digest (SHA-256) that stands for it, and the one that releases before headers counted stored.
    pub fn digests(&self) -> (Vec<u8>, Vec<u8>) {
        let path = self.uri.path_and_query();
        let path = path.map_or(self.uri.path(), |path| path.as_str());
        let earlier = digest_of(&[self.subject.as_bytes(), path.as_bytes(), self.body]);
        let value = |name| self.headers.get(name).map(HeaderValue::as_bytes);
        let after = value(header::IF_MATCH).unwrap_or_default();
        let kind = value(header::CONTENT_TYPE).unwrap_or_default();
        (digest_of(&[&earlier, after, &essence(kind)]), earlier)
    }
}

/// The media type without its parameters.
fn essence(kind: &[u8]) -> Vec<u8> {
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii().to_ascii_lowercase()
}

/// The digest of several parts; their boundaries count.
fn digest_of(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(path: &str, headers: &[(header::HeaderName, &'static str)], body: &[u8]) -> Vec<u8> {
        let headers = headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let asked = Asked {
            subject: Uuid::nil(),
            uri: &path.parse().expect("it is a path"),
            headers: &headers.collect(),
            body,
        };
        asked.digests().0
    }

    #[test]
    fn what_changes_the_effect_makes_another_request() {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let same = digest("/a", &json, b"{}");
        let spelled = [
            (header::CONTENT_TYPE, "Application/JSON; charset=utf-8"),
            (header::USER_AGENT, "another"),
        ];
        assert_eq!(same, digest("/a", &spelled, b"{}"));
        let after = [json[0].clone(), (header::IF_MATCH, "\"7.json\"")];
        for other in [
            digest("/a?b", &json, b"{}"),
            digest("/a", &json, b"[]"),
            digest("/a", &after, b"{}"),
            digest("/a", &[(header::CONTENT_TYPE, "text/csv")], b"{}"),
            digest("/a{", &json, b"}"),
        ] {
            assert_ne!(same, other);
        }
    }
}
