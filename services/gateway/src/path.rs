//! The path of a request, in the one spelling that routes and upstreams see.
//!
//! What the door checks must be what the upstream reads, so a path that two readers could
//! understand differently is refused instead of repaired.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// A path that is not forwarded, and why.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Doubtful {
    /// It is not a path at all (`*`, `host:port`).
    #[error("The request target must be a path that starts with `/`.")]
    NotAPath,
    /// A `%` without two hexadecimal digits.
    #[error("The path has a `%` that is not followed by two hexadecimal digits.")]
    Escape,
    /// An encoded slash, a backslash or a control character.
    #[error("The path has an encoded slash, a backslash or a control character.")]
    Character,
    /// `//`, `.` or `..`, encoded or not.
    #[error("The path has an empty, `.` or `..` segment.")]
    Segment,
}

/// Spells a path as RFC 3986 section 6.2.2 does: unreserved characters plain, other escapes kept
/// in upper case. Refuses whatever could be read in two ways.
pub(crate) fn normalise(path: &str) -> Result<Cow<'_, str>, Doubtful> {
    if is_normal(path) {
        return Ok(Cow::Borrowed(path));
    }
    let segments = path.strip_prefix('/').ok_or(Doubtful::NotAPath)?;
    let mut plain = String::with_capacity(path.len());
    let mut rest = segments.split('/').peekable();
    while let Some(segment) = rest.next() {
        plain.push('/');
        let start = plain.len();
        spell(segment, &mut plain)?;
        let written = &plain[start..];
        let last = rest.peek().is_none();
        if written == "." || written == ".." || (written.is_empty() && !last) {
            return Err(Doubtful::Segment);
        }
    }
    Ok(Cow::Owned(plain))
}

/// Whether a path is spelled so at a glance: as almost all are.
fn is_normal(path: &str) -> bool {
    let mut before = b'.';
    for (at, byte) in path.bytes().enumerate() {
        // A segment that begins with a dot may be one of those that are refused.
        let is_plain = match byte {
            b'/' => at == 0 || before != b'/',
            b'.' => before != b'/',
            byte => at > 0 && is_unreserved(byte),
        };
        if !is_plain {
            return false;
        }
        before = byte;
    }
    path.starts_with('/')
}

fn spell(segment: &str, plain: &mut String) -> Result<(), Doubtful> {
    let mut rest = segment;
    while let Some(next) = rest.chars().next() {
        let escape = rest.get(..3).filter(|_| next == '%');
        if next == '%' && !escape.is_some_and(is_escape) {
            return Err(Doubtful::Escape);
        }
        let taken = escape.unwrap_or(&rest[..next.len_utf8()]);
        let decoded = percent_decode_str(taken).next().unwrap_or_default();
        if decoded.is_ascii_control() || matches!(decoded, b'/' | b'\\') {
            return Err(Doubtful::Character);
        }
        match escape {
            Some(_) if is_unreserved(decoded) => plain.push(char::from(decoded)),
            Some(escape) => plain.push_str(&escape.to_ascii_uppercase()),
            None => plain.push(next),
        }
        rest = &rest[taken.len()..];
    }
    Ok(())
}

fn is_escape(text: &str) -> bool {
    text.bytes().skip(1).all(|byte| byte.is_ascii_hexdigit())
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Whether a normalised path is for the services among themselves; never forwarded.
pub(crate) fn is_internal(path: &str) -> bool {
    const INTERNAL: &[u8] = b"internal";
    let Some(slash) = path.bytes().position(|byte| byte == b'/') else {
        return false;
    };
    let first = &path.as_bytes()[slash + 1..];
    let (name, rest) = first.split_at(first.len().min(INTERNAL.len()));
    name.eq_ignore_ascii_case(INTERNAL) && matches!(rest, [] | [b'/', ..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_ordinary_path_stays_as_it_is() {
        for path in ["/", "/api/v1/assistants", "/a/", "/a%20b/c~d", "/caf%C3%A9"] {
            assert_eq!(normalise(path).as_deref(), Ok(path));
        }
    }

    #[test]
    fn an_escaped_letter_is_the_letter() {
        assert_eq!(normalise("/%69ntern%61l/v1").as_deref(), Ok("/internal/v1"));
        assert_eq!(normalise("/a%c3%a9").as_deref(), Ok("/a%C3%A9"));
    }

    #[test]
    fn what_two_readers_could_understand_differently_is_refused() {
        for path in [
            "//internal",
            "/api//v1",
            "/api/../internal",
            "/api/%2e%2E/internal",
            "/.",
        ] {
            assert_eq!(normalise(path), Err(Doubtful::Segment), "{path}");
        }
        for path in [
            "/api%2finternal",
            "/api%5Cinternal",
            "/api\\internal",
            "/a%00",
            "/a%0d%0a",
        ] {
            assert_eq!(normalise(path), Err(Doubtful::Character), "{path}");
        }
        for path in ["/%", "/%4", "/%zz", "/a%é"] {
            assert_eq!(normalise(path), Err(Doubtful::Escape), "{path}");
        }
        for path in ["*", "", "api:80"] {
            assert_eq!(normalise(path), Err(Doubtful::NotAPath), "{path}");
        }
    }

    #[test]
    fn the_internal_tree_is_known_in_any_case() {
        for path in ["/internal", "/internal/", "/Internal/v1", "/INTERNAL"] {
            assert!(is_internal(path), "{path}");
        }
        assert!(!is_internal("/internals") && !is_internal("/api/internal"));
    }

    proptest! {
        /// Pieces that could go wrong, in any order.
        #[test]
        fn what_passes_is_read_by_everybody_in_one_way(
            pieces in proptest::collection::vec(
                prop_oneof![
                    "[/.%\\\\a-zA-Z0-9;~_ ]{1,3}",
                    "%[0-9a-fA-F]{2}",
                    Just("/internal".to_owned()),
                    Just("%69nternal".to_owned()),
                    Just("/..".to_owned()),
                    Just("/%2e%2E".to_owned()),
                    any::<String>(),
                ],
                0..8,
            ),
        ) {
            let path = format!("/{}", pieces.concat());
            if let Ok(plain) = normalise(&path) {
                prop_assert_eq!(normalise(&plain), Ok(plain.clone()));
                let decoded = percent_decode_str(&plain).decode_utf8_lossy();
                let inner = decoded.strip_prefix('/').expect("it is a path");
                let mut segments = inner.split('/').rev();
                prop_assert!(segments.next().is_some_and(|last| last != "." && last != ".."));
                prop_assert!(segments.all(|one| !matches!(one, "" | "." | "..")));
                prop_assert!(!decoded.contains('\\') && !decoded.contains('\0'));
                let internal = decoded.to_ascii_lowercase();
                let internal = internal == "/internal" || internal.starts_with("/internal/");
                prop_assert_eq!(is_internal(&plain), internal);
            }
        }
    }
}
