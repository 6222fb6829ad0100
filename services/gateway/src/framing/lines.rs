//! Lines out of pieces: most come whole, the others are put together.

use super::Doubt;
use bytes::{Buf as _, BytesMut};

/// Longer than the longest head that the parser takes.
const LONGEST: usize = 64 << 10;

/// The part of a line that came without its end.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    begun: BytesMut,
}

impl Lines {
    /// Hands the next line to `read`, without its end, and takes it from `bytes`; `None` when the
    /// line goes on in what has not come yet.
    pub(crate) fn next<T>(
        &mut self,
        bytes: &mut &[u8],
        read: impl FnOnce(&[u8]) -> Result<T, Doubt>,
    ) -> Result<Option<T>, Doubt> {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            if self.begun.len() + bytes.len() > LONGEST {
                return Err(Doubt::Line);
            }
            self.begun.extend_from_slice(bytes);
            bytes.advance(bytes.len());
            return Ok(None);
        };
        let (line, rest) = bytes.split_at(end + 1);
        *bytes = rest;
        if self.begun.is_empty() {
            return read(bare(line)?).map(Some);
        }
        // Given back with the line: an idle connection holds no buffer.
        let mut begun = std::mem::take(&mut self.begun);
        begun.extend_from_slice(line);
        read(bare(&begun)?).map(Some)
    }
}

/// The line without the only end that it may have. A CR elsewhere is refused by the parser.
fn bare(line: &[u8]) -> Result<&[u8], Doubt> {
    line.strip_suffix(b"\r\n").ok_or(Doubt::Line)
}
