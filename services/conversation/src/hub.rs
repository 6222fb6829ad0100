//! Tells listeners on every replica that something happened in a conversation.
//!
//! A turn ends with a PostgreSQL `NOTIFY` in its transaction. Each replica listens on one
//! connection and wakes its own listeners, who then read the new events from the database: so a
//! notification that is lost or comes twice does no harm, and none can carry too much.

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The PostgreSQL channel; the payload is the conversation's id.
pub(crate) const CHANNEL: &str = "conversation_events";

/// Between attempts to listen again when the database was away.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Wakes listeners; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Hub {
    listeners: Arc<Mutex<HashMap<Uuid, watch::Sender<()>>>>,
}

/// One who listens to a conversation.
pub(crate) struct Listener {
    hub: Hub,
    conversation: Uuid,
    woken: watch::Receiver<()>,
}

impl Listener {
    /// Waits until something may have happened.
    pub(crate) async fn woken(&mut self) {
        if self.woken.changed().await.is_err() {
            // The hub keeps the sender as long as this listener lives; never is safe anyway.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut listeners = self.hub.lock();
        let is_last = listeners
            .get(&self.conversation)
            .is_some_and(|sender| sender.receiver_count() <= 1);
        if is_last {
            listeners.remove(&self.conversation);
        }
    }
}

impl Hub {
    /// Listens to a conversation.
    pub(crate) fn subscribe(&self, conversation: Uuid) -> Listener {
        let mut listeners = self.lock();
        let sender = listeners
            .entry(conversation)
            .or_insert_with(|| watch::Sender::new(()));
        Listener {
            woken: sender.subscribe(),
            hub: self.clone(),
            conversation,
        }
    }

    /// Wakes listeners on every notification, until the token is cancelled.
    pub(crate) async fn listen(&self, pool: PgPool, token: CancellationToken) {
        let forever = async {
            loop {
                if let Err(error) = self.listen_once(&pool).await {
                    tracing::warn!(%error, "listening to the database failed; trying again");
                }
                tokio::time::sleep(RETRY_DELAY).await;
            }
        };
        token.run_until_cancelled(forever).await;
    }

    async fn listen_once(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        // Whatever was said before this moment may have been missed.
        self.wake_all();
        loop {
            match listener.try_recv().await? {
                Some(notification) => {
                    if let Ok(conversation) = notification.payload().parse() {
                        self.wake(conversation);
                    }
                }
                // The connection was lost and is made anew.
                None => self.wake_all(),
            }
        }
    }

    fn wake(&self, conversation: Uuid) {
        if let Some(sender) = self.lock().get(&conversation) {
            sender.send_replace(());
        }
    }

    fn wake_all(&self) {
        for sender in self.lock().values() {
            sender.send_replace(());
        }
    }

    /// A panic while the lock was held leaves a map that is still a map.
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, watch::Sender<()>>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
