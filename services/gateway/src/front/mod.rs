//! The public listener: threads that share it, each of which does all of a request by itself.
//!
//! A connection stays on the thread that accepted it, and so do the connections to the services:
//! nothing wanders between processors, which costs a proxy a seventh of its time.

mod guests;
mod http1;
mod http2;
mod socket;
mod streams;
mod unsent;

pub(crate) use http1::{Link, Switch};
pub(crate) use unsent::Unsent;

use crate::Gateway;
use crate::observe::{self, AccessLog, Meter};
use crate::tls::Tls;
use crate::upstream::Pool;
use futures_util::FutureExt as _;
use futures_util::future::try_join_all;
use guests::Guests;
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

/// A listener as one thread has it.
struct Entrance {
    listener: std::net::TcpListener,
    /// What is spoken before HTTP, if it is encrypted.
    tls: Option<Tls>,
}

/// Serves until the shutdown, and then finishes what is in hand. `tls` is spoken at the second listener.
pub(crate) async fn serve(
    gateway: Arc<Gateway>,
    tls: Option<Tls>,
    listening: Listening,
) -> Result<(), BoxError> {
    let writer = observe::writer()?;
    let mut ends = Vec::new();
    for number in 0..listening.threads.max(1) {
        let mut entrances = vec![Entrance {
            listener: listening.listener.try_clone()?,
            tls: None,
        }];
        if let Some(further) = &listening.further {
            let (listener, tls) = (further.try_clone()?, tls.clone());
            entrances.push(Entrance { listener, tls });
        }
        let lane = Lane {
            gateway: Arc::clone(&gateway),
            pool: Pool::default(),
            meter: Meter::new(),
            log: AccessLog::new(writer.clone()),
            draining: listening.draining.clone(),
            shutdown: listening.shutdown.clone(),
        };
        let (ended, end) = oneshot::channel();
        let thread = std::thread::Builder::new().name(format!("front-{number}"));
        // Ends with the listening; if it panics, its end is told by the channel.
        thread.spawn(move || ended.send(run(lane, entrances)))?;
        ends.push(end);
    }
    drop(listening);
    let ends = ends.into_iter().map(|end| async move { end.await? });
    try_join_all(ends).await.map(drop)
}

fn run(lane: Lane, entrances: Vec<Entrance>) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(lane.serve(entrances))?;
    Ok(())
}

impl Lane {
    async fn serve(self, entrances: Vec<Entrance>) -> io::Result<()> {
        let lane = Arc::new(self);
        let guests = Guests::new(Arc::clone(&lane));
        let accept = entrances
            .into_iter()
            .map(|entrance| lane.accept(entrance, &guests));
        tokio::select! {
            accepted = try_join_all(accept) => drop(accepted?),
            () = lane.tidy() => {}
        }
        guests.leave().await;
        // What became of WebSockets says goodbye on this thread.
        lane.gateway.context.finished().await;
        lane.log.flush();
        Ok(())
    }

    async fn accept(&self, entrance: Entrance, guests: &Guests) -> io::Result<()> {
        let Entrance { listener, tls } = entrance;
        let listener = TcpListener::from_std(listener)?;
        let accept = async || {
            let room = self.gateway.connections.room().await;
            let (stream, peer) = listener.accept().await?;
            Ok::<_, io::Error>((stream, peer, room))
        };
        while let Some(accepted) = self.shutdown.run_until_cancelled(accept()).await {
            match accepted {
                Ok((stream, peer, room)) => guests.attend(stream, peer, tls.clone(), Some(room)),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // Who has connected already is served; closing the listener would reset them.
        while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
            guests.attend(stream, peer, tls.clone(), None);
        }
        Ok(())
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
