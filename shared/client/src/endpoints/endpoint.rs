//! One address of a service, and a request on its way to it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use tokio::time::Instant;

/// How long an address that took no connection is avoided: a container that is starting needs
/// about this long, and asking one that is gone costs up to a second each time.
const EJECTION: Duration = Duration::from_secs(3);

/// How a request to an address ended, as far as the address is to be judged by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The head of an answer came, and the address may have more.
    Good,
    /// An answer came, but one that tells of trouble at this address.
    Failed,
    /// No answer came: the connection broke after it was made, or a deadline passed. A caller
    /// that waits for less than a second says nothing about the address, and should not say this.
    Broken,
}

impl Outcome {
    /// What the head of an answer says. Trouble is any 5xx, but for two: 501 is about the request,
    /// and a 503 that is a problem document or has `Retry-After` is about the service, which would
    /// say the same at each of its addresses (a database is away, there is too much to do).
    pub fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        let has_meaning = match status {
            StatusCode::NOT_IMPLEMENTED => true,
            StatusCode::SERVICE_UNAVAILABLE => {
                let problem = headers.get(CONTENT_TYPE);
                let problem = problem.is_some_and(|value| {
                    let value = value.as_bytes();
                    value.starts_with(b"application/problem+json")
                });
                problem || headers.contains_key(RETRY_AFTER)
            }
            _ => false,
        };
        if status.is_server_error() && !has_meaning {
            Self::Failed
        } else {
            Self::Good
        }
    }
}

/// One address.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    in_flight: AtomicUsize,
    ejected_until: Mutex<Option<Instant>>,
}

impl Endpoint {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            in_flight: AtomicUsize::new(0),
            ejected_until: Mutex::new(None),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn is_ejected(&self) -> bool {
        let until = *self
            .ejected_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }
}

/// The address chosen for one request; counts as in flight there until it is dropped.
#[derive(Debug)]
pub struct InFlight(Arc<Endpoint>);

impl InFlight {
    pub(super) fn to(endpoint: Arc<Endpoint>) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(endpoint)
    }

    /// Where the request goes.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// How it ended, as soon as that is known: with the head of the answer, not its body.
    pub fn answered(&self, outcome: Outcome) {
        tracing::trace!(address = %self.0.address, ?outcome, "answered");
    }

    /// No connection could be made: others are chosen for a few seconds, as long as there are any.
    pub fn refused(&self) {
        let until = Instant::now() + EJECTION;
        *self
            .0
            .ejected_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(until);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
