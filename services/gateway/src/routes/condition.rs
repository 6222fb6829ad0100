//! What a request must have beside its path: a host, headers.

use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};

/// The longest name that DNS has.
const LONGEST_HOST: usize = 253;

/// The host that a route answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// This one, in lower case.
    Exact(Box<str>),
    /// Any below this one: `.example.org`.
    Below(Box<str>),
}

impl Host {
    /// Reads `example.org` or `*.example.org`.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let (name, is_wild) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let is_plain = |label: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !label.is_empty() && label.bytes().all(plain)
        };
        if name.len() > LONGEST_HOST || !name.split('.').all(is_plain) {
            return Err(format!(
                "`{text}` is no host such as `example.org` or `*.example.org` (without a port)"
            ));
        }
        let name = name.to_ascii_lowercase();
        Ok(if is_wild {
            Self::Below(format!(".{name}").into())
        } else {
            Self::Exact(name.into())
        })
    }

    /// Whether a `Host` header, with its port if it has one, means this host.
    pub fn matches(&self, host: &str) -> bool {
        let host = without_port(host);
        match self {
            Self::Exact(name) => host.eq_ignore_ascii_case(name),
            Self::Below(suffix) => {
                let start = host.len().checked_sub(suffix.len()).filter(|at| *at > 0);
                start
                    .and_then(|at| host.get(at..))
                    .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
            }
        }
    }

    /// An exact host before any other, then the longer name.
    pub(super) fn rank(&self) -> usize {
        match self {
            Self::Exact(_) => usize::MAX,
            Self::Below(suffix) => suffix.bytes().filter(|byte| *byte == b'.').count(),
        }
    }
}

fn without_port(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

/// A header that a request must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderCondition {
    /// Its name.
    pub name: HeaderName,
    /// Its exact value; `None` means any.
    pub value: Option<HeaderValue>,
}

impl HeaderCondition {
    /// Reads a name and a value, in which `*` means that the header is there.
    pub(super) fn new(name: &str, value: &str) -> Result<Self, String> {
        let name = HeaderName::try_from(name).map_err(|_| format!("`{name}` names no header"))?;
        if name == HOST {
            return Err("say `host = \"...\"` for the host".into());
        }
        let value = match value {
            "*" => None,
            value => Some(
                HeaderValue::from_str(value)
                    .map_err(|_| format!("`{value}` cannot be the value of a header"))?,
            ),
        };
        Ok(Self { name, value })
    }

    /// Whether a request meets it.
    pub fn holds(&self, headers: &HeaderMap) -> bool {
        match &self.value {
            None => headers.contains_key(&self.name),
            Some(value) => headers.get_all(&self.name).iter().any(|one| one == value),
        }
    }
}

/// Whether one request can meet both lists.
pub(super) fn can_both_hold(one: &[HeaderCondition], other: &[HeaderCondition]) -> bool {
    let excludes = |here: &HeaderCondition, there: &HeaderCondition| {
        let values = here.value.as_ref().zip(there.value.as_ref());
        here.name == there.name && values.is_some_and(|(value, another)| value != another)
    };
    !one.iter()
        .any(|here| other.iter().any(|there| excludes(here, there)))
}
