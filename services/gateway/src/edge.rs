//! The way of a connection from its socket to HTTP: bounded, decrypted, and strictly framed.

use crate::connections::{Connections, Held};
use crate::framing::Strict;
use crate::tls::Tls;
use futures_util::future::BoxFuture;
use http::uri::Scheme;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use stoa_service::edge::{BoxStream, Room};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A head has a few hundred bytes; with a token and cookies a few thousand.
const LARGEST_HEAD: usize = 16 << 10;

/// What stands before one listener.
pub(crate) struct Edge {
    pub(crate) connections: Connections,
    /// Encrypted, if there is a certificate.
    pub(crate) tls: Option<Tls>,
    /// How long a client may take for the head of a request.
    pub(crate) head_timeout: Duration,
}

impl stoa_service::edge::Edge for Edge {
    fn room(&self) -> BoxFuture<'static, Room> {
        let connections = self.connections.clone();
        Box::pin(async move { Box::new(connections.room().await) as Room })
    }

    fn open(&self, stream: TcpStream, client: IpAddr) -> BoxFuture<'static, io::Result<BoxStream>> {
        let held = self.connections.hold(client);
        let tls = self.tls.clone();
        let limit = self.head_timeout;
        Box::pin(async move {
            let held = held.ok_or(io::ErrorKind::QuotaExceeded)?;
            Ok(match tls {
                Some(tls) => {
                    let stream = tls.accept(stream).await?;
                    Counted::boxed(Strict::opening_within(stream, limit), held)
                }
                None => Counted::boxed(Strict::opening_within(stream, limit), held),
            })
        })
    }

    fn configure(&self, builder: &mut Builder<TokioExecutor>) {
        builder
            .http1()
            .header_read_timeout(self.head_timeout)
            .max_buf_size(LARGEST_HEAD);
        let largest = u32::try_from(LARGEST_HEAD).expect("a small constant");
        builder.http2().max_header_list_size(largest);
    }

    fn scheme(&self) -> Scheme {
        match self.tls {
            Some(_) => Scheme::HTTPS,
            None => Scheme::HTTP,
        }
    }
}

/// A stream that is one of its address's connections.
struct Counted<T> {
    io: T,
    _held: Held,
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Counted<T> {
    fn boxed(io: T, held: Held) -> BoxStream {
        Box::new(Self { io, _held: held })
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
