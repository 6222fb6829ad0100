//! What one request has tried, and whether it may go to another address.

use super::error::Failure;
use super::{HOLD, Request, Upstream};
use crate::body::Sent;
use std::net::SocketAddr;
use std::time::Duration;
use stoa_client::{InFlight, Outcome, Retry};
use tokio::time::Instant;

/// How often who waits for a service looks whether it has come back.
const HOLD_STEP: Duration = Duration::from_millis(100);

/// What one request has tried so far.
pub(super) struct Tries {
    pub(super) tried: Vec<SocketAddr>,
    /// When the first one begins, unless it has.
    first: Option<Instant>,
    held_until: Instant,
    was_sent: bool,
}

impl Tries {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            tried: Vec::new(),
            first: Some(now),
            held_until: now + HOLD,
            was_sent: false,
        }
    }

    /// Begins the next one; when that is.
    pub(super) fn begin(&mut self) -> Instant {
        self.first.take().unwrap_or_else(Instant::now)
    }

    /// Waits a moment for a service to come back; `false` when that has taken too long.
    pub(super) async fn hold(&mut self) -> bool {
        let is_held = Instant::now() < self.held_until;
        if is_held {
            tokio::time::sleep(HOLD_STEP).await;
        }
        is_held
    }

    /// Whether the request may go to another address; if there is none, after a moment.
    pub(super) async fn again(
        &mut self,
        upstream: &Upstream,
        endpoint: &InFlight,
        request: &Request,
        failure: &Failure,
    ) -> bool {
        self.tried.push(endpoint.address());
        judge(endpoint, failure);
        let has_begun = request.body.as_ref().is_some_and(Sent::has_begun);
        let has_body = request.body.as_ref().is_some_and(|body| !body.is_empty());
        // What changes something says on what condition, and would fail for its own first time.
        let is_repeatable = request.method.is_idempotent() && !has_begun && !has_body;
        let (retry, counter) = match failure {
            Failure::Client(_) => return false,
            Failure::Refused(_) => (Retry::Unsent, &upstream.meter.refused),
            Failure::Unsent(_) if has_begun => return false,
            Failure::Unsent(_) => (Retry::Unsent, &upstream.meter.unsent),
            Failure::Broken(_) if self.was_sent || !is_repeatable => return false,
            Failure::Broken(_) => (Retry::Sent, &upstream.meter.broken),
        };
        let is_refused = matches!(failure, Failure::Refused(_));
        self.was_sent |= retry == Retry::Sent;
        let may = if !is_refused || upstream.endpoints.good_others(&self.tried) {
            upstream.budget.withdraw(retry)
        } else if Instant::now() < self.held_until && upstream.endpoints.others(&self.tried) {
            // One that was put aside may have come back; it is looked at for as long as all would be waited for.
            true
        } else {
            // All of them refused. That is limited by time: a budget would let some requests
            // wait and others not.
            self.tried.clear();
            self.hold().await
        };
        if may {
            counter.increment(1);
        }
        may
    }
}

fn judge(endpoint: &InFlight, failure: &Failure) {
    match failure {
        Failure::Refused(_) => endpoint.refused(),
        Failure::Broken(_) => endpoint.answered(Outcome::Broken),
        Failure::Unsent(_) | Failure::Client(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_try_begins_with_the_request_and_each_other_when_it_does() {
        let mut tries = Tries::new();
        let first = Instant::now();
        tokio::time::advance(HOLD_STEP).await;
        assert_eq!(tries.begin(), first);
        assert_eq!(tries.begin(), first + HOLD_STEP);
    }
}
