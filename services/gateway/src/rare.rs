//! Which headers a request has that the gateway looks for in each, and few have: to look once through what is there costs
//! less than to look for each of them.

use crate::observe::TRACEPARENT;
use crate::upstream::TIMEOUT;
use http::header::{CONNECTION, HeaderMap};

/// What is there.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rare {
    pub(crate) connection: bool,
    /// How long the client waits.
    pub(crate) timeout: bool,
    pub(crate) trace: bool,
}

impl Rare {
    /// Looks through the headers of a request.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut rare = Self::default();
        for name in headers.keys() {
            rare.connection |= *name == CONNECTION;
            rare.timeout |= *name == TIMEOUT;
            rare.trace |= *name == TRACEPARENT;
        }
        rare
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::HeaderValue;

    #[test]
    fn what_is_there_is_found_wherever_it_stands_and_nothing_else() {
        let found = |names: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for name in names {
                headers.append(*name, HeaderValue::from_static("1"));
            }
            let rare = Rare::of(&headers);
            [rare.connection, rare.timeout, rare.trace]
        };
        let all = ["connection", "x-request-timeout-ms", "traceparent"];
        assert_eq!(found(&all), [true; 3]);
        for (at, name) in all.into_iter().enumerate() {
            let mut expected = [false; 3];
            expected[at] = true;
            assert_eq!(found(&["host", name, name, "x-other"]), expected);
        }
        assert_eq!(
            found(&["host", "x-other", "tracestate", "accept"]),
            [false; 3]
        );
    }
}
