//! Who has connected to one thread: with a bound on how many there are, and an orderly end.

use super::Lane;
use super::http1::{self, Kept, Link};
use super::socket::Socket;
use crate::exchange::From;
use crate::tls::Tls;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::TaskTracker;

/// The connections of one thread.
pub(super) struct Guests {
    lane: Arc<Lane>,
    open: TaskTracker,
}

impl Guests {
    pub(super) fn new(lane: Arc<Lane>) -> Self {
        let open = TaskTracker::new();
        Self { lane, open }
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
        let kept = (room, held.flatten());
        let from = From {
            address: peer.ip(),
            is_encrypted: tls.is_some(),
        };
        let lane = Arc::clone(&self.lane);
        match tls {
            None => {
                let link = Link::new(Socket::Plain(stream), kept);
                self.open.spawn(http1::serve(lane, link, from));
            }
            Some(tls) => {
                self.open.spawn(encrypted(lane, stream, tls, kept, from));
            }
        }
    }

    /// Waits until the last one has left.
    pub(super) async fn leave(self) {
        self.open.close();
        self.open.wait().await;
    }
}

async fn encrypted(lane: Arc<Lane>, stream: TcpStream, tls: Tls, kept: Kept, from: From) {
    // In a box, for it is large and soon over.
    match Box::pin(tls.accept(stream)).await {
        Ok(stream) => {
            let link = Link::new(Socket::Encrypted(Box::new(stream)), kept);
            http1::serve(lane, link, from).await;
        }
        Err(error) => tracing::debug!(%error, "a handshake failed"),
    }
}
