//! What a client has sent and nobody has read yet: heads, and the pieces of their bodies.

use super::Doubt;
use super::chunked::Chunked;
use super::head::{Draft, Framing, Head};
use bytes::{Bytes, BytesMut};

/// Reads one request after the other. Does no I/O: it is [fed](Self::feed).
#[derive(Debug, Default)]
pub struct Reader {
    received: BytesMut,
    draft: Draft,
    body: Body,
}

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Body {
    #[default]
    Nothing,
    Length(u64),
    Chunked(Chunked),
    /// Where its next piece begins is in doubt, now and for ever.
    Lost(Doubt),
}

/// A part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Never empty.
    Data(Bytes),
    /// More has to be fed.
    Awaited,
    /// There is no more, and the next head may be read. Trailers are not passed on.
    End,
}

impl Reader {
    /// Adds what has been received.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// Takes the next head; nothing when more has to be fed. The body before it has been read.
    pub fn head(&mut self) -> Result<Option<Head>, Doubt> {
        let head = self.draft.read(&mut self.received)?;
        if let Some(head) = &head {
            self.draft = Draft::default();
            self.tidy();
            self.body = match head.framing {
                Framing::Length(0) => Body::Nothing,
                Framing::Length(length) => Body::Length(length),
                Framing::Chunked => Body::Chunked(Chunked::default()),
            };
        }
        Ok(head)
    }

    /// Takes the next piece of the body.
    pub fn piece(&mut self) -> Result<Piece, Doubt> {
        let piece = match &mut self.body {
            Body::Nothing => Ok(Piece::End),
            Body::Length(left) => Ok(cut(&mut self.received, left)),
            Body::Chunked(place) => place.take(&mut self.received),
            Body::Lost(doubt) => Err(*doubt),
        };
        match &piece {
            Ok(Piece::End) => self.body = Body::Nothing,
            // So that its end is known with its last byte.
            Ok(Piece::Data(_)) if self.body == Body::Length(0) => self.body = Body::Nothing,
            Ok(_) => {}
            Err(doubt) => self.body = Body::Lost(*doubt),
        }
        self.tidy();
        piece
    }

    /// Whether the body has been read, or there is none.
    pub fn is_between(&self) -> bool {
        self.body == Body::Nothing
    }

    /// How much of the body is still to come, in bytes, if that is known.
    pub fn length(&self) -> Option<u64> {
        match self.body {
            Body::Nothing => Some(0),
            Body::Length(left) => Some(left),
            Body::Chunked(_) | Body::Lost(_) => None,
        }
    }

    /// What has been fed and not been taken.
    pub fn received(&mut self) -> &mut BytesMut {
        &mut self.received
    }

    /// Who has nothing in hand holds no memory.
    fn tidy(&mut self) {
        if self.received.is_empty() {
            self.received = BytesMut::new();
        }
    }
}

/// Takes up to `left` bytes, and takes them from `left`.
pub(super) fn cut(received: &mut BytesMut, left: &mut u64) -> Piece {
    if received.is_empty() {
        return Piece::Awaited;
    }
    let count = usize::try_from(*left).map_or(received.len(), |left| left.min(received.len()));
    *left -= count as u64;
    Piece::Data(received.split_to(count).freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    const GOOD: &str = "\r\nPOST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\na\nb\
        GET / HTTP/1.0\r\n\r\n\
        PUT /c HTTP/1.1\r\nhost: b\r\ntransfer-encoding: Chunked\r\n\r\n\
        5;x=1\r\nab\ncd\r\n0A\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n\
        GET http://b/d HTTP/1.1\r\nHost: b\r\n\r\n";

    /// What is read of these pieces, as text, and whether it ends in a doubt.
    fn read(pieces: &[&[u8]]) -> (String, bool) {
        let mut reader = Reader::default();
        let mut told = String::new();
        for piece in pieces {
            reader.feed(piece);
            if let Err(doubt) = all(&mut reader, &mut told) {
                // What comes then changes nothing.
                reader.feed(b"\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n");
                assert!(reader.is_between() || reader.piece() == Err(doubt));
                return (told, true);
            }
        }
        (told, false)
    }

    fn all(reader: &mut Reader, told: &mut String) -> Result<(), Doubt> {
        loop {
            while !reader.is_between() {
                match reader.piece()? {
                    Piece::Data(data) => told.push_str(&data.escape_ascii().to_string()),
                    Piece::Awaited => return Ok(()),
                    Piece::End => told.push_str(" | "),
                }
            }
            let Some(head) = reader.head()? else {
                return Ok(());
            };
            let request = &head.request;
            let (method, uri) = (request.method(), request.uri());
            let line = write!(told, "\n{method} {uri} {:?} ", request.headers());
            line.expect("a string has room");
        }
    }

    fn cut_at(bytes: &[u8], mut at: Vec<usize>) -> Vec<&[u8]> {
        at.sort_unstable();
        at.push(bytes.len());
        let mut start = 0;
        at.into_iter()
            .map(|end| {
                let piece = &bytes[start..end];
                start = end;
                piece
            })
            .collect()
    }

    #[test]
    fn good_requests_are_read_as_they_are() {
        let (told, is_doubtful) = read(&[GOOD.as_bytes()]);
        assert!(!is_doubtful);
        let expected = "\nPOST /a {\"host\": \"b\", \"content-length\": \"3\"} a\\nb\
            \nGET / {} \
            \nPUT /c {\"host\": \"b\", \"transfer-encoding\": \"Chunked\"} ab\\ncd0123456789 | \
            \nGET http://b/d {\"host\": \"b\"} ";
        assert_eq!(told, expected);
    }

    proptest! {
        /// What is read does not depend on how the bytes come: a good request, one byte of which was changed, is the
        /// same request, or the same doubt, to every reader.
        #[test]
        fn a_changed_byte_meets_one_verdict_however_it_comes(
            place in 0..GOOD.len(),
            byte in any::<u8>(),
            at in proptest::collection::vec(0..=GOOD.len(), 0..8),
        ) {
            let mut changed = GOOD.as_bytes().to_vec();
            changed[place] = byte;
            prop_assert_eq!(read(&[&changed]), read(&cut_at(&changed, at)));
        }

        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&[&bytes]);
        }
    }

    #[test]
    fn who_has_nothing_in_hand_holds_no_memory() {
        let mut reader = Reader::default();
        reader.feed(b"POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\nab");
        assert!(reader.head().is_ok_and(|head| head.is_some()));
        assert_eq!(reader.piece(), Ok(Piece::Data(Bytes::from_static(b"ab"))));
        assert!(reader.is_between());
        assert_eq!(reader.received().capacity(), 0);
    }
}
