//! Sessions and API keys that were revoked: their access tokens are refused from that moment on.
//!
//! `api` tells of each; the gateway always has a question there that waits for the next one. After a question without an
//! answer it asks for all of them anew.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::sessions::{REVOCATIONS_PATH, Revocations};
use stoa_service::BoxError;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// No access token of what was revoked is left by then.
const KEPT: Duration = Duration::from_mins(20);
/// How long a question waits at `api`, in seconds.
const WAIT: u64 = 15;
/// The longest that it may take on its way.
const LIMIT: Duration = Duration::from_secs(20);
/// Between two questions while `api` is away.
const PAUSE: Duration = Duration::from_secs(1);
/// How long who starts waits for the first answer: who has none lets in what was revoked before. Not for longer, because
/// while `api` is away there must be a door to all else.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// The gateway has only started, and does not know yet what was revoked before.
#[derive(Debug, thiserror::Error)]
#[error("`api` has not told yet what was revoked")]
pub(crate) struct Unheard;

/// What was revoked of late; cheap to clone.
#[derive(Clone)]
pub(crate) struct Revoked(Arc<Ids>);

struct Ids {
    started: Instant,
    /// Whether `api` has told of those from before the start.
    heard: AtomicBool,
    /// Whether there is any: most of the time there is none, and nobody takes the lock.
    any: AtomicBool,
    until: RwLock<HashMap<Uuid, Instant>>,
    /// Wakes who waits when there are more.
    more: Notify,
}

impl Revoked {
    /// Knows of none yet.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Ids {
            started: Instant::now(),
            heard: AtomicBool::default(),
            any: AtomicBool::default(),
            until: RwLock::default(),
            more: Notify::new(),
        }))
    }

    /// Whether the gateway may let anybody in: the check for `App::ready_when`.
    pub(crate) fn ready(&self) -> Result<(), Unheard> {
        let Ids { started, heard, .. } = &*self.0;
        if heard.load(Ordering::Relaxed) || started.elapsed() >= READY_WITHIN {
            return Ok(());
        }
        Err(Unheard)
    }

    /// Whether this session or key was revoked.
    pub(crate) fn has(&self, id: Uuid) -> bool {
        let ids = &self.0;
        ids.any.load(Ordering::Relaxed)
            && ids
                .until
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .contains_key(&id)
    }

    /// Waits until this session or key is revoked.
    pub(crate) async fn comes_to(&self, id: Uuid) {
        loop {
            // Before the look, so that nothing is missed between it and the wait.
            let mut more = pin!(self.0.more.notified());
            more.as_mut().enable();
            if self.has(id) {
                return;
            }
            more.await;
        }
    }

    /// Asks `api` again and again, until `shutdown`.
    pub(crate) async fn keep_up(
        self,
        api: ServiceClient,
        shutdown: CancellationToken,
    ) -> Result<(), BoxError> {
        let gauge = metrics::gauge!("gateway_revocations_up");
        let api = api.with_timeout(LIMIT);
        let (mut next, mut was_up) = (0, None);
        let forever = async {
            loop {
                let is_up = was_up == Some(true);
                // What may have been missed is told at once.
                let told = ask(&api, next, if is_up { WAIT } else { 0 }).await;
                let before = was_up.replace(told.is_ok());
                gauge.set(if told.is_ok() { 1.0 } else { 0.0 });
                match told {
                    Ok(told) => {
                        next = told.next;
                        self.add(&told.revoked);
                        self.0.heard.store(true, Ordering::Relaxed);
                        if before == Some(false) {
                            tracing::info!("`api` tells again what is revoked");
                        }
                    }
                    Err(error) => {
                        // Perhaps its database comes back from a backup, and counts again from where that was made:
                        // who asks on from a number that it has not reached yet hears of none before it.
                        next = 0;
                        if before != Some(false) {
                            tracing::warn!(%error, "`api` does not tell what is revoked; it is let in until it expires");
                        }
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        };
        shutdown.run_until_cancelled(forever).await;
        Ok(())
    }

    fn add(&self, revoked: &[Uuid]) {
        let now = Instant::now();
        let mut until = self.0.until.write().unwrap_or_else(PoisonError::into_inner);
        until.retain(|_, until| now < *until);
        until.extend(revoked.iter().map(|id| (*id, now + KEPT)));
        self.0.any.store(!until.is_empty(), Ordering::Relaxed);
        drop(until);
        if !revoked.is_empty() {
            self.0.more.notify_waiters();
        }
    }
}

async fn ask(api: &ServiceClient, after: i64, wait: u64) -> Result<Revocations, ClientError> {
    api.get(&format!("{REVOCATIONS_PATH}?after={after}&wait={wait}"))
        .await
}

/// Describes the metric.
pub(crate) fn describe() {
    metrics::describe_gauge!(
        "gateway_revocations_up",
        "1 while `api` tells of revoked sessions and keys"
    );
    metrics::gauge!("gateway_revocations_up").set(0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_starts_is_ready_when_api_has_answered_or_does_not_for_long() {
        let revoked = Revoked::new();
        assert!(revoked.ready().is_err());
        tokio::time::advance(READY_WITHIN).await;
        assert!(revoked.ready().is_ok());

        let revoked = Revoked::new();
        revoked.0.heard.store(true, Ordering::Relaxed);
        assert!(revoked.ready().is_ok());
    }
}
