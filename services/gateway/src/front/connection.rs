//! The connections of one thread, with a bound on how long a client may dawdle, and their orderly end.

use super::Lane;
use crate::body::Given;
use crate::exchange;
use http::header::{CONNECTION, HeaderValue};
use http::{Response, StatusCode, Version};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a connection may wait for the next request or send its headers, so that slow clients
/// cannot hold connections for ever.
const HEADER_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a client that has just connected may take to ask, when the process is ending.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// The connections of one thread.
pub(super) struct Connections {
    lane: Arc<Lane>,
    builder: Builder<TokioExecutor>,
    open: TaskTracker,
}

impl Connections {
    pub(super) fn new(lane: Arc<Lane>) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(HEADER_TIMEOUT);
        Self {
            lane,
            builder,
            open: TaskTracker::new(),
        }
    }

    /// Serves a connection in a task of its own.
    pub(super) fn attend(&self, stream: TcpStream, peer: SocketAddr) {
        // Small answers go out at once; a socket that refuses this still works.
        let _ = stream.set_nodelay(true);
        let lane = Arc::clone(&self.lane);
        let asked = CancellationToken::new();
        let has_asked = asked.clone();
        let peer = peer.ip();
        let service = service_fn(move |request| {
            has_asked.cancel();
            answer(Arc::clone(&lane), peer, request)
        });
        let connection = self
            .builder
            .serve_connection_with_upgrades(TokioIo::new(stream), service)
            .into_owned();
        let shutdown = self.lane.shutdown.clone();
        self.open.spawn(async move {
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

    /// Waits until the last one has ended.
    pub(super) async fn close(self) {
        self.open.close();
        self.open.wait().await;
    }
}

async fn answer(
    lane: Arc<Lane>,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Result<Response<Given>, Infallible> {
    // HTTP/2 has a frame for this, which the connection sends by itself.
    let has_header = request.version() < Version::HTTP_2;
    let mut response = exchange::answer(&lane, peer, request).await;
    let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if lane.draining.is_cancelled() && has_header && !is_upgrade {
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
