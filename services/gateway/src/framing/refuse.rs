//! What is doubtful about a request whose head has been understood, in HTTP/1 and HTTP/2.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderValue, ORIGIN,
    TRANSFER_ENCODING,
};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Request, StatusCode, Uri, Version};
use stoa_contracts::ErrorCode;
use stoa_service::Problem;

/// The services take 100, and the gateway adds a few of its own.
const MOST_HEADERS: usize = 90;

/// End-to-end headers that a client must not make us drop on the way by calling them its
/// connection's: who asks, for what, and how long the body is.
const END_TO_END: [&str; 14] = [
    "authorization",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "origin",
    "traceparent",
    "transfer-encoding",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

/// Why a request is answered without being looked at any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it is answered with.
    pub status: StatusCode,
    /// What the client can do about it.
    pub detail: &'static str,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(ErrorCode::Invalid, refusal.detail).with_status(refusal.status)
    }
}

const fn bad(detail: &'static str) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        detail,
    }
}

/// Looks at a head once; gives what is wrong with it.
pub fn refuse<B>(request: &Request<B>) -> Option<Refusal> {
    check(request).err()
}

/// Looks at whether a body comes with what has none: a stream of HTTP/2 needs no header to have one.
pub fn refuse_body(method: &Method, is_empty: bool) -> Option<Refusal> {
    (!is_empty && !takes_body(method)).then_some(BODY)
}

const BODY: Refusal = bad("GET and HEAD have no body.");

fn takes_body(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

fn check<B>(request: &Request<B>) -> Result<(), Refusal> {
    if request.headers().len() > MOST_HEADERS {
        return Err(Refusal {
            status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            detail: "The request has too many headers.",
        });
    }
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Refusal {
            status: StatusCode::METHOD_NOT_ALLOWED,
            detail: "Nothing here takes this method.",
        });
    }
    target(request.uri(), request.version())?;
    let hosts = headers(request, takes_body(request.method()))?;
    host(request, &hosts)
}

fn target(uri: &Uri, version: Version) -> Result<(), Refusal> {
    let target = uri.path_and_query().map(PathAndQuery::as_str);
    if !target.is_none_or(str::is_ascii) {
        return Err(bad(
            "Other characters than ASCII must be percent-encoded in the request target.",
        ));
    }
    // A URL may leave its path out (`http://stoa?x`); in HTTP/2 it is a field of its own that never does.
    let is_path = target.is_none_or(|target| target.starts_with('/'));
    if !uri.path().starts_with('/') || (version == Version::HTTP_2 && !is_path) {
        return Err(bad("The request target must be a path or an http URL."));
    }
    match uri.scheme() {
        Some(scheme) if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS => {
            Err(bad("The request target must be a path or an http URL."))
        }
        _ => Ok(()),
    }
}

/// The `Host` headers that were seen on the way through all headers.
struct Hosts<'a> {
    first: Option<&'a HeaderValue>,
    several: bool,
}

fn headers<B>(request: &Request<B>, takes_body: bool) -> Result<Hosts<'_>, Refusal> {
    let mut hosts = Hosts {
        first: None,
        several: false,
    };
    let (mut authorization, mut content_type, mut origin) = (false, false, false);
    for (name, value) in request.headers() {
        match *name {
            HOST => hosts.several |= hosts.first.replace(value).is_some(),
            // Of which the door and the service must see the same value.
            AUTHORIZATION => once(&mut authorization)?,
            CONTENT_TYPE => once(&mut content_type)?,
            ORIGIN => once(&mut origin)?,
            CONNECTION => connection(value)?,
            EXPECT => expect(value)?,
            CONTENT_LENGTH if !takes_body && value != "0" => return Err(BODY),
            TRANSFER_ENCODING if !takes_body => return Err(BODY),
            _ => {}
        }
    }
    Ok(hosts)
}

fn once(has_come: &mut bool) -> Result<(), Refusal> {
    if std::mem::replace(has_come, true) {
        return Err(bad("A header that has one value came twice."));
    }
    Ok(())
}

fn connection(value: &HeaderValue) -> Result<(), Refusal> {
    let abused = value.as_bytes().split(|byte| *byte == b',').any(|listed| {
        let listed = listed.trim_ascii();
        END_TO_END
            .iter()
            .any(|name| listed.eq_ignore_ascii_case(name.as_bytes()))
    });
    if abused {
        return Err(bad(
            "`Connection` lists a header that belongs to the request.",
        ));
    }
    Ok(())
}

