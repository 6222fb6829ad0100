//! What is measured: a proxy, and what it is asked with.

use crate::proxies::Proxy;

/// A proxy with a kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entrant {
    /// An upstream without a proxy.
    Direct,
    Nginx,
    Haproxy,
    Ours,
    /// Plain nginx; the requests carry tokens, and it does not care.
    NginxWithTokens,
    NginxFull,
    HaproxyFull,
    OursFull,
}

/// What the requests carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    None,
    EdDsa,
    Hs256,
}

impl Entrant {
    /// Every proxy with every kind of request, in the order of the table.
    pub(crate) const PROXIES: [Self; 7] = [
        Self::Nginx,
        Self::Haproxy,
        Self::Ours,
        Self::NginxWithTokens,
        Self::NginxFull,
        Self::HaproxyFull,
        Self::OursFull,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "no proxy",
            Self::Nginx => "nginx, plain",
            Self::Haproxy => "HAProxy, plain",
            Self::Ours => "ours, plain",
            Self::NginxWithTokens => "nginx, plain; requests with tokens",
            Self::NginxFull => "nginx, auth_request + limit_req + log",
            Self::HaproxyFull => "HAProxy, jwt_verify + stick table + log",
            Self::OursFull => "ours, full work",
        }
    }

    /// Who answers; `None` for the upstream itself.
    pub(crate) fn proxy(self) -> Option<Proxy> {
        match self {
            Self::Direct => None,
            Self::Nginx | Self::NginxWithTokens => Some(Proxy::Nginx),
            Self::Haproxy => Some(Proxy::Haproxy),
            Self::Ours => Some(Proxy::Ours),
            Self::NginxFull => Some(Proxy::NginxFull),
            Self::HaproxyFull => Some(Proxy::HaproxyFull),
            Self::OursFull => Some(Proxy::OursFull),
        }
    }

    pub(crate) fn credential(self) -> Credential {
        match self {
            Self::Direct | Self::Nginx | Self::Haproxy | Self::Ours => Credential::None,
            Self::HaproxyFull => Credential::Hs256,
            Self::NginxWithTokens | Self::NginxFull | Self::OursFull => Credential::EdDsa,
        }
    }
}
