//! The head of a request, line by line.

use super::Doubt;
use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};

/// A head has a few hundred bytes; with a token and cookies a few thousand.
pub(crate) const LARGEST: usize = 16 << 10;
/// More than anybody has; how many a client may have is said by [`super::refuse()`].
const MOST_FIELDS: usize = 100;
/// As many as most have.
const USUAL_FIELDS: usize = 16;

/// How the bytes after a head are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// This many bytes of body; none for most requests.
    Length(u64),
    /// Chunks until an empty one.
    Chunked,
}

/// A head, and what it says about its connection.
#[derive(Debug)]
pub struct Head {
    /// What is asked. Values of its headers are without the space around them.
    pub request: Request<()>,
    /// What follows.
    pub framing: Framing,
    /// Whether the client wants the connection to stay.
    pub keeps: bool,
    /// Whether the connection is to be handed on in another protocol, if that is granted.
    pub asks_upgrade: bool,
    /// Whether the client waits to be told that it may send its body.
    pub expects: bool,
}

/// What is known of a head while its lines come.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Where the next line begins, and how far its end has been looked for.
    line: usize,
    searched: usize,
    /// The request line has come; an empty line before it is let pass once.
    begun: Option<Begun>,
    skipped_line: bool,
    fields: Vec<Field>,
    hosts: u8,
    framing: Option<Framing>,
    asks_upgrade: bool,
    expects: bool,
    keeps: Option<bool>,
}

/// A place in what has been received.
type Span = std::ops::Range<usize>;

#[derive(Debug)]
struct Field {
    name: Span,
    value: Span,
}

#[derive(Clone, Debug)]
struct Begun {
    method: Span,
    target: Span,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

impl Draft {
    /// Reads the lines that have come; at the end of the head takes it.
    pub(super) fn read(&mut self, received: &mut BytesMut) -> Result<Option<Head>, Doubt> {
        if received.len() == self.searched {
            return Ok(None);
        }
        while let Some(end) = memchr::memchr(b'\n', &received[self.searched..]) {
            let end = self.searched + end;
            let line = received[self.line..end].strip_suffix(b"\r");
            // A CR elsewhere is in no name, no value and no target.
            let framing = self.next(line.ok_or(Doubt::Line)?)?;
            self.line = end + 1;
            self.searched = self.line;
            if self.line > LARGEST || self.fields.len() > MOST_FIELDS {
                return Err(Doubt::Size);
            }
            if let Some((begun, framing)) = framing {
                let bytes = take(received, self.line).freeze();
                return self.finish(&bytes, begun, framing).map(Some);
            }
        }
        self.searched = received.len();
        if received.len() > LARGEST {
            return Err(Doubt::Size);
        }
        Ok(None)
    }

    /// Reads one more line; the empty one at the end gives the framing.
    fn next(&mut self, line: &[u8]) -> Result<Option<(Begun, Framing)>, Doubt> {
        match (&self.begun, line) {
            // RFC 9112, 2.2: a client may have sent one after the body before.
            (None, []) if !self.skipped_line => self.skipped_line = true,
            (None, line) => {
                self.begun = Some(request_line(line, self.line)?);
                self.fields.reserve(USUAL_FIELDS);
            }
            (Some(begun), []) => {
                let framing = self.end(begun.version)?;
                return Ok(Some((begun.clone(), framing)));
            }
            (Some(begun), line) => self.header(begun.version, line)?,
        }
        Ok(None)
    }

    fn header(&mut self, version: Version, line: &[u8]) -> Result<(), Doubt> {
        let name = name(line).ok_or(Doubt::Header)?;
        let value = &line[name.len() + 1..];
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is(b"host") => self.hosts = self.hosts.saturating_add(1),
            6 if is(b"expect") => self.expects = version == Version::Http11,
            7 if is(b"upgrade") => self.asks_upgrade = version == Version::Http11,
            10 if is(b"connection") => self.connection(value),
            14 if is(b"content-length") => {
                let length = length(value).ok_or(Doubt::Length)?;
                self.frame(Framing::Length(length), Doubt::Length)?;
            }
            17 if is(b"transfer-encoding") => {
                let is_chunked = plain(value).eq_ignore_ascii_case(b"chunked");
                if !is_chunked || version == Version::Http10 {
                    return Err(Doubt::Coding);
                }
                self.frame(Framing::Chunked, Doubt::Coding)?;
            }
            _ => {}
        }
        self.fields.push(self.field(name, value));
        Ok(())
    }

    /// Where the name and the value, without the space around it, of the present line stand.
    fn field(&self, name: &[u8], value: &[u8]) -> Field {
        let before = value.iter().take_while(|byte| is_space(**byte)).count();
        let after = value[before..].iter().rev();
        let after = after.take_while(|byte| is_space(**byte)).count();
        let start = self.line + name.len() + 1;
        Field {
            name: self.line..self.line + name.len(),
            value: start + before..start + value.len() - after,
        }
    }

