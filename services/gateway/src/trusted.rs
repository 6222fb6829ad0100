//! Whom we believe when it says who is asking, and how they came: proxies before the gateway.

use crate::exchange::From;
use http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The networks of proxies that are believed; nobody, unless configured.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Where a request comes from: the connection, or what a believed proxy says. Its own word is the last entry of
    /// each header; those before it are what the client claims.
    pub(crate) fn origin(&self, from: From, headers: &HeaderMap) -> From {
        let peer = from.address.to_canonical();
        if !self.has(peer) {
            return From {
                address: peer,
                ..from
            };
        }
        let address = last(headers, &X_FORWARDED_FOR).and_then(|entry| entry.parse().ok());
        let is_encrypted = match last(headers, &X_FORWARDED_PROTO) {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            _ => from.is_encrypted,
        };
        From {
            address: address.map_or(peer, |address: IpAddr| address.to_canonical()),
            is_encrypted,
        }
    }

    /// Whether this is the address of a believed proxy.
    pub(crate) fn has(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.contains(&peer))
    }
}

/// The last entry of a header that is a list.
fn last<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim)
}

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = |entry: &str| {
            let entry = entry.trim();
            let network = entry.parse::<IpNet>().ok();
            let address = || entry.parse::<IpAddr>().ok().map(IpNet::from);
            network
                .or_else(address)
                .ok_or_else(|| format!("`{entry}` is no network such as 10.0.0.0/8"))
        };
        text.split(',')
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&'static str]) -> String {
        let trusted: TrustedProxies = trusted.parse().unwrap();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        origin(&trusted, peer.parse().unwrap(), &headers)
            .address
            .to_string()
    }

    fn origin(trusted: &TrustedProxies, address: IpAddr, headers: &HeaderMap) -> From {
        let is_encrypted = false;
        let from = From {
            address,
            is_encrypted,
        };
        trusted.origin(from, headers)
    }

    #[test]
    fn only_the_last_word_of_a_believed_proxy_counts() {
        let networks = "10.0.0.0/8, fd00::/8,192.0.2.1";
        for (peer, forwarded, expected) in [
            ("10.1.2.3", &["1.1.1.1, 2.2.2.2"][..], "2.2.2.2"),
            ("10.1.2.3", &["1.1.1.1", "2.2.2.2"], "2.2.2.2"),
            ("::ffff:10.1.2.3", &["2.2.2.2"], "2.2.2.2"),
            ("192.0.2.1", &["2001:db8::1"], "2001:db8::1"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &["2.2.2.2, unknown"], "10.1.2.3"),
            ("192.0.2.2", &["2.2.2.2"], "192.0.2.2"),
        ] {
            assert_eq!(
                client(networks, peer, forwarded),
                expected,
                "{peer} {forwarded:?}"
            );
        }
    }

    #[test]
    fn a_believed_proxy_says_whether_the_client_came_encrypted() {
        let trusted: TrustedProxies = "10.0.0.0/8".parse().unwrap();
        for (peer, said, expected) in [
            ([10, 0, 0, 1], "https", true),
            ([10, 0, 0, 1], "http, https", true),
            ([10, 0, 0, 1], "https, http", false),
            ([10, 0, 0, 1], "gopher", false),
            ([192, 0, 2, 2], "https", false),
        ] {
            let headers = HeaderMap::from_iter([(X_FORWARDED_PROTO, said.parse().unwrap())]);
            let from = origin(&trusted, peer.into(), &headers);
            assert_eq!(from.is_encrypted, expected, "{peer:?} {said}");
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        let problem = "10.0.0.0/8,10.0.0.0/40"
            .parse::<TrustedProxies>()
            .unwrap_err();
        assert!(problem.contains("10.0.0.0/40"), "{problem}");
    }

    proptest! {
        #[test]
        fn nothing_that_a_client_sends_makes_it_panic_or_speak_for_others(
            networks in ".{0,40}",
            value in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            drop(networks.parse::<TrustedProxies>());
            let mut headers = HeaderMap::new();
            if let Ok(value) = http::HeaderValue::from_bytes(&value) {
                headers.append(X_FORWARDED_FOR, value);
            }
            let peer = IpAddr::from([192, 0, 2, 2]);
            let trusted: TrustedProxies = "10.0.0.0/8".parse().unwrap();
            prop_assert_eq!(origin(&trusted, peer, &headers).address, peer);
            origin(&trusted, IpAddr::from([10, 0, 0, 1]), &headers);
        }
    }
}
