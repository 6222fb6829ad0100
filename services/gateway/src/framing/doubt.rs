//! Why a request is not read any further.

const REFUSED: &str = "gateway_malformed_requests_total";

/// What could be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
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
}

impl Doubt {
    const ALL: [Self; 8] = [
        Self::Line,
        Self::RequestLine,
        Self::Header,
        Self::Length,
        Self::Coding,
        Self::Host,
        Self::Chunk,
        Self::Trailer,
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
        }
    }

    /// Counts one more refusal for this reason.
    pub(crate) fn count(self) {
        metrics::counter!(REFUSED, "reason" => self.name()).increment(1);
    }
}

impl From<Doubt> for std::io::Error {
    fn from(doubt: Doubt) -> Self {
        let text = format!("the request is malformed ({})", doubt.name());
        Self::new(std::io::ErrorKind::InvalidData, text)
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
