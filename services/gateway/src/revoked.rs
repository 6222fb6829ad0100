//! Sessions and API keys that were revoked: their access tokens are refused from that moment on.
//!
//! `api` tells of each; the gateway always has a question there that waits for the next one.

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

/// What was revoked of late; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Revoked(Arc<Ids>);

#[derive(Default)]
struct Ids {
    /// Whether there is any: most of the time there is none, and nobody takes the lock.
    any: AtomicBool,
    until: RwLock<HashMap<Uuid, Instant>>,
    /// Wakes who waits when there are more.
    more: Notify,
}

impl Revoked {
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
        let up = metrics::gauge!("gateway_revocations_up");
        let api = api.with_timeout(LIMIT);
        let mut next = 0;
        let forever = async {
            loop {
                match ask(&api, next).await {
                    Ok(told) => {
                        next = told.next;
                        self.add(&told.revoked);
                        up.set(1.0);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "revocations cannot be asked for");
                        up.set(0.0);
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

async fn ask(api: &ServiceClient, after: i64) -> Result<Revocations, ClientError> {
    api.get(&format!("{REVOCATIONS_PATH}?after={after}&wait={WAIT}"))
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
