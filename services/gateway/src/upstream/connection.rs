//! One connection to one address of a service, for one request after the other.
//!
//! It is read and written by the task of the client's request itself, so that no request waits for
//! another task to be woken.

use super::error::{Broken, Failure};
use super::head::{self, Framing, Head};
use crate::alarm::Alarm;
use crate::body::{BodyError, Sent};
use bytes::{Bytes, BytesMut};
use http::Method;
use socket2::{SockRef, TcpKeepalive};
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use stoa_client::InFlight;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::WriteHalf;
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

/// A service on the same network answers in a millisecond, or its machine is gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Data that nobody acknowledges for this long went to a machine that is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_mins(1);
/// What is read at a time: most answers fit.
const PIECE: usize = 8 << 10;
/// The same of a long body.
const LONG_PIECE: usize = 64 << 10;

/// A connection that is not in the middle of an exchange.
pub(crate) struct Connection {
    stream: TcpStream,
    received: BytesMut,
    /// Of one exchange after the other.
    alarm: Alarm,
}

/// What is to be sent.
pub(super) struct Outgoing<'r> {
    pub(super) method: &'r Method,
    /// Head included, what goes first.
    pub(super) head: &'r [u8],
    /// `None` for a request without one.
    pub(super) body: Option<(&'r mut Sent, Framing)>,
    /// Hears how far a long body is.
    pub(super) endpoint: &'r InFlight,
}

impl Connection {
    /// Opens one.
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
        Ok(Self {
            stream,
            received: BytesMut::new(),
            alarm: Alarm::default(),
        })
    }

    /// Whether the other side has neither closed it nor said anything since it was put away. Costs no
    /// system call as long as nothing has happened.
    pub(super) fn is_quiet(&self) -> bool {
        let mut byte = [0];
        let read = self.stream.try_read(&mut byte);
        self.received.is_empty()
            && read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// The same as the kernel knows it at this moment, which costs a system call.
    pub(super) fn is_open(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let peeked = SockRef::from(&self.stream).peek(&mut byte);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends a request and waits for the head of the answer; `None` when the deadline comes first.
    pub(super) async fn exchange(
        &mut self,
        outgoing: Outgoing<'_>,
        deadline: Instant,
    ) -> Option<Result<Head, Failure>> {
        let mut alarm = std::mem::take(&mut self.alarm);
        let exchanged = alarm.within(deadline, pin!(self.send(outgoing))).await;
        self.alarm = alarm;
        exchanged
    }

    async fn send(&mut self, outgoing: Outgoing<'_>) -> Result<Head, Failure> {
        let method = outgoing.method;
        match outgoing.body {
            None => {
                self.write_first(outgoing.head).await?;
                self.read_head(method).await.map_err(Failure::Broken)
            }
            Some(body) => {
                let head = outgoing.head;
                self.send_body((method, head), body, outgoing.endpoint)
                    .await
            }
        }
    }

    /// Writes what goes first. If the connection takes none of it, nothing was sent.
    async fn write_first(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.stream.write(bytes).await.map_err(Failure::Unsent)?;
        let rest = self.stream.write_all(&bytes[written..]).await;
        rest.map_err(|error| Failure::Broken(error.into()))
    }

    async fn read_head(&mut self, method: &Method) -> Result<Head, Broken> {
        read_head(&mut self.stream, &mut self.received, method).await
    }

    /// Sends a body and listens meanwhile: a service may answer before it has read all.
    async fn send_body(
        &mut self,
        (method, head): (&Method, &[u8]),
        (body, framing): (&mut Sent, Framing),
        endpoint: &InFlight,
    ) -> Result<Head, Failure> {
        let mut first = head.to_vec();
        // A short body is there already, and goes with the head.
        let is_whole =
            poll_fn(|context| Poll::Ready(take_ready(body, context, framing, &mut first))).await;
        let is_whole = is_whole.map_err(Failure::Client)?;
        self.write_first(&first).await?;
        if is_whole {
            return self.read_head(method).await.map_err(Failure::Broken);
        }
        endpoint.uploading();
        let (mut reads, mut writes) = self.stream.split();
        let mut writing = pin!(write_body(&mut writes, body, framing));
        let mut reading = pin!(read_head(&mut reads, &mut self.received, method));
        tokio::select! {
            written = &mut writing => match written {
                Ok(()) => {
                    endpoint.uploaded();
                    reading.await.map_err(Failure::Broken)
                }
                // It may have answered before it closed.
                Err(Failure::Broken(error)) => reading.await.map_err(|_| Failure::Broken(error)),
                Err(failure) => Err(failure),
            },
            head = &mut reading => {
                let mut head = head.map_err(Failure::Broken)?;
                head.keeps = false;
                Ok(head)
            }
        }
    }

    /// All of a body, if it has come already.
    pub(super) fn take_whole(&mut self, framing: Framing) -> Option<Bytes> {
        let length = match framing {
            Framing::None => return Some(Bytes::new()),
            Framing::Length(length) => usize::try_from(length).ok()?,
            Framing::Chunked | Framing::UntilClose => return None,
        };
        let has_come = length <= self.received.len();
        has_come.then(|| self.received.split_to(length).freeze())
    }

    /// What has been received and not been read.
    pub(super) fn received(&mut self) -> &mut BytesMut {
        &mut self.received
    }

    /// Receives more; 0 bytes at the end. `expected` says how much the body still has.
    pub(super) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        expected: u64,
    ) -> Poll<io::Result<usize>> {
        self.received.reserve(if expected > PIECE as u64 {
            LONG_PIECE
        } else {
            PIECE
        });
        poll_read_buf(Pin::new(&mut self.stream), context, &mut self.received)
    }
}

