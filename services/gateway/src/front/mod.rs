//! The public listener: threads that share it, each of which does all of a request by itself.
//!
//! A connection stays on the thread that accepted it, and so do the connections to the services:
//! nothing wanders between processors, which costs a proxy a seventh of its time.

mod connection;

use crate::Gateway;
use crate::observe::{self, AccessLog, Meter};
use crate::upstream::Pool;
use connection::Connections;
use futures_util::FutureExt as _;
use futures_util::future::try_join_all;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use stoa_service::{BoxError, Listening};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How long to wait when the process has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How late a line of the access log may be.
const FLUSH: Duration = Duration::from_millis(250);

/// What a request needs of the thread that serves it.
pub(crate) struct Lane {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) pool: Pool,
    pub(crate) meter: Meter,
    pub(crate) log: AccessLog,
    draining: CancellationToken,
    shutdown: CancellationToken,
}

/// Serves until the shutdown, and then finishes what is in hand.
pub(crate) async fn serve(gateway: Arc<Gateway>, listening: Listening) -> Result<(), BoxError> {
    let writer = observe::writer()?;
    let mut ends = Vec::new();
    for number in 0..listening.threads.max(1) {
        let listener = listening.listener.try_clone()?;
        let lane = Lane {
            gateway: Arc::clone(&gateway),
            pool: Pool::default(),
            meter: Meter::default(),
            log: AccessLog::new(writer.clone()),
            draining: listening.draining.clone(),
            shutdown: listening.shutdown.clone(),
        };
        let (ended, end) = oneshot::channel();
        let thread = std::thread::Builder::new().name(format!("front-{number}"));
        // Ends with the listening; if it panics, its end is told by the channel.
        thread.spawn(move || ended.send(run(lane, listener)))?;
        ends.push(end);
    }
    drop(listening.listener);
    let ends = ends.into_iter().map(|end| async move { end.await? });
    try_join_all(ends).await.map(drop)
}

fn run(lane: Lane, listener: std::net::TcpListener) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(lane.serve(listener))?;
    Ok(())
}

impl Lane {
    async fn serve(self, listener: std::net::TcpListener) -> io::Result<()> {
        let listener = TcpListener::from_std(listener)?;
        let lane = Arc::new(self);
        let connections = Connections::new(Arc::clone(&lane));
        tokio::select! {
            () = lane.accept(listener, &connections) => {}
            () = lane.tidy() => {}
        }
        connections.close().await;
        // What became of WebSockets says goodbye on this thread.
        lane.gateway.context.finished().await;
        lane.log.flush();
        Ok(())
    }

    async fn accept(&self, listener: TcpListener, connections: &Connections) {
        while let Some(accepted) = self.shutdown.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => connections.attend(stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // Who has connected already is served; closing the listener would reset them.
        while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
            connections.attend(stream, peer);
        }
    }

    async fn tidy(&self) {
        let mut tick = tokio::time::interval(FLUSH);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.log.flush();
            self.pool.tidy();
        }
    }
}
