//! One `routes.toml`: read, checked, every mistake with its line.

use super::condition::{HeaderCondition, Host};
use super::template::{self, Rewrite};
use super::terms::{self, LimitBy, RouteLimit, Target};
use super::{Auth, Origin, Route, RouteError};
use http::{HeaderValue, Method};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

/// Longer than the slowest answer that a person waits for, shorter than their patience.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// What a process that is about to end may still be asked to wait for.
pub(crate) const LONGEST_TIMEOUT: Duration = Duration::from_mins(15);
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
    host: Option<Spanned<String>>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
    auth: Auth,
    timeout: Option<Spanned<String>>,
    body_limit: Option<Spanned<String>>,
    #[serde(default)]
    upgrade: bool,
    rewrite: Option<Spanned<String>>,
    to: Option<Spanned<Vec<TargetEntry>>>,
    limit: Option<Spanned<LimitEntry>>,
    #[serde(default)]
    cors: Vec<Spanned<String>>,
    coalesce: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetEntry {
    service: Spanned<String>,
    weight: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitEntry {
    rate: Spanned<String>,
    burst: Option<NonZeroU32>,
    by: Option<LimitBy>,
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
    if text.trim().is_empty() {
        // What somebody is about to write looks like this for a moment.
        let reason = "the file is empty (a service without public routes says `openapi = false`)";
        return Err(RouteError::Malformed {
            origin: origin(0),
            reason: reason.into(),
        });
    }
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
    checked(&entry.path, |path| template::check(path))?;
    let path = entry.path.into_inner();
    let methods = entry.methods.as_ref().map_or(Ok(Vec::new()), methods)?;
    let rewrite = |text: &Spanned<String>| checked(text, |text| Rewrite::new(text, &path));
    let coalesce = entry
        .coalesce
        .map_or(Ok(false), |wish| coalesce(&wish, &methods, entry.upgrade))?;
    let mut route = Route {
        id: 0,
        service,
        rewrite: entry.rewrite.as_ref().map(rewrite).transpose()?,
        host: entry
            .host
            .map(|host| checked(&host, |host| Host::new(host)))
            .transpose()?,
        headers: headers(&entry.headers)?,
        timeout: entry.timeout.map_or(Ok(DEFAULT_TIMEOUT), timeout)?,
        body_limit: entry.body_limit.map_or(Ok(DEFAULT_BODY_LIMIT), |text| {
            checked(&text, |text| stoa_config::parse_size(text)).map(|bytes| bytes as u64)
        })?,
        to: entry.to.map_or(Ok(Vec::new()), targets)?,
        limit: None,
        cors: origins(&entry.cors)?,
        coalesce,
        path: path.into(),
        methods,
        auth: entry.auth,
        upgrade: entry.upgrade,
        origin,
    };
    if let Some(limit) = entry.limit {
        route.limit = Some(read_limit(limit, &route)?);
    }
    Ok(route)
}

/// What becomes of a value, or the mistake where it stands.
fn checked<T, V>(
    value: &Spanned<T>,
    read: impl FnOnce(&T) -> Result<V, String>,
) -> Result<V, Mistake> {
    read(value.get_ref()).map_err(|reason| mistake(value, reason))
}

#[expect(clippy::needless_pass_by_value, reason = "the entry is taken apart")]
fn timeout(text: Spanned<String>) -> Result<Duration, Mistake> {
    let timeout = checked(&text, |text| stoa_config::parse_duration(text))?;
    if timeout > LONGEST_TIMEOUT {
        return Err(mistake(&text, "no answer may take longer than `15m`"));
    }
    Ok(timeout)
}

fn headers(entries: &BTreeMap<String, Spanned<String>>) -> Result<Vec<HeaderCondition>, Mistake> {
    let mut headers: Vec<HeaderCondition> = Vec::new();
    for (name, value) in entries {
        let header = checked(value, |value| HeaderCondition::new(name, value))?;
        if headers.iter().any(|other| other.name == header.name) {
            return Err(mistake(value, format!("`{name}` is named twice")));
        }
        headers.push(header);
    }
    // So that two lists with the same content are equal.
    headers.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
    Ok(headers)
}

fn targets(entries: Spanned<Vec<TargetEntry>>) -> Result<Vec<Target>, Mistake> {
    let at = entries.span().start;
    let mut targets = Vec::new();
    for TargetEntry { service, weight } in entries.into_inner() {
        checked(&service, |name| terms::check_service(name))?;
        targets.push(Target {
            service: service.into_inner().into(),
            weight,
        });
    }
    terms::check_targets(&targets).map_err(|reason| Mistake { at, reason })?;
    Ok(targets)
}

fn read_limit(entry: Spanned<LimitEntry>, route: &Route) -> Result<RouteLimit, Mistake> {
    let at = entry.span().start;
    let LimitEntry { rate, burst, by } = entry.into_inner();
    let (requests, per) = checked(&rate, |rate| terms::rate(rate))?;
    let by = by.unwrap_or(match route.auth {
        Auth::Required => LimitBy::Identity,
        Auth::None => LimitBy::Address,
    });
    let known = match by {
        LimitBy::Identity => Some("identity"),
        LimitBy::Account => Some("account"),
        LimitBy::Address => None,
    };
    if let Some(known) = known.filter(|_| route.auth == Auth::None) {
        let reason = format!("`by = \"{known}\"` needs `auth = \"required\"`");
        return Err(Mistake { at, reason });
    }
    let burst = burst.unwrap_or(requests);
    let Route {
        path,
        methods,
        host,
        headers,
        ..
    } = route;
    let name = format!("{path} {methods:?} {host:?} {headers:?} {requests}/{per:?} {burst} {by:?}");
    Ok(RouteLimit {
        name: name.into(),
        requests,
        per,
        burst,
        by,
    })
}

fn origins(entries: &[Spanned<String>]) -> Result<Vec<HeaderValue>, Mistake> {
    let read = |entry| checked(entry, |text: &String| terms::origin(text));
    entries.iter().map(read).collect()
}

fn coalesce(wish: &Spanned<bool>, methods: &[Method], upgrade: bool) -> Result<bool, Mistake> {
    match wish.get_ref() {
        true if methods != [Method::GET] => Err(mistake(
            wish,
            "only `methods = [\"GET\"]` can share an answer",
        )),
        true if upgrade => Err(mistake(wish, "a WebSocket cannot be shared")),
        wish => Ok(*wish),
    }
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

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
