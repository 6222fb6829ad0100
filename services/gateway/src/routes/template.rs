//! Paths with parameters: what a route answers, and what its service is asked for instead.

use matchit::Params;
use std::collections::HashMap;
use std::fmt::Write as _;

/// What stands for the segments that `{*rest}` took, whatever the file calls them.
const REST: &str = "rest";

/// A path that the service sees in place of the request's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite(Vec<Piece>);

/// A segment of a rewritten path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Box<str>),
    /// What the segment of this key was in the request.
    Segment(Box<str>),
    Rest,
}

impl Rewrite {
    /// Reads the new path of a route that answers `path`.
    pub(super) fn new(text: &str, path: &str) -> Result<Self, String> {
        check(text)?;
        let known: Vec<&str> = path.split('/').collect();
        let piece = |segment: &str| {
            if !segment.starts_with('{') {
                return Ok(Piece::Literal(segment.into()));
            }
            let at = known.iter().position(|other| *other == segment);
            let at = at.ok_or_else(|| format!("`{segment}` is not in the path `{path}`"))?;
            Ok(if segment.starts_with("{*") {
                Piece::Rest
            } else {
                Piece::Segment(key(at).into())
            })
        };
        let pieces: Result<_, String> = text.split('/').skip(1).map(piece).collect();
        pieces.map(Self)
    }

    /// The new path of a request for `path`, in which `params` were found.
    pub(super) fn apply(&self, path: &str, params: &Params) -> String {
        let mut new = String::with_capacity(path.len() + 16);
        for piece in &self.0 {
            let segment = match piece {
                Piece::Literal(literal) => literal,
                Piece::Segment(key) => params.get(key).unwrap_or_default(),
                Piece::Rest => params.get(REST).unwrap_or_default(),
            };
            // `/a` is asked for as `/b`, and `/a/` as `/b/`.
            let is_absent = segment.is_empty() && *piece == Piece::Rest && !path.ends_with('/');
            if !is_absent {
                new.push('/');
                new.push_str(segment);
            }
        }
        if new.is_empty() {
            new.push('/');
        }
        new
    }

    /// The other way round: the path, of those that `route` answers, whose new path is `new`. Both may have parameters.
    pub(super) fn undo(&self, new: &str, route: &str) -> Option<String> {
        let mut segments = new.split('/').skip(1);
        let (mut taken, mut rest) = (HashMap::new(), Vec::new());
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) if segments.next() == Some(literal) => {}
                Piece::Literal(_) => return None,
                Piece::Segment(key) => {
                    taken.insert(key.to_string(), segments.next()?);
                }
                Piece::Rest => rest = segments.by_ref().collect(),
            }
        }
        if segments.next().is_some() {
            return None;
        }
        let mut before = Vec::new();
        for (at, segment) in route.split('/').enumerate() {
            if segment.starts_with("{*") {
                before.append(&mut rest);
            } else {
                before.push(taken.get(&key(at)).copied().unwrap_or(segment));
            }
        }
        Some(if before.len() > 1 {
            before.join("/")
        } else {
            "/".into()
        })
    }
}

/// The name of the parameter at a segment, which files need not agree about.
fn key(at: usize) -> String {
    let mut key = String::from("p");
    // Writing to a text does not fail.
    let _ = write!(key, "{at}");
    key
}

/// The path with parameters named by where they stand.
pub(super) fn shape(path: &str) -> String {
    let rename = |(at, segment): (usize, &str)| match segment.strip_prefix('{') {
        Some(rest) if rest.starts_with('*') => format!("{{*{REST}}}"),
        Some(_) => format!("{{{}}}", key(at)),
        None => segment.to_owned(),
    };
    let segments = path.split('/').enumerate().map(rename);
    segments.collect::<Vec<_>>().join("/")
}

/// Whether one path is more specific than another that answers the same request: literal before
/// `{name}` before `{*rest}`, segment by segment.
pub(super) fn is_closer(path: &str, other: &str) -> bool {
    let kind = |segment: &str| match segment {
        _ if segment.starts_with("{*") => 2,
        _ if segment.starts_with('{') => 1,
        _ => 0,
    };
    path.split('/').map(kind).lt(other.split('/').map(kind))
}

/// A path is `/` and segments: literals of unreserved characters, `{name}`, and last `{*rest}`.
pub(super) fn check(path: &str) -> Result<(), String> {
    let Some(inner) = path.strip_prefix('/') else {
        return Err(format!("`{path}` does not start with `/`"));
    };
    let segments: Vec<&str> = inner.split('/').collect();
    if segments[0].eq_ignore_ascii_case("internal") {
        return Err("`/internal` is never reachable from outside".into());
    }
    for (at, segment) in segments.iter().enumerate() {
        let last = at + 1 == segments.len();
        if segment.is_empty() && !(last && at == 0) {
            return Err(format!("`{path}` has an empty segment"));
        }
        check_segment(segment, last)?;
    }
    Ok(())
}

fn check_segment(segment: &str, last: bool) -> Result<(), String> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let Some(parameter) = segment
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        let literal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        return if segment.bytes().all(literal) && segment != "." && segment != ".." {
            Ok(())
        } else {
            Err(format!(
                "`{segment}` is neither a plain segment nor `{{name}}`"
            ))
        };
    };
    match parameter.strip_prefix('*') {
        Some(name) if is_name(name) && last => Ok(()),
        Some(_) if !last => Err(format!("`{segment}` must be the last segment")),
        None if is_name(parameter) => Ok(()),
        _ => Err(format!(
            "`{segment}` needs a name of letters, digits and `_`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::Rewrite;
    use rstest::rstest;

    #[rstest]
    #[case::literal("/v1/notes", "/api/notes", "/api/notes", Some("/v1/notes"))]
    #[case::other("/v1/notes", "/api/notes", "/api/tally", None)]
    #[case::longer("/v1/notes", "/api/notes", "/api/notes/{id}", None)]
    #[case::segment("/v1/{a}/x", "/api/{a}", "/api/{id}", Some("/v1/{id}/x"))]
    #[case::dropped("/{tenant}/notes", "/api/notes", "/api/notes", Some("/{tenant}/notes"))]
    #[case::rest(
        "/v1/{*all}",
        "/api/v2/{*all}",
        "/api/v2/notes/{id}",
        Some("/v1/notes/{id}")
    )]
    #[case::no_rest("/v1/{*all}", "/api/v2/{*all}", "/api/v2", Some("/v1"))]
    #[case::root("/v1/{*all}", "/{*all}", "/notes", Some("/v1/notes"))]
    #[case::to_the_root("/{*all}", "/api/{*all}", "/api", Some("/"))]
    fn undoes_what_it_does(
        #[case] route: &str,
        #[case] rewrite: &str,
        #[case] new: &str,
        #[case] public: Option<&str>,
    ) {
        let rewrite = Rewrite::new(rewrite, route).unwrap();
        assert_eq!(rewrite.undo(new, route).as_deref(), public);
    }
}
