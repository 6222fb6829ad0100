//! Accepts connections, with a bound on how long a client may dawdle, and closes them in order.

use std::{convert::Infallible, net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use http::{HeaderValue, Request, StatusCode, Version, header::CONNECTION};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// How long a connection may wait for the next request or send its headers, so that slow clients
/// cannot hold connections for ever. Longer than our own clients keep a connection in their pool.
const HEADER_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a client may take nothing of what it is sent.
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// How long to wait when the process has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a client that has just connected may take to ask, when the process is ending.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// Serves until `shutdown`, then finishes the requests in hand. While `draining`, every answer
/// says that it is the last one of its connection, so that few idle connections are left to be
/// closed at the end: a request that crosses the closing of its connection is lost.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    draining: CancellationToken,
    shutdown: CancellationToken,
) {
    let server = Server {
        builder: builder(),
        router,
        draining,
        shutdown: shutdown.clone(),
        connections: TaskTracker::new(),
    };
    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => server.attend(stream, peer),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    for (stream, peer) in connected(listener) {
        server.attend(stream, peer);
    }
    server.connections.close();
    server.connections.wait().await;
}

/// Those who have connected already: closing the listener would reset them. The kernel is asked, because the runtime may not
/// have heard of the last ones yet.
fn connected(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else {
        return Vec::new();
    };
    let accepted = std::iter::from_fn(|| listener.accept().ok());
    let accepted = accepted.filter_map(|(stream, peer)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    });
    accepted.collect()
}

/// What each connection needs.
struct Server {
    builder: Builder<TokioExecutor>,
    router: Router,
    draining: CancellationToken,
    shutdown: CancellationToken,
    connections: TaskTracker,
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEADER_TIMEOUT);
    builder
}

impl Server {
    /// Serves a connection in a task of its own.
    fn attend(&self, stream: TcpStream, peer: SocketAddr) {
        // Small answers go out at once; a socket that refuses this still works.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_TIMEOUT));
        let (router, draining) = (self.router.clone(), self.draining.clone());
        let asked = CancellationToken::new();
        let has_asked = asked.clone();
        let service = service_fn(move |request| {
            has_asked.cancel();
            answer(router.clone(), request, peer, draining.clone())
        });
        let connection = self
            .builder
            .serve_connection_with_upgrades(TokioIo::new(Box::pin(stream)), service)
            .into_owned();
        let shutdown = self.shutdown.clone();
        self.connections.spawn(async move {
            let mut connection = pin!(connection);
            let ending = async {
                shutdown.cancelled().await;
                // Who never asks does not hold up the end for long.
                let _ = tokio::time::timeout(FIRST_REQUEST, asked.cancelled()).await;
            };
            let silent = async {
                // Hyper waits for the first bytes without a limit.
                if tokio::time::timeout(HEADER_TIMEOUT, asked.cancelled())
                    .await
                    .is_ok()
                {
                    std::future::pending::<()>().await;
                }
            };
            let ended = tokio::select! {
                // First, so that a request which has arrived is seen before the end is.
                biased;
                ended = connection.as_mut() => ended,
                () = ending => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
                () = silent => Ok(()),
            };
            if let Err(error) = ended {
                // Clients break off; that is no event for an operator.
                tracing::debug!(error, "a connection broke off");
            }
        });
    }
}

async fn answer(
    router: Router,
    mut request: Request<Incoming>,
    peer: SocketAddr,
    draining: CancellationToken,
) -> Result<Response, Infallible> {
    // HTTP/2 has a frame for this, which the connection sends by itself.
    let has_header = request.version() < Version::HTTP_2;
    request.extensions_mut().insert(ConnectInfo(peer));
    let mut response = router.oneshot(request.map(Body::new)).await?;
    let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if draining.is_cancelled() && has_header && !is_upgrade {
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
