//! What a proxy must take out of a message and put into it (RFC 9110 section 7.6).

use http::header::{
    CONNECTION, EXPECT, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, REFERRER_POLICY, SERVER, STRICT_TRANSPORT_SECURITY, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use std::net::IpAddr;
use std::sync::LazyLock;

/// Headers that are about one connection and end with it.
static HOP_BY_HOP: LazyLock<Names> = LazyLock::new(|| {
    Names::of(vec![
        CONNECTION,
        HeaderName::from_static("http2-settings"),
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ])
});

/// What a client says to the gateway alone: what it waits for, and with which it could pass itself off as somebody else.
static FOR_THE_GATEWAY: LazyLock<Names> = LazyLock::new(|| {
    Names::of(vec![
        EXPECT,
        FORWARDED,
        HeaderName::from_static("x-real-ip"),
        HeaderName::from_static("x-forwarded-port"),
        HeaderName::from_static("x-forwarded-prefix"),
        HeaderName::from_static("x-forwarded-server"),
    ])
});

/// Names that are looked for in every message, and are in few.
struct Names {
    all: Vec<HeaderName>,
    /// A bit for each length that one of them has.
    lengths: u64,
}

impl Names {
    fn of(all: Vec<HeaderName>) -> Self {
        let lengths = all.iter().fold(0, |bits, name| bits | length_bit(name));
        Self { all, lengths }
    }

    fn has(&self, name: &HeaderName) -> bool {
        self.lengths & length_bit(name) != 0 && self.all.contains(name)
    }
}

/// Longer names than the last bit tells are as long as that.
fn length_bit(name: &HeaderName) -> u64 {
    1 << name.as_str().len().min(63)
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Set on every answer that does not say otherwise. The content policy is the console's own affair.
const SECURITY: [(HeaderName, &str); 4] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
];
const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");

/// Whoever came encrypted once does so for a year (RFC 6797).
const HSTS: &str = "max-age=31536000";

/// Takes these names out. Most messages have none of them: to look through what is there costs less than to look for
/// each.
fn strip(headers: &mut HeaderMap, names: &Names) {
    if headers.keys().any(|name| names.has(name)) {
        for name in &names.all {
            headers.remove(name);
        }
    }
}

/// Takes out what must not travel on: the fixed names and those that `Connection` lists.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    strip(headers, &HOP_BY_HOP);
    for name in listed {
        headers.remove(name);
    }
}

/// Makes the client's headers those of a request of ours, from this client, who may have come by TLS. The host is said by
/// who sends it.
pub(crate) fn toward_upstream(headers: &mut HeaderMap, client: IpAddr, is_encrypted: bool) {
    let host = headers.get(HOST).cloned();
    strip_hop_by_hop(headers);
    strip(headers, &FOR_THE_GATEWAY);
    headers.insert(X_FORWARDED_FOR, spelled(client));
    let scheme = if is_encrypted { "https" } else { "http" };
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    match host {
        Some(host) => headers.insert(X_FORWARDED_HOST, host),
        None => headers.remove(X_FORWARDED_HOST),
    };
}

/// An address as text.
fn spelled(address: IpAddr) -> HeaderValue {
    let IpAddr::V4(address) = address else {
        return HeaderValue::try_from(address.to_string()).expect("an address is ASCII");
    };
    // Almost every request has one of these, and the formatter takes as long for it as the route table for the path.
    let mut text = Vec::with_capacity("255.255.255.255".len());
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            text.push(b'.');
        }
        text.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
    }
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).expect("digits and dots")
}

/// Makes the upstream's headers those of an answer of ours.
pub(crate) fn toward_client(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    headers.remove(SERVER);
}

/// Adds the security headers that are missing.
pub(crate) fn secure(headers: &mut HeaderMap, is_encrypted: bool) {
    for (name, value) in SECURITY {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if is_encrypted {
        headers
            .entry(STRICT_TRANSPORT_SECURITY)
            .or_insert(HeaderValue::from_static(HSTS));
    }
}

/// Whether the request asks for a WebSocket.
pub(crate) fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let listed = |name: &HeaderName, word: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| {
                value
                    .split(',')
                    .any(|part| part.trim().eq_ignore_ascii_case(word))
            })
    };
    listed(&CONNECTION, "upgrade") && listed(&UPGRADE, "websocket")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn what_connection_lists_ends_at_the_gateway() {
        let mut map = headers(&[
            ("connection", "close, X-Secret"),
            ("connection", "x-other"),
            ("x-secret", "1"),
            ("x-other", "1"),
            ("te", "trailers"),
            ("accept", "*/*"),
        ]);
        strip_hop_by_hop(&mut map);
        assert_eq!(map, headers(&[("accept", "*/*")]));
    }

    #[test]
    fn a_client_cannot_choose_its_address() {
        let mut map = headers(&[
            ("host", "stoa.example"),
            ("x-forwarded-for", "10.0.0.1"),
            ("forwarded", "for=10.0.0.1"),
            ("x-real-ip", "10.0.0.1"),
            ("x-forwarded-proto", "https"),
        ]);
        toward_upstream(&mut map, IpAddr::from([192, 0, 2, 7]), false);
        let expected = [
            ("host", "stoa.example"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "stoa.example"),
        ];
        assert_eq!(map, headers(&expected));
    }

    #[test]
    fn the_upstream_may_say_more_about_security() {
        let mut map = headers(&[("x-frame-options", "SAMEORIGIN")]);
        secure(&mut map, false);
        assert_eq!(map["x-frame-options"], "SAMEORIGIN");
        assert_eq!(map["x-content-type-options"], "nosniff");
    }

    #[test]
    fn only_a_websocket_upgrade_counts() {
        let ask = |connection, upgrade| {
            asks_for_websocket(&headers(&[
                ("connection", connection),
                ("upgrade", upgrade),
            ]))
        };
        assert!(ask("keep-alive, Upgrade", "WebSocket"));
        assert!(!ask("Upgrade", "h2c"));
        assert!(!ask("keep-alive", "websocket"));
    }
}
