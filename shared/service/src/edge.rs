//! What stands between the sockets and HTTP, for a service that has more to say about it than most.

use futures_util::future::BoxFuture;
use http::uri::Scheme;
use hyper_util::{rt::TokioExecutor, server::conn::auto::Builder};
use std::{any::Any, io, net::IpAddr};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// Room for one connection, until it is dropped.
pub type Room = Box<dyn Any + Send>;

/// A connection as HTTP reads it.
pub type BoxStream = Box<dyn Stream>;

/// What a connection can do.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The edge of a listener.
pub trait Edge: Send + Sync + 'static {
    /// Waits until there is room for one more connection; nothing is accepted before.
    fn room(&self) -> BoxFuture<'static, Room>;

    /// Makes of an accepted connection the stream that HTTP is read from, or ends it.
    fn open(&self, stream: TcpStream, client: IpAddr) -> BoxFuture<'static, io::Result<BoxStream>>;

    /// Sets the limits of HTTP itself.
    fn configure(&self, builder: &mut Builder<TokioExecutor>);

    /// How clients write the URLs of this listener; every request carries it as an extension.
    fn scheme(&self) -> Scheme;
}

/// An edge that does nothing.
pub(crate) struct Plain;

impl Edge for Plain {
    fn room(&self) -> BoxFuture<'static, Room> {
        Box::pin(std::future::ready(Box::new(()) as Room))
    }

    fn open(&self, stream: TcpStream, _: IpAddr) -> BoxFuture<'static, io::Result<BoxStream>> {
        Box::pin(std::future::ready(Ok(Box::new(stream) as BoxStream)))
    }

    fn configure(&self, _: &mut Builder<TokioExecutor>) {}

    fn scheme(&self) -> Scheme {
        Scheme::HTTP
    }
}
