//! Connections that wait for their next request; each thread of the front has its own.

use super::connection::Connection;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Shorter than the 60 s after which servers of ours close what is idle, so that we never reuse
/// a connection that is about to be closed.
const IDLE: Duration = Duration::from_secs(30);
/// Of one address.
const MOST: usize = 64;

/// Connections that wait, by address. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<BTreeMap<SocketAddr, Vec<Waiting>>>>);

struct Waiting {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// The connection that was used last, if there is one that is still good. It is looked at closely for a request
    /// that must not be lost with it, because it cannot be sent twice.
    pub(super) fn take(
        &self,
        address: SocketAddr,
        closely: bool,
        now: Instant,
    ) -> Option<Connection> {
        let mut all = self.lock();
        let waiting = all.get_mut(&address)?;
        while let Some(Waiting { connection, since }) = waiting.pop() {
            let is_good = now.saturating_duration_since(since) < IDLE && connection.is_quiet();
            if is_good && (!closely || connection.is_open()) {
                return Some(connection);
            }
        }
        None
    }

    /// Puts a connection back, at this moment.
    pub(super) fn put(&self, address: SocketAddr, connection: Connection, since: Instant) {
        let mut all = self.lock();
        let waiting = all.entry(address).or_default();
        if waiting.len() < MOST {
            waiting.push(Waiting { connection, since });
        }
    }

    /// Closes what has waited for too long, or was closed by the other side.
    pub(crate) fn tidy(&self) {
        let good =
            |waiting: &Waiting| waiting.since.elapsed() < IDLE && waiting.connection.is_quiet();
        self.lock().retain(|_, waiting| {
            waiting.retain(good);
            !waiting.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Vec<Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
