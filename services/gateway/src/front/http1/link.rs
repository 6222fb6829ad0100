//! A client's connection, as those see it who read requests from it and write answers to it: the loop that serves it,
//! the body of the request in hand, and what it becomes after a switch of protocols.

use crate::alarm::Alarm;
use crate::connections::Held;
use crate::framing::{Doubt, Head, Piece, Reader};
use crate::front::socket::Socket;
use bytes::{Buf, Bytes};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::io::poll_write_buf;

/// What is read at a time, and of requests that come before their turn.
const PIECE: usize = 16 << 10;
/// The first lines of HTTP/2.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

thread_local! {
    /// Where bytes land that a socket gives: who waits for some holds no memory for them.
    static LANDING: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECE]);
}

/// A connection. Cheap to clone; all of one are used by one task.
#[derive(Clone)]
pub(crate) struct Link(Arc<Mutex<Wire>>);

/// What is counted as long as a connection is there, whatever it has become.
pub(crate) type Kept = (Option<OwnedSemaphorePermit>, Option<Held>);

struct Wire {
    socket: Socket,
    reader: Reader,
    /// No line has come yet, so it may become HTTP/2.
    is_fresh: bool,
    asking: Asking,
    alarm: Alarm,
    _kept: Kept,
}

/// Whether the client waits to be told that it may send the body (RFC 9110, 10.1.1).
enum Asking {
    Not,
    Expected,
    /// So much of the answer is still to be written.
    Telling(&'static [u8]),
}

/// What comes next on a connection.
#[expect(
    clippy::large_enum_variant,
    reason = "almost always it is the large one, and a box would cost an allocation"
)]
pub(super) enum Next {
    Request(Head),
    Http2,
    Doubt(Doubt),
    /// It took too long; whether some of a request had come.
    Late(bool),
    /// The client has left.
    Nothing,
}

impl Link {
    pub(crate) fn new(socket: Socket, kept: Kept) -> Self {
        Self(Arc::new(Mutex::new(Wire {
            socket,
            reader: Reader::default(),
            is_fresh: true,
            asking: Asking::Not,
            alarm: Alarm::default(),
            _kept: kept,
        })))
    }

    /// Waits for the next head, or the first lines of HTTP/2, at most so long from the first call on.
    pub(super) fn poll_next(&self, context: &mut Context<'_>, patience: Duration) -> Poll<Next> {
        self.wire().poll_next(context, patience)
    }

    /// From now on what is waited for must come within this time.
    pub(super) fn hurry(&self, patience: Duration) {
        self.wire().alarm.hurry(patience);
    }

    /// Whether nothing of a next request has come.
    pub(super) fn is_idle(&self) -> bool {
        self.wire().reader.received().is_empty()
    }

    /// Whether the body of the request in hand has been read.
    pub(crate) fn is_between(&self) -> bool {
        self.wire().reader.is_between()
    }

    /// How much of the body is still to come, in bytes, if that is known.
    pub(crate) fn body_length(&self) -> Option<u64> {
        self.wire().reader.length()
    }

    /// Whether the client does not send its body before it is asked to.
    pub(crate) fn is_expected(&self) -> bool {
        matches!(self.wire().asking, Asking::Expected)
    }

    /// The next piece of the body; `None` after the last one. Who waits for it is told to send it.
    pub(crate) fn poll_piece(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Lost>>> {
        self.wire().poll_piece(context)
    }

    /// Does `work`, unless the client leaves meanwhile; what it sends before its turn waits.
    pub(super) async fn unless_gone<T>(
        &self,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> Option<T> {
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            self.wire().poll_gone(context).map(|()| None)
        })
        .await
    }

    /// Writes all of this; the client may be slow for so long at a time.
    pub(super) async fn write(&self, mut bytes: impl Buf, patience: Duration) -> io::Result<()> {
        poll_fn(|context| self.wire().poll_write_all(context, &mut bytes, patience)).await
    }

    /// Ends what is written, and takes for a while what is left of a request: a connection that is closed over
    /// unread data is reset, and the client might never see the answer.
    pub(super) async fn close(&self, patience: Duration) {
        let end = async {
            poll_fn(|context| Pin::new(&mut self.wire().socket).poll_shutdown(context)).await?;
            if self.is_idle() && self.is_between() {
                return Ok(());
            }
            poll_fn(|context| self.wire().poll_end(context)).await
        };
        let _ = tokio::time::timeout(patience, end).await;
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rest of a body will never come.
#[derive(Debug)]
pub(crate) struct Lost;

impl Wire {
    fn poll_next(&mut self, context: &mut Context<'_>, patience: Duration) -> Poll<Next> {
        loop {
            if let Some(next) = self.next() {
                self.alarm.off();
                return Poll::Ready(next);
            }
            match self.poll_fill(context) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Next::Nothing),
                Poll::Pending => {
                    ready!(self.alarm.poll(context, patience));
                    let has_begun = !self.reader.received().is_empty();
                    return Poll::Ready(Next::Late(has_begun));
                }
            }
        }
    }

