//! The stream between a socket and the HTTP parser.

use super::chunked::{Chunked, skip};
use super::doubt::Doubt;
use super::head::{Framing, Head};
use super::lines::Lines;
use std::any::Any;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// The first line of HTTP/2, which has its own framing, and no text in it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";
/// Its length with the lines that follow.
const WHOLE_PREFACE: usize = 24;
/// With this the parser hands the connection on to whatever was asked for.
const SWITCHED: &[u8] = b"HTTP/1.1 101";
/// Given to the parser instead of a doubtful line: no head has a NUL, so it answers 400 in its
/// turn, after what it has in hand, and closes.
const POISON: &[u8] = b"\0\r\n\r\n";

/// Passes a client's bytes on as long as there is one way to read them. What is written is not
/// touched.
#[derive(Debug)]
pub struct Strict<T> {
    io: T,
    lines: Lines,
    state: State,
    /// No line has come yet, so it may become HTTP/2.
    is_fresh: bool,
    /// The last request asked for another protocol.
    asks_upgrade: bool,
    opening: Option<Opening>,
    _kept: Option<Kept>,
}

/// What is dropped with a stream.
struct Kept(#[expect(dead_code, reason = "it is there to be dropped")] Box<dyn Any + Send + Sync>);

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

/// The first bytes, with which a client says what it speaks; the parsers' own limits begin after
/// them.
#[derive(Debug)]
struct Opening {
    deadline: Pin<Box<Sleep>>,
    read: usize,
}

#[derive(Debug)]
enum State {
    Head(Head),
    Body(u64),
    Chunked(Chunked),
    /// HTTP/2 or a tunnel.
    Opaque,
    /// A body broke off here.
    Broken(Doubt),
    /// The parser still gets this, and nothing of what comes.
    Poisoned(&'static [u8]),
}

impl<T> Strict<T> {
    /// A stream whose first byte is the first of a connection.
    pub fn new(io: T) -> Self {
        Self {
            io,
            lines: Lines::default(),
            state: State::Head(Head::default()),
            is_fresh: true,
            asks_upgrade: false,
            opening: None,
            _kept: None,
        }
    }

    /// The same, and its first bytes must come within this time.
    pub fn opening_within(io: T, limit: Duration) -> Self {
        Self {
            opening: Some(Opening {
                deadline: Box::pin(tokio::time::sleep(limit)),
                read: 0,
            }),
            ..Self::new(io)
        }
    }

    /// The same, which keeps this as long as it is there, also when it has become a tunnel.
    #[must_use]
    pub fn keeping(self, kept: impl Any + Send + Sync) -> Self {
        let kept = Some(Kept(Box::new(kept)));
        Self {
            _kept: kept,
            ..self
        }
    }

    /// The stream below.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// Follows what was read; on a doubt, also how many of these bytes were beyond it.
    fn follow(&mut self, bytes: &[u8]) -> Result<(), (Doubt, usize)> {
        let mut rest = bytes;
        while !rest.is_empty() && !matches!(self.state, State::Opaque) {
            let passed = bytes.len() - rest.len();
            self.step(&mut rest).map_err(|doubt| (doubt, passed))?;
        }
        Ok(())
    }

    /// Follows the bytes to the next border and takes them.
    fn step(&mut self, bytes: &mut &[u8]) -> Result<(), Doubt> {
        let next = match &mut self.state {
            State::Head(head) => {
                let is_fresh = self.is_fresh;
                let read = |line: &[u8]| match line {
                    PREFACE if is_fresh => Ok(Some(State::Opaque)),
                    line => Ok(head.line(line)?.map(State::after)),
                };
                let read = self.lines.next(bytes, read)?;
                self.is_fresh &= read.is_none();
                if let Some(Some(_)) = read {
                    self.asks_upgrade = head.asks_upgrade;
                }
                read.flatten()
            }
            State::Body(rest) => {
                *rest = skip(*rest, bytes);
                (*rest == 0).then(State::next_head)
            }
            State::Chunked(place) => {
                *place = place.step(&mut self.lines, bytes)?;
                (*place == Chunked::Done).then(State::next_head)
            }
            State::Opaque | State::Broken(_) | State::Poisoned(_) => None,
        };
        if let Some(next) = next {
            self.state = next;
        }
        Ok(())
    }

    /// What the parser gets from now on.
    fn refuse(&mut self, doubt: Doubt) {
        doubt.count();
        self.state = match self.state {
            State::Head(_) => State::Poisoned(POISON),
            _ => State::Broken(doubt),
        };
    }

    /// Whether the client has let the time for its first bytes pass.
    fn poll_opening(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(opening) = &mut self.opening {
            ready!(opening.deadline.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }

    fn count_opening(&mut self, read: usize) {
        let is_http1 = !self.is_fresh && !matches!(self.state, State::Opaque);
        if let Some(opening) = &mut self.opening {
            opening.read += read;
            if is_http1 || opening.read >= WHOLE_PREFACE {
                self.opening = None;
            }
        }
    }

    fn watch_answer(&mut self, bytes: &[u8]) {
        if self.asks_upgrade && bytes.starts_with(SWITCHED) {
            self.state = State::Opaque;
            self.asks_upgrade = false;
        }
    }
}

impl State {
    fn next_head() -> Self {
        Self::Head(Head::default())
    }

    fn after(framing: Framing) -> Self {
        match framing {
            Framing::Length(0) => Self::next_head(),
            Framing::Length(length) => Self::Body(length),
            Framing::Chunked => Self::Chunked(Chunked::default()),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Strict<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if !matches!(this.state, State::Broken(_) | State::Poisoned(_)) {
            match Pin::new(&mut this.io).poll_read(cx, buf) {
                Poll::Pending => return this.poll_opening(cx),
                Poll::Ready(read) => read?,
            }
            if let Err((doubt, passed)) = this.follow(&buf.filled()[before..]) {
                buf.set_filled(before + passed);
                this.refuse(doubt);
            }
            this.count_opening(buf.filled().len() - before);
        }
        match &mut this.state {
            State::Poisoned([]) => discard(&mut this.io, cx),
            State::Poisoned(poison) => {
                let (now, later) = poison.split_at(poison.len().min(buf.remaining()));
                buf.put_slice(now);
                *poison = later;
                Poll::Ready(Ok(()))
            }
            State::Broken(doubt) if buf.filled().len() == before => {
                Poll::Ready(Err((*doubt).into()))
            }
            _ => Poll::Ready(Ok(())),
        }
    }
}

/// Reads to the end without looking: the parser may still have requests in hand that came before,
/// and must hear when the client is gone.
fn discard<T: AsyncRead + Unpin>(io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let mut bytes = [0; 1024];
    loop {
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut *io).poll_read(cx, &mut buffer))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Ok(()));
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Strict<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.watch_answer(bytes);
        Pin::new(&mut this.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(first) = pieces.first() {
            this.watch_answer(first);
        }
        Pin::new(&mut this.io).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const GOOD: &str = "\r\nPOST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\na\nb\
        GET / HTTP/1.0\r\n\r\n\
        PUT /c HTTP/1.1\r\nhost: b\r\ntransfer-encoding: Chunked\r\n\r\n\
        5;x=1\r\nab\ncd\r\n0A\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n\
        GET http://b/d HTTP/1.1\r\nHost: b\r\n\r\n";

    /// A socket that gives these pieces, then ends.
    struct Pieces(VecDeque<Vec<u8>>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(mut piece) = self.0.pop_front() {
                let later = piece.split_off(piece.len().min(buf.remaining()));
                buf.put_slice(&piece);
                if !later.is_empty() {
                    self.0.push_front(later);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    /// What a parser above is given of these pieces, and whether it has to refuse it.
    async fn pass(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let pieces = pieces.iter().filter(|piece| !piece.is_empty());
        let mut strict = Strict::new(Pieces(pieces.map(|piece| piece.to_vec()).collect()));
        let mut passed = Vec::new();
        let mut buffer = [0; 64];
        loop {
            match strict.read(&mut buffer).await {
                Ok(0) => {
                    let is_poisoned = passed.ends_with(POISON);
                    return (passed, is_poisoned);
                }
                Ok(read) => passed.extend_from_slice(&buffer[..read]),
                Err(_) => return (passed, true),
            }
        }
    }

    fn blocking(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(pass(pieces))
    }

    fn cut(bytes: &[u8], mut at: Vec<usize>) -> Vec<&[u8]> {
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

    proptest! {
        #[test]
        fn good_requests_pass_untouched_however_they_come(
            at in proptest::collection::vec(0..=GOOD.len(), 0..8),
        ) {
            let (passed, failed) = blocking(&cut(GOOD.as_bytes(), at));
            prop_assert_eq!(String::from_utf8_lossy(&passed), GOOD);
            prop_assert!(!failed);
        }

        /// The verdict does not depend on how the bytes come: a good request, one byte of which
        /// was changed, is the same request to every reader.
        #[test]
        fn a_changed_byte_meets_one_verdict_however_it_comes(
            place in 0..GOOD.len(),
            byte in any::<u8>(),
            at in proptest::collection::vec(0..=GOOD.len(), 0..8),
        ) {
            let mut changed = GOOD.as_bytes().to_vec();
            changed[place] = byte;
            let whole = blocking(&[&changed]);
            let pieces = blocking(&cut(&changed, at));
            prop_assert_eq!(whole.1, pieces.1);
            if !whole.1 {
                prop_assert_eq!(whole.0, pieces.0);
            }
        }

        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            blocking(&[&bytes]);
        }
    }

    #[tokio::test]
    async fn the_parser_gets_what_makes_it_refuse() {
        let head = "GET /a HTTP/1.1\r\nHost: b\r\n\r\nGET /b HTTP/1.1\r\n";
        let (passed, failed) = pass(&[head.as_bytes(), b"Host: b\n\n"]).await;
        assert_eq!(passed, [head.as_bytes(), POISON].concat());
        assert!(failed);
    }

    #[tokio::test]
    async fn http2_and_a_tunnel_are_none_of_its_business() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\n\n\0";
        assert_eq!(pass(&[preface]).await, (preface.to_vec(), false));

        let ask = b"GET / HTTP/1.1\r\nHost: b\r\nUpgrade: websocket\r\n\r\n";
        let answer = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
        let (mut client, server) = tokio::io::duplex(1024);
        let mut strict = Strict::new(server);
        let mut buffer = [0; 128];
        client.write_all(ask).await.expect("room");
        assert_eq!(strict.read(&mut buffer).await.ok(), Some(ask.len()));
        strict.write_all(answer).await.expect("room");
        client.write_all(b"\x81\x01\n").await.expect("room");
        assert_eq!(strict.read(&mut buffer).await.ok(), Some(3));
    }
}