    /// `close` is believed whatever else is said.
    fn connection(&mut self, value: &[u8]) {
        for word in value.split(|byte| *byte == b',') {
            let word = word.trim_ascii();
            if word.eq_ignore_ascii_case(b"close") {
                self.keeps = Some(false);
            } else if word.eq_ignore_ascii_case(b"keep-alive") {
                self.keeps = self.keeps.or(Some(true));
            }
        }
    }

    /// Only one header may say how the body ends, once.
    fn frame(&mut self, framing: Framing, doubt: Doubt) -> Result<(), Doubt> {
        match self.framing.replace(framing) {
            None => Ok(()),
            Some(_) => Err(doubt),
        }
    }

    fn end(&self, version: Version) -> Result<Framing, Doubt> {
        match (self.hosts, version) {
            (1, _) | (0, Version::Http10) => Ok(self.framing.unwrap_or(Framing::Length(0))),
            _ => Err(Doubt::Host),
        }
    }

    fn finish(&self, bytes: &Bytes, begun: Begun, framing: Framing) -> Result<Head, Doubt> {
        let mut request = Request::new(());
        *request.method_mut() =
            Method::from_bytes(&bytes[begun.method]).map_err(|_| Doubt::RequestLine)?;
        *request.uri_mut() =
            Uri::from_maybe_shared(bytes.slice(begun.target)).map_err(|_| Doubt::RequestLine)?;
        *request.version_mut() = match begun.version {
            Version::Http10 => http::Version::HTTP_10,
            Version::Http11 => http::Version::HTTP_11,
        };
        *request.headers_mut() = self.headers(bytes)?;
        Ok(Head {
            request,
            framing,
            keeps: self.keeps.unwrap_or(begun.version == Version::Http11),
            asks_upgrade: self.asks_upgrade,
            expects: self.expects,
        })
    }

    /// The values share the memory of the head.
    fn headers(&self, bytes: &Bytes) -> Result<HeaderMap, Doubt> {
        let mut headers = HeaderMap::with_capacity(self.fields.len());
        for Field { name, value } in &self.fields {
            let name = HeaderName::from_bytes(&bytes[name.clone()]);
            let value = HeaderValue::from_maybe_shared(bytes.slice(value.clone()));
            headers.append(
                name.map_err(|_| Doubt::Header)?,
                value.map_err(|_| Doubt::Header)?,
            );
        }
        Ok(headers)
    }
}

/// Takes so much; most requests are all that has been received, and to take that costs less.
fn take(received: &mut BytesMut, length: usize) -> BytesMut {
    if length == received.len() {
        return std::mem::take(received);
    }
    received.split_to(length)
}

/// Exactly `method SP target SP version`, of a line that stands at `start`. The target is a path or an absolute
/// URL; what it says is looked at later, but a fragment must be seen here: the parser of URLs drops it.
fn request_line(line: &[u8], start: usize) -> Result<Begun, Doubt> {
    let (rest, version) = match line.split_last_chunk::<9>() {
        Some((rest, b" HTTP/1.1")) => (rest, Version::Http11),
        Some((rest, b" HTTP/1.0")) => (rest, Version::Http10),
        _ => return Err(Doubt::RequestLine),
    };
    let space = memchr::memchr(b' ', rest).ok_or(Doubt::RequestLine)?;
    let (method, target) = (&rest[..space], &rest[space + 1..]);
    let starts = match target {
        [b'/', ..] => true,
        other => other
            .get(..4)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"http")),
    };
    let visible = |byte: &u8| (0x21..=0x7E).contains(byte) && *byte != b'#';
    // All of it without a branch: so the processor looks at many bytes at once.
    let is_visible = target.iter().fold(true, |all, byte| all & visible(byte));
    if method.is_empty() || !starts || !is_visible {
        return Err(Doubt::RequestLine);
    }
    Ok(Begun {
        method: start..start + space,
        target: start + space + 1..start + rest.len(),
        version,
    })
}

/// A value without the one space that everybody puts before it. More space than that is legal
/// and nobody's habit; here it is somebody's attempt.
fn plain(value: &[u8]) -> &[u8] {
    value.strip_prefix(b" ").unwrap_or(value)
}

fn length(value: &[u8]) -> Option<u64> {
    let digits = plain(value);
    // Nineteen digits fit.
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The name in a header line. No space stands at either end of it: that would be a folded line,
/// or a name that some readers trim.
pub(super) fn name(line: &[u8]) -> Option<&[u8]> {
    let name = &line[..memchr::memchr(b':', line)?];
    match name {
        [first, .., last] if is_space(*first) || is_space(*last) => None,
        [] | [b' ' | b'\t'] => None,
        name => Some(name),
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
