//! The head of a request, line by line: what its framing depends on, and nothing else.

use super::Doubt;

/// How the bytes after a head are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// This many bytes of body; none for most requests.
    Length(u64),
    /// Chunks until an empty one.
    Chunked,
}

/// What is known of a head while its lines come.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// The request line has come; an empty line before it is let pass once.
    begun: Option<Version>,
    skipped_line: bool,
    hosts: u8,
    framing: Option<Framing>,
    /// Asks for another protocol: the parser will hand the connection on if it gets it.
    pub(crate) asks_upgrade: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

impl Head {
    /// Reads one more line; the empty one at the end gives the framing.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<Option<Framing>, Doubt> {
        match (self.begun, line) {
            // RFC 9112, 2.2: a client may have sent one after the body before.
            (None, []) if !self.skipped_line => self.skipped_line = true,
            (None, line) => self.begun = Some(request_line(line)?),
            (Some(version), []) => return self.end(version).map(Some),
            (Some(version), line) => self.header(version, line)?,
        }
        Ok(None)
    }

    fn header(&mut self, version: Version, line: &[u8]) -> Result<(), Doubt> {
        let name = name(line).ok_or(Doubt::Header)?;
        let value = &line[name.len() + 1..];
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is(b"host") => self.hosts = self.hosts.saturating_add(1),
            7 if is(b"upgrade") => self.asks_upgrade = true,
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
        Ok(())
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
}

/// Exactly `method SP target SP version`. The target is a path or an absolute URL; what it
/// says is looked at later, but a fragment must be seen here: the parser drops it.
fn request_line(line: &[u8]) -> Result<Version, Doubt> {
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
    if method.is_empty() || !starts || !target.iter().all(visible) {
        return Err(Doubt::RequestLine);
    }
    Ok(version)
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
pub(crate) fn name(line: &[u8]) -> Option<&[u8]> {
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
