//! Why a request is not read any further.

use super::Refusal;
use http::StatusCode;

const REFUSED: &str = "gateway_malformed_requests_total";

/// What could be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// A line that does not end in CR LF, or never ends.
    Line,
    /// Not `method SP target SP HTTP/1.x`, or a target with what no target has.
    RequestLine,
    /// A header line that goes on in the next, or has no name.
    Header,
    /// A length that is not one plain number.
    Length,
    /// A coding other than one plain `chunked`, or one beside a length.
    Coding,
    /// No host, or several.
    Host,
    /// A chunk whose size or end is not as it must be.
    Chunk,
    /// A trailer that belongs into the head.
    Trailer,
    /// A head with more bytes or lines than anybody needs.
    Size,
}

impl Doubt {
    const ALL: [Self; 9] = [
        Self::Line,
        Self::RequestLine,
        Self::Header,
        Self::Length,
        Self::Coding,
        Self::Host,
        Self::Chunk,
        Self::Trailer,
        Self::Size,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::RequestLine => "request_line",
            Self::Header => "header",
            Self::Length => "length",
            Self::Coding => "coding",
            Self::Host => "host",
            Self::Chunk => "chunk",
            Self::Trailer => "trailer",
            Self::Size => "size",
        }
    }

    /// Counts one more refusal for this reason.
    pub(crate) fn count(self) {
        metrics::counter!(REFUSED, "reason" => self.name()).increment(1);
    }
}

impl From<Doubt> for Refusal {
    fn from(doubt: Doubt) -> Self {
        let detail = match doubt {
            Doubt::Line => "A line of the request does not end in CR LF.",
            Doubt::RequestLine => "The request line must be `METHOD /path HTTP/1.1`.",
            Doubt::Header => "A header line is malformed, or goes on in the next.",
            Doubt::Length => "`Content-Length` must be one plain number.",
            Doubt::Coding => "`Transfer-Encoding` can only be `chunked`, without `Content-Length`.",
            Doubt::Host => "The request must name one host, in one way.",
            Doubt::Chunk => "A chunk of the body is malformed.",
            Doubt::Trailer => "A trailer belongs into the head of the request.",
            Doubt::Size => "The head of the request is too large.",
        };
        let status = match doubt {
            Doubt::Size => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, detail }
    }
}

pub(crate) fn describe() {
    metrics::describe_counter!(
        REFUSED,
        "Requests that could be read in two ways and were refused"
    );
    for doubt in Doubt::ALL {
        metrics::counter!(REFUSED, "reason" => doubt.name()).absolute(0);
    }
}
