//! Pages of other origins: which of them may call a route, and how a browser is told.
//!
//! A route names its origins; one that names none is for pages of our own. An origin is answered
//! by its own name and never by `*`, so credentials may come along.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::{Method, Response, StatusCode};

/// What our clients send beside what browsers always may.
const ALLOWED_HEADERS: &str = "authorization, content-type, idempotency-key, if-match, traceparent";
/// What a page may read of an answer beside what it always may.
const EXPOSED_HEADERS: &str = "etag, location, retry-after, x-request-id";
/// Ten minutes: a route that loses an origin is closed to it soon.
const MAX_AGE: &str = "600";
/// What an answer to a preflight depends on.
const PREFLIGHT_VARY: &str =
    "origin, access-control-request-method, access-control-request-headers";
const REQUEST_METHOD: HeaderName = ACCESS_CONTROL_REQUEST_METHOD;

/// The origin of a request, if it is one of these.
pub(crate) fn allowed<'a>(
    origins: &'a [HeaderValue],
    headers: &HeaderMap,
) -> Option<&'a HeaderValue> {
    let mut sent = headers.get_all(ORIGIN).iter();
    let (origin, None) = (sent.next()?, sent.next()) else {
        return None;
    };
    origins.iter().find(|allowed| *allowed == origin)
}

/// Whether this is the question of a browser before the request of a page.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(REQUEST_METHOD)
}

/// The method that a preflight asks about.
pub(crate) fn asked(headers: &HeaderMap) -> Option<Method> {
    headers.get(REQUEST_METHOD)?.as_bytes().try_into().ok()
}

/// Answers a preflight for a path whose routes take these methods; an origin that is not allowed
/// gets the same answer without the permission.
pub(crate) fn preflight(
    origins: &[HeaderValue],
    methods: &[Method],
    request: &HeaderMap,
) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static(PREFLIGHT_VARY));
    let Some(origin) = allowed(origins, request) else {
        return response;
    };
    permit(headers, origin);
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    let names = HeaderValue::try_from(names.join(", ")).expect("names of methods are ASCII");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, names);
    let allowed = HeaderValue::from_static(ALLOWED_HEADERS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    let age = HeaderValue::from_static(MAX_AGE);
    headers.insert(ACCESS_CONTROL_MAX_AGE, age);
    response
}

/// Lets the page of an allowed origin read an answer. `origin` is what [`allowed`] found in the
/// request. Only for routes that name origins: every answer of theirs varies.
pub(crate) fn decorate(origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
    // What the service says about origins would contradict the route.
    for name in [
        ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        ACCESS_CONTROL_EXPOSE_HEADERS,
    ] {
        answer.remove(name);
    }
    answer.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        permit(answer, origin);
        let exposed = HeaderValue::from_static(EXPOSED_HEADERS);
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

fn permit(headers: &mut HeaderMap, origin: &HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    let credentials = HeaderValue::from_static("true");
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://shop.example";

    fn asks(origins: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(ORIGIN, HeaderValue::from_static(origin));
        }
        headers.insert(REQUEST_METHOD, HeaderValue::from_static("PUT"));
        headers
    }

    fn answer(origins: &[&'static str]) -> HeaderMap {
        let methods = [Method::GET, Method::PUT];
        let response: Response<()> =
            preflight(&[HeaderValue::from_static(PAGE)], &methods, &asks(origins));
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        response.headers().clone()
    }

    #[test]
    fn an_allowed_origin_is_told_what_it_may() {
        let headers = answer(&[PAGE]);
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_METHODS], "GET, PUT");
        assert_eq!(headers[ACCESS_CONTROL_MAX_AGE], MAX_AGE);
        assert_eq!(headers[VARY], PREFLIGHT_VARY);
    }

    #[test]
    fn no_other_origin_is_told_anything() {
        for other in [
            &["https://evil.example"][..],
            &["https://shop.example.evil.example"],
            &["http://shop.example"],
            &["https://shop.example:8443"],
            &["https://SHOP.example"],
            &["null"],
            &[PAGE, "https://evil.example"],
            &[],
        ] {
            let headers = answer(other);
            assert_eq!(headers.len(), 1, "{other:?}: {headers:?}");
            assert!(headers.contains_key(VARY));
        }
    }

    #[test]
    fn only_a_question_with_an_origin_and_a_method_is_a_preflight() {
        let asked = asks(&[PAGE]);
        assert!(is_preflight(&Method::OPTIONS, &asked));
        assert!(!is_preflight(&Method::PUT, &asked));
        assert!(!is_preflight(&Method::OPTIONS, &asks(&[])));
        assert!(!is_preflight(&Method::OPTIONS, &HeaderMap::new()));
    }

    #[test]
    fn the_route_decides_and_not_the_service() {
        let mut answer = HeaderMap::new();
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        answer.insert(VARY, HeaderValue::from_static("accept-encoding"));
        decorate(None, &mut answer);
        assert!(!answer.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        assert_eq!(answer.get_all(VARY).iter().count(), 2);
        decorate(Some(&HeaderValue::from_static(PAGE)), &mut answer);
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
        assert_eq!(answer[ACCESS_CONTROL_EXPOSE_HEADERS], EXPOSED_HEADERS);
    }
}