    fn next(&mut self) -> Option<Next> {
        if self.is_fresh {
            let first = self.reader.received();
            let count = first.len().min(PREFACE.len());
            if first[..count] == PREFACE[..count] {
                return (count == PREFACE.len()).then_some(Next::Http2);
            }
            self.is_fresh = false;
        }
        match self.reader.head() {
            Ok(Some(head)) => {
                if head.expects && !self.reader.is_between() {
                    self.asking = Asking::Expected;
                }
                Some(Next::Request(head))
            }
            Ok(None) => None,
            Err(doubt) => Some(Next::Doubt(doubt)),
        }
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Lost>>> {
        loop {
            match self.reader.piece() {
                Ok(Piece::Data(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(Piece::End) => return Poll::Ready(None),
                Ok(Piece::Awaited) => {}
                Err(doubt) => {
                    doubt.count();
                    return Poll::Ready(Some(Err(Lost)));
                }
            }
            if ready!(self.poll_continue(context)).is_err() {
                return Poll::Ready(Some(Err(Lost)));
            }
            match ready!(self.poll_fill(context)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(Some(Err(Lost))),
            }
        }
    }

    /// Tells the client to send its body, if it waits for that and nothing of it has come.
    fn poll_continue(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.asking, Asking::Expected) {
            self.asking = Asking::Telling(CONTINUE);
        }
        while let Asking::Telling(rest) = &mut self.asking {
            let written = ready!(Pin::new(&mut self.socket).poll_write(context, rest))?;
            *rest = &rest[written..];
            if rest.is_empty() {
                self.asking = Asking::Not;
                return Pin::new(&mut self.socket).poll_flush(context);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the client has left. As long as a body comes, that is its reader's to find out.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.reader.is_between() && self.reader.received().len() < PIECE {
            match ready!(self.poll_fill(context)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }

    /// Ready when the socket has taken all, what TLS keeps back included, or when it has taken nothing for too long.
    fn poll_write_all(
        &mut self,
        context: &mut Context<'_>,
        bytes: &mut impl Buf,
        patience: Duration,
    ) -> Poll<io::Result<()>> {
        let written = self.poll_hand_over(context, bytes);
        if written.is_pending() {
            ready!(self.alarm.poll(context, patience));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.alarm.off();
        written
    }

    fn poll_hand_over(
        &mut self,
        context: &mut Context<'_>,
        bytes: &mut impl Buf,
    ) -> Poll<io::Result<()>> {
        // What has been begun is ended; otherwise the answer is in place of it.
        if let Asking::Telling(_) = self.asking {
            ready!(self.poll_continue(context))?;
        }
        self.asking = Asking::Not;
        while bytes.has_remaining() {
            if ready!(self.poll_write_some(context, bytes))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.alarm.off();
        }
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_write_some(
        &mut self,
        context: &mut Context<'_>,
        bytes: &mut impl Buf,
    ) -> Poll<io::Result<usize>> {
        let socket = Pin::new(&mut self.socket);
        // A single piece costs the kernel less than a list of one.
        if bytes.chunk().len() < bytes.remaining() {
            return poll_write_buf(socket, context, bytes);
        }
        let written = ready!(socket.poll_write(context, bytes.chunk()))?;
        bytes.advance(written);
        Poll::Ready(Ok(written))
    }

    /// Reads without looking, to the end.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.reader.received().clear();
            if ready!(self.poll_fill(context))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Receives more; 0 bytes at the end.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        LANDING.with_borrow_mut(|landing| {
            let mut buffer = ReadBuf::new(landing);
            ready!(Pin::new(&mut self.socket).poll_read(context, &mut buffer))?;
            self.reader.feed(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
    }
}

/// After a switch of protocols: what has been received comes first.
impl AsyncRead for Link {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = self.wire();
        let received = wire.reader.received();
        if received.is_empty() {
            return Pin::new(&mut wire.socket).poll_read(context, buffer);
        }
        let count = received.len().min(buffer.remaining());
        buffer.put_slice(&received.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire().socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire().socket).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire().socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire().socket).poll_shutdown(context)
    }
}
