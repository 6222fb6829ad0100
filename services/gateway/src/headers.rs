//! What a proxy must take out of a message and put into it (RFC 9110 section 7.6).

use crate::exchange::From;
use crate::lines;
use crate::rare::Rare;
use crate::upstream::TIMEOUT;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, REFERRER_POLICY, SERVER, STRICT_TRANSPORT_SECURITY,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use std::sync::LazyLock;
use stoa_service::request_id;
use tokio::time::Instant;

/// Headers that are about one connection and end with it.
const HOP_BY_HOP: [HeaderName; 10] = [
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
];

/// What a client says to the gateway alone: what it waits for, and with which it could pass itself off as somebody else.
const FOR_THE_GATEWAY: [HeaderName; 6] = [
    EXPECT,
    FORWARDED,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-server"),
];

/// What the gateway says to a service in place of the client.
const BY_THE_GATEWAY: [HeaderName; 7] = [
    HOST,
    CONTENT_LENGTH,
    TIMEOUT,
    request_id::HEADER,
    X_FORWARDED_FOR,
    X_FORWARDED_PROTO,
    X_FORWARDED_HOST,
];

/// What of a request is not passed on as the client has said it.
static OF_REQUESTS: LazyLock<Names> = LazyLock::new(|| {
    let all = HOP_BY_HOP.into_iter().chain(FOR_THE_GATEWAY);
    Names::of(all.chain(BY_THE_GATEWAY))
});

/// What of an answer is not passed on.
static OF_ANSWERS: LazyLock<Names> =
    LazyLock::new(|| Names::of(HOP_BY_HOP.into_iter().chain([SERVER])));

/// Names that are looked for in every message, and are in few: by their length.
struct Names(Vec<Vec<HeaderName>>);

impl Names {
    fn of(all: impl Iterator<Item = HeaderName>) -> Self {
        let mut by_length: Vec<Vec<_>> = Vec::new();
        for name in all {
            let length = name.as_str().len();
            by_length.resize(by_length.len().max(length + 1), Vec::new());
            by_length[length].push(name);
        }
        Self(by_length)
    }

    fn has(&self, name: &HeaderName) -> bool {
        let as_long = self.0.get(name.as_str().len());
        as_long.is_some_and(|names| names.contains(name))
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(crate) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Set on every answer that does not say otherwise. The content policy is the console's own affair.
static SECURITY: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    (STRICT_TRANSPORT_SECURITY, HSTS),
];

/// Each of them as it is written.
static SECURITY_LINES: LazyLock<[Vec<u8>; SECURITY.len()]> = LazyLock::new(|| {
    SECURITY.each_ref().map(|(name, value)| {
        let mut line = Vec::new();
        lines::put(&mut line, name, value);
        line
    })
});
const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");

/// Whoever came encrypted once does so for a year (RFC 6797). The last of [`SECURITY`], for only those are told.
const HSTS: &str = "max-age=31536000";

/// What `Connection` lists.
fn listed(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect()
}

/// Writes a client's headers for a service: without what must not travel on, the fixed names and those that
/// `Connection` lists, and without what the gateway says itself, `replaced` included. Gives the host, for [`introduce`].
pub(crate) fn pass_on<'h>(
    lines: &mut Vec<u8>,
    headers: &'h HeaderMap,
    rare: Rare,
    replaced: &[HeaderName],
) -> Option<&'h HeaderValue> {
    let listed = if rare.connection {
        listed(headers)
    } else {
        Vec::new()
    };
    let mut host = None;
    for (name, value) in headers {
        if *name == HOST {
            host = host.or(Some(value));
        } else if !OF_REQUESTS.has(name) && !replaced.contains(name) && !listed.contains(name) {
            lines::put(lines, name, value);
        }
    }
    host
}

/// Writes who asks, and by which name of ours. The host of the service is said by who sends it.
pub(crate) fn introduce(
    lines: &mut Vec<u8>,
    client: From,
    id: &HeaderValue,
    host: Option<&HeaderValue>,
) {
    lines::put(lines, request_id::HEADER, id);
    lines.extend_from_slice(b"x-forwarded-for: ");
    lines::put_ip(lines, client.address);
    lines.extend_from_slice(b"\r\n");
    let scheme = if client.is_encrypted { "https" } else { "http" };
    lines::put(lines, X_FORWARDED_PROTO, scheme);
    if let Some(host) = host {
        lines::put(lines, X_FORWARDED_HOST, host);
    }
}

/// Makes the upstream's headers those of an answer of ours. Most have nothing that is to be taken out: to look through what
/// is there costs less than to look for each.
pub(crate) fn toward_client(headers: &mut HeaderMap) {
    if headers.keys().any(|name| OF_ANSWERS.has(name)) {
        for name in listed(headers).iter().chain(&HOP_BY_HOP).chain([&SERVER]) {
            headers.remove(name);
        }
    }
}

/// What the gateway says in an answer beside what is there already.
pub(crate) struct Added {
    /// When the answer was there.
    pub(crate) now: Instant,
    pub(crate) request_id: HeaderValue,
    pub(crate) is_encrypted: bool,
}

