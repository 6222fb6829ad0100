//! A chunked body: where it ends, and that every reader agrees.

use super::reader::{Piece, cut};
use super::{Doubt, head};
use bytes::{Bytes, BytesMut};
use http::header::{HeaderName, HeaderValue};

/// A size and a few short extensions, which nobody uses.
const LONGEST_SIZE_LINE: usize = 256;
/// Sixteen digits are all that 64 bits have; leading zeros beyond that are no accident.
const MOST_DIGITS: usize = 16;
/// As many as headers.
const MOST_TRAILERS: u8 = 100;

/// Fields that decide about the request and so must come before it (RFC 9110, 6.5.1).
const FORBIDDEN_TRAILERS: [&[u8]; 16] = [
    b"authorization",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-range",
    b"content-type",
    b"cookie",
    b"expect",
    b"host",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
];

/// Where in a chunked body the stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Chunked {
    /// In the line with a size.
    #[default]
    Size,
    /// In a chunk, with this many bytes to come.
    Data(u64),
    /// In the line end after a chunk.
    DataEnd,
    /// In the trailers, after so many.
    Trailers(u8),
    /// Behind the body.
    Done,
}

impl Chunked {
    /// Takes the next piece of data out of what has been received.
    pub(super) fn take(&mut self, received: &mut BytesMut) -> Result<Piece, Doubt> {
        loop {
            let longest = match self {
                Self::Data(left) => {
                    let piece = cut(received, left);
                    if *left == 0 {
                        *self = Self::DataEnd;
                    }
                    return Ok(piece);
                }
                Self::Done => return Ok(Piece::End),
                // At once, and not at the end of some line far away.
                Self::DataEnd => 0,
                Self::Size => LONGEST_SIZE_LINE,
                Self::Trailers(_) => head::LARGEST,
            };
            let Some(line) = line(received, longest)? else {
                return Ok(Piece::Awaited);
            };
            *self = self.after(&line)?;
        }
    }

    /// The place after a line that is no data.
    fn after(self, line: &[u8]) -> Result<Self, Doubt> {
        match (self, line) {
            (Self::Size, line) => Ok(match size(line)? {
                0 => Self::Trailers(0),
                size => Self::Data(size),
            }),
            (Self::Trailers(_), []) => Ok(Self::Done),
            (Self::Trailers(count), line) => trailer(line, count),
            _ => Ok(Self::Size),
        }
    }
}

/// Takes a line, without the only end that it may have; nothing as long as its end has not come.
fn line(received: &mut BytesMut, longest: usize) -> Result<Option<Bytes>, Doubt> {
    let Some(end) = memchr::memchr(b'\n', received) else {
        // It may still be followed by the other half of its end.
        let may_fit = received.len() <= longest || received[longest..] == *b"\r";
        return if may_fit { Ok(None) } else { Err(Doubt::Chunk) };
    };
    let line = received.split_to(end + 1).freeze();
    match line.strip_suffix(b"\r\n") {
        Some(text) if text.len() <= longest => Ok(Some(line.slice(..text.len()))),
        _ => Err(Doubt::Chunk),
    }
}

fn size(line: &[u8]) -> Result<u64, Doubt> {
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let (digits, extension) = line.split_at(digits);
    let printable = |byte: &u8| matches!(byte, b'\t' | 0x20..=0x7E);
    let is_extension =
        extension.is_empty() || (extension[0] == b';' && extension.iter().all(printable));
    let fits = digits.len() <= MOST_DIGITS;
    if !is_extension || !fits {
        return Err(Doubt::Chunk);
    }
    let size = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
    size.filter(|size| i64::try_from(*size).is_ok())
        .ok_or(Doubt::Chunk)
}

fn trailer(line: &[u8], count: u8) -> Result<Chunked, Doubt> {
    let name = head::name(line).ok_or(Doubt::Trailer)?;
    let is_forbidden = FORBIDDEN_TRAILERS
        .iter()
        .any(|forbidden| name.eq_ignore_ascii_case(forbidden));
    // It is not passed on; who reads it all the same must find what we have found.
    let is_field = HeaderName::from_bytes(name).is_ok()
        && HeaderValue::from_bytes(&line[name.len() + 1..]).is_ok();
    if is_forbidden || !is_field || count >= MOST_TRAILERS {
        return Err(Doubt::Trailer);
    }
    Ok(Chunked::Trailers(count + 1))
}