async fn read_head(
    reads: &mut (impl AsyncRead + Unpin),
    received: &mut BytesMut,
    method: &Method,
) -> Result<Head, Broken> {
    loop {
        if let Some(head) = head::take(received, method)? {
            return Ok(head);
        }
        received.reserve(PIECE);
        if reads.read_buf(received).await? == 0 {
            return Err(Broken::Ended);
        }
    }
}

/// Takes those pieces of a body that wait already; whether that was all of it.
fn take_ready(
    body: &mut Sent,
    context: &mut Context<'_>,
    framing: Framing,
    target: &mut Vec<u8>,
) -> Result<bool, BodyError> {
    while target.len() < LONG_PIECE {
        match body.poll_piece(context) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Some(piece)) => put(target, &piece?, framing),
            Poll::Ready(None) => {
                put_end(target, framing);
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn put(target: &mut Vec<u8>, piece: &Bytes, framing: Framing) {
    if piece.is_empty() {
        return;
    }
    if framing == Framing::Chunked {
        target.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
    }
    target.extend_from_slice(piece);
    if framing == Framing::Chunked {
        target.extend_from_slice(b"\r\n");
    }
}

fn put_end(target: &mut Vec<u8>, framing: Framing) {
    if framing == Framing::Chunked {
        target.extend_from_slice(b"0\r\n\r\n");
    }
}

async fn write_body(
    writes: &mut WriteHalf<'_>,
    body: &mut Sent,
    framing: Framing,
) -> Result<(), Failure> {
    let broken = |error: io::Error| Failure::Broken(error.into());
    let mut buffer = Vec::new();
    while let Some(piece) = poll_fn(|context| body.poll_piece(context)).await {
        let piece = piece.map_err(Failure::Client)?;
        if framing == Framing::Chunked {
            buffer.clear();
            put(&mut buffer, &piece, framing);
            writes.write_all(&buffer).await.map_err(broken)?;
        } else {
            writes.write_all(&piece).await.map_err(broken)?;
        }
    }
    buffer.clear();
    put_end(&mut buffer, framing);
    writes.write_all(&buffer).await.map_err(broken)
}

/// What comes after a switch of protocols.
impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.received.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.received.len().min(buffer.remaining());
        buffer.put_slice(&self.received.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
