//! One `routes.toml`: read, checked, every mistake with its line.

use super::{Auth, Origin, Route, RouteError};
use http::Method;
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

/// Longer than the slowest answer that a person waits for, shorter than their patience.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// As much as the services themselves accept where they say nothing else.
const DEFAULT_BODY_LIMIT: u64 = 1024 * 1024;

/// The routes of one service.
#[derive(Debug)]
pub struct RouteFile {
    /// The service.
    pub service: Arc<str>,
    /// Whether it serves `/openapi.json`.
    pub openapi: bool,
    /// Its routes in the order of the file.
    pub routes: Vec<Route>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default = "yes")]
    openapi: bool,
    #[serde(default)]
    route: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: Spanned<String>,
    methods: Option<Spanned<Vec<String>>>,
    auth: Auth,
    timeout: Option<Spanned<String>>,
    body_limit: Option<Spanned<String>>,
    #[serde(default)]
    upgrade: bool,
}

fn yes() -> bool {
    true
}

/// A mistake at a byte of the file.
struct Mistake {
    at: usize,
    reason: String,
}

fn mistake<T>(spanned: &Spanned<T>, reason: impl Into<String>) -> Mistake {
    Mistake {
        at: spanned.span().start,
        reason: reason.into(),
    }
}

/// Reads the text of a service's route file.
pub fn parse(service: &str, path: &Path, text: &str) -> Result<RouteFile, RouteError> {
    let file: Arc<Path> = path.into();
    let service: Arc<str> = service.into();
    let origin = |at: usize| Origin {
        file: Arc::clone(&file),
        line: line_of(text, at),
    };
    let document: Document = toml::from_str(text).map_err(|error| RouteError::Malformed {
        origin: origin(error.span().map_or(0, |span| span.start)),
        reason: error.message().to_owned(),
    })?;
    let mut routes = Vec::new();
    for entry in document.route {
        let origin_of_entry = origin(entry.span().start);
        let route = read(entry.into_inner(), Arc::clone(&service), origin_of_entry).map_err(
            |Mistake { at, reason }| RouteError::Malformed {
                origin: origin(at),
                reason,
            },
        )?;
        routes.push(route);
    }
    Ok(RouteFile {
        service,
        openapi: document.openapi,
        routes,
    })
}

fn read(entry: Entry, service: Arc<str>, origin: Origin) -> Result<Route, Mistake> {
    check_path(entry.path.get_ref()).map_err(|reason| mistake(&entry.path, reason))?;
    let timeout = entry.timeout.map_or(Ok(DEFAULT_TIMEOUT), |text| {
        stoa_config::parse_duration(text.get_ref()).map_err(|error| mistake(&text, error))
    })?;
    let body_limit = entry.body_limit.map_or(Ok(DEFAULT_BODY_LIMIT), |text| {
        stoa_config::parse_size(text.get_ref())
            .map(|bytes| bytes as u64)
            .map_err(|error| mistake(&text, error))
    })?;
    Ok(Route {
        service,
        path: entry.path.into_inner().into(),
        methods: entry
            .methods
            .map_or(Ok(Vec::new()), |names| methods(&names))?,
        auth: entry.auth,
        timeout,
        body_limit,
        upgrade: entry.upgrade,
        origin,
    })
}

fn methods(names: &Spanned<Vec<String>>) -> Result<Vec<Method>, Mistake> {
    const KNOWN: [Method; 6] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let mut methods = Vec::new();
    for name in names.get_ref() {
        let known = KNOWN.into_iter().find(|method| method.as_str() == name);
        let method = known.ok_or_else(|| {
            mistake(
                names,
                format!("`{name}` is none of GET, HEAD, POST, PUT, PATCH, DELETE"),
            )
        })?;
        methods.push(method);
    }
    if methods.is_empty() {
        return Err(mistake(names, "leave `methods` out to mean every method"));
    }
    Ok(methods)
}

/// A path is `/` and segments: literals of unreserved characters, `{name}`, and last `{*rest}`.
fn check_path(path: &str) -> Result<(), String> {
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

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
