//! Whom we believe when it says who is asking: proxies before the gateway.

use http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks of proxies that are believed; nobody, unless configured.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// The address of the client: that of the connection, or what a believed proxy says. Its
    /// own word is the last entry; those before it are what the client claims.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.has(peer) {
            return peer;
        }
        let last = headers.get_all(X_FORWARDED_FOR).iter().next_back();
        let entry = last
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit(',').next());
        let address = entry.and_then(|entry| entry.trim().parse::<IpAddr>().ok());
        address.map_or(peer, |address| address.to_canonical())
    }
}

impl TrustedProxies {
    /// Whether this is the address of a believed proxy.
    pub(crate) fn has(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.contains(&peer))
    }
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
        trusted.client(peer.parse().unwrap(), &headers).to_string()
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
            prop_assert_eq!(trusted.client(peer, &headers), peer);
            trusted.client(IpAddr::from([10, 0, 0, 1]), &headers);
        }
    }
}
