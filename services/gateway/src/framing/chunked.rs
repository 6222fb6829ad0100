//! A chunked body: where it ends, and that every reader agrees.

use super::lines::Lines;
use super::{Doubt, head};

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
pub(crate) enum Chunked {
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
    /// Follows the bytes to the next border and takes them from `bytes`.
    pub(crate) fn step(self, lines: &mut Lines, bytes: &mut &[u8]) -> Result<Self, Doubt> {
        let next = match self {
            Self::Data(rest) => {
                let rest = skip(rest, bytes);
                return Ok(match rest {
                    0 => Self::DataEnd,
                    rest => Self::Data(rest),
                });
            }
            Self::Done => return Ok(self),
            Self::Size => lines.next(bytes, size)?.map(|size| match size {
                0 => Self::Trailers(0),
                size => Self::Data(size),
            }),
            Self::DataEnd => {
                // At once, and not at the end of some line far away.
                if !matches!(bytes.first(), None | Some(b'\r' | b'\n')) {
                    return Err(Doubt::Chunk);
                }
                lines.next(bytes, |line| match line {
                    [] => Ok(Self::Size),
                    _ => Err(Doubt::Chunk),
                })?
            }
            Self::Trailers(count) => lines.next(bytes, |line| match line {
                [] => Ok(Self::Done),
                line => trailer(line, count),
            })?,
        };
        Ok(next.unwrap_or(self))
    }
}

/// Takes up to `rest` bytes from `bytes`; gives how many are still to come.
pub(crate) fn skip(rest: u64, bytes: &mut &[u8]) -> u64 {
    let taken = usize::try_from(rest).map_or(bytes.len(), |rest| rest.min(bytes.len()));
    *bytes = &bytes[taken..];
    rest - taken as u64
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
    let fits = line.len() <= LONGEST_SIZE_LINE && digits.len() <= MOST_DIGITS;
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
    if is_forbidden || count >= MOST_TRAILERS {
        return Err(Doubt::Trailer);
    }
    Ok(Chunked::Trailers(count + 1))
}