fn expect(value: &HeaderValue) -> Result<(), Refusal> {
    if value.as_bytes().eq_ignore_ascii_case(b"100-continue") {
        return Ok(());
    }
    Err(Refusal {
        status: StatusCode::EXPECTATION_FAILED,
        detail: "`Expect` can only be `100-continue`.",
    })
}

/// One host, plainly spelled, and the same one wherever it stands.
fn host<B>(request: &Request<B>, hosts: &Hosts<'_>) -> Result<(), Refusal> {
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let header = hosts.first.map(HeaderValue::as_bytes);
    let is_plain = |host: &[u8]| !host.is_empty() && host.iter().all(|byte| is_of_host(*byte));
    let plain = header.is_none_or(is_plain) && authority.is_none_or(|a| is_plain(a.as_bytes()));
    let agree = match (header, authority) {
        (Some(header), Some(authority)) => header.eq_ignore_ascii_case(authority.as_bytes()),
        (None, None) => request.version() < Version::HTTP_11,
        // In HTTP/1 an absolute URL does not replace the header.
        (None, Some(_)) => request.version() != Version::HTTP_11,
        (Some(_), None) => true,
    };
    if hosts.several || !plain || !agree {
        return Err(bad("The request must name one host, in one way."));
    }
    Ok(())
}

/// Of a name, an address or a port; nobody's name here has anything else in it.
fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(method: Method, uri: &str, version: Version, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(uri).version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        refuse(&request).map_or(200, |refusal| refusal.status.as_u16())
    }

    fn get(headers: &[(&str, &str)]) -> u16 {
        verdict(Method::GET, "/a", Version::HTTP_11, headers)
    }

    #[test]
    fn an_ordinary_request_passes() {
        let ordinary = [
            ("host", "stoa.example:8080"),
            ("connection", "keep-alive, Upgrade"),
            ("content-length", "0"),
            ("authorization", "Bearer x"),
            ("expect", "100-Continue"),
        ];
        assert_eq!(get(&ordinary), 200);
        assert_eq!(verdict(Method::GET, "/a", Version::HTTP_10, &[]), 200);
        let absolute = "http://stoa/a?b";
        let host = [("host", "STOA")];
        assert_eq!(verdict(Method::GET, absolute, Version::HTTP_11, &host), 200);
        assert_eq!(verdict(Method::GET, absolute, Version::HTTP_2, &[]), 200);
    }

    #[test]
    fn a_url_may_leave_its_path_out_and_the_field_of_http2_may_not() {
        let (bare, host) = ("http://stoa?x=1", [("host", "stoa")]);
        assert_eq!(verdict(Method::GET, bare, Version::HTTP_11, &host), 200);
        assert_eq!(verdict(Method::GET, bare, Version::HTTP_2, &[]), 400);
    }

    #[test]
    fn one_host_is_named_in_one_way() {
        for host in ["", "a b", "user@stoa", "stoa,evil", "stoa/x", "st\u{f6}a"] {
            assert_eq!(get(&[("host", host)]), 400, "{host}");
        }
        assert_eq!(get(&[]), 400);
        assert_eq!(get(&[("host", "a"), ("host", "a")]), 400);
        let differs = [("host", "evil")];
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let status = verdict(Method::GET, "http://stoa/", version, &differs);
            assert_eq!(status, 400);
        }
        let user = verdict(Method::GET, "http://u@stoa/", Version::HTTP_2, &[]);
        assert_eq!(user, 400);
    }

    #[test]
    fn what_the_services_must_see_cannot_be_dropped_or_doubled() {
        for name in ["Authorization", "x, host", "close,\tcontent-length"] {
            assert_eq!(get(&[("host", "a"), ("connection", name)]), 400, "{name}");
        }
        let twice = [
            ("authorization", "a"),
            ("authorization", "b"),
            ("host", "a"),
        ];
        assert_eq!(get(&twice), 400);
        assert_eq!(get(&[("host", "a"), ("content-length", "3")]), 400);
        assert_eq!(get(&[("host", "a"), ("expect", "200-ok")]), 417);
        assert_eq!(
            verdict(Method::TRACE, "/", Version::HTTP_11, &[("host", "a")]),
            405
        );
        let many: Vec<_> = (0..=90).map(|_| ("x", "y")).collect();
        assert_eq!(get(&many), 431);
    }
}
