//! Who has connected to one thread: with a bound on how many there are and how long each may dawdle, and an orderly end.

use super::Lane;
use crate::body::Given;
use crate::exchange::{self, From};
use crate::framing::Strict;
use crate::tls::Tls;
use http::header::{CONNECTION, HeaderValue};
use http::{Response, StatusCode, Version};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::future::{Future as _, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio_util::task::TaskTracker;

/// HTTP/2 connections that are silent for longer than this are asked whether they are there.
const PING: Duration = Duration::from_mins(1);
/// A head has a few hundred bytes; with a token and cookies a few thousand.
const LARGEST_HEAD: u32 = 16 << 10;
/// How long a client that has just connected may take to ask, when the process is ending.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// The connections of one thread.
pub(super) struct Guests {
    lane: Arc<Lane>,
    builder: Builder<TokioExecutor>,
    open: TaskTracker,
}

impl Guests {
    pub(super) fn new(lane: Arc<Lane>) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(lane.gateway.head_timeout)
            .max_buf_size(LARGEST_HEAD as usize);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .max_header_list_size(LARGEST_HEAD);
        Self {
            lane,
            builder,
            open: TaskTracker::new(),
        }
    }

    /// Serves a connection in a task of its own.
    pub(super) fn attend(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        tls: Option<Tls>,
        room: Option<OwnedSemaphorePermit>,
    ) {
        let gateway = &self.lane.gateway;
        // A proxy that we believe has the connections of many.
        let is_believed = gateway.trusted.has(peer.ip());
        let held = (!is_believed).then(|| gateway.connections.hold(peer.ip()));
        if let Some(None) = held {
            return;
        }
        // Small answers go out at once; a socket that refuses this still works.
        let _ = stream.set_nodelay(true);
        let kept = (room, held);
        let from = From {
            address: peer.ip(),
            is_encrypted: tls.is_some(),
        };
        let (lane, builder) = (Arc::clone(&self.lane), self.builder.clone());
        self.open.spawn(async move {
            let limit = lane.gateway.head_timeout;
            match tls {
                None => {
                    let stream = Strict::opening_within(stream, limit).keeping(kept);
                    serve(lane, builder, stream, from).await;
                }
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => {
                        let stream = Strict::opening_within(stream, limit).keeping(kept);
                        serve(lane, builder, stream, from).await;
                    }
                    Err(error) => tracing::debug!(%error, "a handshake failed"),
                },
            }
        });
    }

    /// Waits until the last one has left.
    pub(super) async fn leave(self) {
        self.open.close();
        self.open.wait().await;
    }
}

/// Serves a connection to its end.
async fn serve<I>(lane: Arc<Lane>, builder: Builder<TokioExecutor>, stream: I, from: From)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let shutdown = lane.shutdown.clone();
    let asked = Arc::new(Notify::new());
    let has_asked = Arc::clone(&asked);
    let service = service_fn(move |request| {
        has_asked.notify_one();
        answer(Arc::clone(&lane), from, request)
    });
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ending = async {
        shutdown.cancelled().await;
        // Who never asks does not hold up the end for long.
        let _ = tokio::time::timeout(FIRST_REQUEST, asked.notified()).await;
    };
    let mut ending = pin!(ending);
    let mut waits = false;
    let ended = poll_fn(|context| {
        // First, so that a request which has arrived is seen before the end is.
        if let Poll::Ready(ended) = connection.as_mut().poll(context) {
            return Poll::Ready(Some(ended));
        }
        // Once it waits it wakes this task when the end comes; until then there is nothing to ask it.
        if waits && !shutdown.is_cancelled() {
            return Poll::Pending;
        }
        waits = true;
        ending.as_mut().poll(context).map(|()| None)
    });
    let ended = if let Some(ended) = ended.await {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    if let Err(error) = ended {
        // Clients break off; that is no event for an operator.
        tracing::debug!(error, "a connection broke off");
    }
}

async fn answer(
    lane: Arc<Lane>,
    from: From,
    request: Request<Incoming>,
) -> Result<Response<Given>, Infallible> {
    // HTTP/2 has a frame for this, which the connection sends by itself.
    let has_header = request.version() < Version::HTTP_2;
    let mut response = exchange::answer(&lane, from, request).await;
    let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if lane.draining.is_cancelled() && has_header && !is_upgrade {
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
