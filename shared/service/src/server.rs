//! Accepts connections, with a bound on how long a client may dawdle, and closes them in order.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use futures_util::FutureExt as _;
use http::{HeaderValue, Request, StatusCode, Version, header::CONNECTION};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::edge::{Edge, Room};

/// How long a connection may wait for the next request or send its headers, so that slow clients
/// cannot hold connections for ever. Longer than our own clients keep a connection in their pool.
const HEADER_TIMEOUT: Duration = Duration::from_mins(1);

/// How long to wait when the process has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a client that has just connected may take to ask, when the process is ending.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// Serves until `shutdown`, then finishes the requests in hand. While `draining`, every answer
/// says that it is the last one of its connection, so that few idle connections are left to be
/// closed at the end: a request that crosses the closing of its connection is lost.
pub(crate) async fn serve(
    listener: TcpListener,
    edge: Arc<dyn Edge>,
    router: Router,
    draining: CancellationToken,
    shutdown: CancellationToken,
) {
    let server = Server {
        builder: builder(&*edge),
        edge,
        router,
        draining,
        shutdown: shutdown.clone(),
        connections: TaskTracker::new(),
    };
    let accept = async || {
        let room = server.edge.room().await;
        let (stream, peer) = listener.accept().await?;
        Ok::<_, std::io::Error>((room, stream, peer))
    };
    while let Some(accepted) = shutdown.run_until_cancelled(accept()).await {
        match accepted {
            Ok((room, stream, peer)) => server.attend(room, stream, peer),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Who has connected already is served; closing the listener would reset them.
    while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
        server.attend(Box::new(()), stream, peer);
    }
    drop(listener);
    server.connections.close();
    server.connections.wait().await;
}

/// What each connection needs.
struct Server {
    builder: Builder<TokioExecutor>,
    edge: Arc<dyn Edge>,
    router: Router,
    draining: CancellationToken,
    shutdown: CancellationToken,
    connections: TaskTracker,
}

fn builder(edge: &dyn Edge) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEADER_TIMEOUT);
    edge.configure(&mut builder);
    builder
}

impl Server {
    /// Serves a connection in a task of its own.
    fn attend(&self, room: Room, stream: TcpStream, peer: SocketAddr) {
        // Small answers go out at once; a socket that refuses this still works.
        let _ = stream.set_nodelay(true);
        let (router, draining) = (self.router.clone(), self.draining.clone());
        let scheme = self.edge.scheme();
        let asked = CancellationToken::new();
        let has_asked = asked.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            has_asked.cancel();
            request.extensions_mut().insert(scheme.clone());
            answer(router.clone(), request, peer, draining.clone())
        });
        let builder = self.builder.clone();
        let opening = self.edge.open(stream, peer.ip());
        let shutdown = self.shutdown.clone();
        self.connections.spawn(async move {
            let _room = room;
            // Opened to its end even now: who has connected is served.
            let Ok(stream) = opening.await else {
                return;
            };
            let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
            let mut connection = pin!(connection);
            let ending = async {
                shutdown.cancelled().await;
                // Who never asks does not hold up the end for long.
                let _ = tokio::time::timeout(FIRST_REQUEST, asked.cancelled()).await;
            };
            let ended = tokio::select! {
                // First, so that a request which has arrived is seen before the end is.
                biased;
                ended = connection.as_mut() => ended,
                () = ending => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
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
