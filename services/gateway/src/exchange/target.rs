//! What a request is answered by: a route's service, the gateway itself, or a refusal.

use super::{last, refusal};
use crate::body::Given;
use crate::openapi::Own;
use crate::routes::{Found, Lookup, Route, Table};
use crate::{Gateway, cors, path};
use bytes::Bytes;
use http::header::{ALLOW, HOST, HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery};
use http::{Method, Request, Response, StatusCode, Uri};
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use stoa_contracts::ErrorCode;
use stoa_service::Problem;

/// The metrics' route of what no route takes.
static UNMATCHED: LazyLock<Arc<str>> = LazyLock::new(|| "unmatched".into());

/// What a request is to be answered by.
pub(super) enum Target {
    /// A service.
    Route(Arc<Route>),
    /// The gateway itself.
    Own(Own),
    /// Nobody.
    Refusal(Box<Response<Given>>),
}

/// Whose pages may read an answer.
pub(super) enum Pages {
    /// Our own.
    Own,
    /// Those of the origins that the route names; this one's, if it is one of them.
    Named(Option<HeaderValue>),
}

impl Target {
    pub(super) fn template(&self) -> Arc<str> {
        match self {
            Self::Route(route) => Arc::clone(&route.path),
            Self::Own(own) => own.path().into(),
            Self::Refusal(_) => Arc::clone(&UNMATCHED),
        }
    }

    /// What a page of another origin may see of the answer.
    pub(super) fn pages(&self, headers: &HeaderMap) -> Pages {
        match self {
            Self::Route(route) if !route.cors.is_empty() => {
                Pages::Named(cors::allowed(&route.cors, headers).cloned())
            }
            _ => Pages::Own,
        }
    }
}

/// The route of a request; its path is then spelled as the route's service will read it.
pub(super) fn find<B>(gateway: &Gateway, request: &mut Request<B>) -> Target {
    let unusable = |detail: String| {
        let problem = Problem::new(ErrorCode::Invalid, detail);
        Target::Refusal(last(problem.with_status(StatusCode::BAD_REQUEST)).into())
    };
    let uri = request.uri();
    let path = match path::normalise(uri.path()) {
        Ok(path) => path,
        Err(doubt) => return unusable(doubt.to_string()),
    };
    let nothing = || {
        let problem = Problem::new(ErrorCode::NotFound, "There is nothing at this path.");
        Target::Refusal(refusal(problem).into())
    };
    if path::is_internal(&path) {
        return nothing();
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if let Some(own) = Own::at(&path).filter(|_| is_read) {
        return Target::Own(own);
    }
    let (method, headers) = (request.method(), request.headers());
    let table = gateway.routes.current();
    let host = table.has_hosts().then(|| host(uri, headers)).flatten();
    if cors::is_preflight(method, headers)
        && let Some(answer) = preflight(&table, host, &path, headers)
    {
        return Target::Refusal(answer.into());
    }
    let found = table.lookup(method, host, &path, headers);
    let Found { route, path: new } = match found {
        Lookup::Found(found) => found,
        Lookup::Unknown => return nothing(),
        Lookup::WrongMethod(methods) => return Target::Refusal(wrong_method(&methods).into()),
    };
    let path = new.map_or(path, Cow::Owned);
    // A URL without a path (`http://stoa?x`) is asked for at `/`; as it is said, it would not begin with that.
    let said = uri.path_and_query().map(PathAndQuery::as_str);
    if path != uri.path() || !said.is_none_or(|said| said.starts_with('/')) {
        let query = uri.query();
        let query = query.map_or_else(String::new, |query| format!("?{query}"));
        match format!("{path}{query}").parse::<Uri>() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(error) => return unusable(format!("{error}.")),
        }
    }
    Target::Route(route)
}

/// The answer to the question of a browser, where a route names origins.
fn preflight(
    table: &Table,
    host: Option<&str>,
    path: &str,
    headers: &HeaderMap,
) -> Option<Response<Given>> {
    let method = cors::asked(headers)?;
    let Lookup::Found(Found { route, .. }) = table.lookup(&method, host, path, headers) else {
        return None;
    };
    let methods = if route.methods.is_empty() {
        vec![method]
    } else {
        route.methods.clone()
    };
    (!route.cors.is_empty()).then(|| {
        cors::preflight(&route.cors, &methods, headers).map(|()| Given::whole(Bytes::new()))
    })
}

/// The host that the request is for: HTTP/2 says it in the target, HTTP/1 in a header.
fn host<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    let said = headers.get(HOST).and_then(|host| host.to_str().ok());
    uri.authority().map(Authority::as_str).or(said)
}

fn wrong_method(methods: &[Method]) -> Response<Given> {
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    let names = names.join(", ");
    let problem = Problem::new(ErrorCode::Invalid, format!("This path takes {names} only."));
    let mut response = refusal(problem.with_status(StatusCode::METHOD_NOT_ALLOWED));
    let allow = HeaderValue::try_from(names).expect("names of methods are ASCII");
    response.headers_mut().insert(ALLOW, allow);
    response
}