/// The same, on the way through the headers of an answer.
pub(crate) struct Adding<'a> {
    added: &'a Added,
    /// Which of [`SECURITY`] the answer has.
    has: [bool; SECURITY.len()],
}

impl Added {
    /// Nothing of the answer has been seen yet.
    pub(crate) fn begin(&self) -> Adding<'_> {
        let has = [false; SECURITY.len()];
        Adding { added: self, has }
    }

    /// Adds it to an answer.
    pub(crate) fn add_to(self, headers: &mut HeaderMap) {
        for (name, value) in self.security() {
            let entry = headers.entry(name);
            entry.or_insert(HeaderValue::from_static(value));
        }
        headers.insert(request_id::HEADER, self.request_id);
    }

    fn security(&self) -> &'static [(HeaderName, &'static str)] {
        match &SECURITY {
            all if self.is_encrypted => all,
            [but_hsts @ .., _] => but_hsts,
        }
    }
}

impl Adding<'_> {
    /// Notes a header of the answer; whether the gateway says it in place of that.
    pub(crate) fn replaces(&mut self, name: &HeaderName) -> bool {
        let known = SECURITY.iter().position(|(known, _)| known == name);
        if let Some(at) = known {
            self.has[at] = true;
        }
        *name == request_id::HEADER
    }

    /// Writes what is missing.
    pub(crate) fn write(self, lines: &mut Vec<u8>) {
        let count = self.added.security().len();
        for (line, has) in SECURITY_LINES[..count].iter().zip(self.has) {
            if !has {
                lines.extend_from_slice(line);
            }
        }
        lines::put(lines, request_id::HEADER, &self.added.request_id);
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
    use std::net::IpAddr;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut lines = Vec::new();
        write(&mut lines);
        String::from_utf8(lines).expect("text")
    }

    #[test]
    fn what_connection_lists_ends_at_the_gateway() {
        let pairs = [
            ("connection", "close, X-Secret"),
            ("connection", "x-other"),
            ("x-secret", "1"),
            ("x-other", "1"),
            ("te", "trailers"),
            ("accept", "*/*"),
        ];
        let mut map = headers(&pairs);
        let lines = written(|lines| {
            assert_eq!(pass_on(lines, &map, Rare::of(&map), &[]), None);
        });
        assert_eq!(lines, "accept: */*\r\n");
        toward_client(&mut map);
        assert_eq!(map, headers(&[("accept", "*/*")]));
    }

    #[test]
    fn a_client_cannot_choose_its_address() {
        let map = headers(&[
            ("host", "stoa.example"),
            ("x-forwarded-for", "10.0.0.1"),
            ("forwarded", "for=10.0.0.1"),
            ("x-real-ip", "10.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "elsewhere"),
            ("x-request-id", "theirs"),
            ("x-request-timeout-ms", "1"),
            ("content-length", "5"),
            ("x-replaced", "1"),
            ("accept", "*/*"),
        ]);
        let replaced = [HeaderName::from_static("x-replaced")];
        let mut host = None;
        let lines = written(|lines| host = pass_on(lines, &map, Rare::of(&map), &replaced));
        assert_eq!(lines, "accept: */*\r\n");
        let mut client = From {
            address: IpAddr::from([192, 0, 2, 107]),
            is_encrypted: false,
        };
        let id = HeaderValue::from_static("ours");
        let lines = written(|lines| introduce(lines, client, &id, host));
        let expected = "x-request-id: ours\r\nx-forwarded-for: 192.0.2.107\r\n\
            x-forwarded-proto: http\r\nx-forwarded-host: stoa.example\r\n";
        assert_eq!(lines, expected);
        client.address = "2001:db8::1".parse().expect("an address");
        client.is_encrypted = true;
        let lines = written(|lines| introduce(lines, client, &id, None));
        let expected =
            "x-request-id: ours\r\nx-forwarded-for: 2001:db8::1\r\nx-forwarded-proto: https\r\n";
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_upstream_may_say_more_about_security_and_not_by_which_id_the_client_asked() {
        let theirs = headers(&[
            ("x-frame-options", "SAMEORIGIN"),
            ("x-request-id", "theirs"),
        ]);
        for is_encrypted in [false, true] {
            let added = || Added {
                now: Instant::now(),
                request_id: HeaderValue::from_static("ours"),
                is_encrypted,
            };
            let mut map = theirs.clone();
            added().add_to(&mut map);
            assert_eq!(map["x-frame-options"], "SAMEORIGIN");
            assert_eq!(map["x-content-type-options"], "nosniff");
            assert_eq!(map["x-request-id"], "ours");
            let is_told = map.contains_key(STRICT_TRANSPORT_SECURITY);
            assert_eq!(is_told, is_encrypted);
            // Written, it is the same.
            let added = added();
            let mut adding = added.begin();
            let mut both = HeaderMap::new();
            for (name, value) in &theirs {
                if !adding.replaces(name) {
                    both.append(name, value.clone());
                }
            }
            for line in written(|lines| adding.write(lines)).lines() {
                let (name, value) = line.split_once(": ").expect("a header");
                let name: HeaderName = name.parse().expect("a name");
                both.append(name, value.parse().expect("a value"));
            }
            assert_eq!(both, map);
        }
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
