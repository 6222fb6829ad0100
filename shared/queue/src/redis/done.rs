//! Acknowledgements, as many at a time as there are: one by one they cost more than the work of a small job.

use super::keys::{GROUP, Keys};
use super::{no_group, scripts};
use crate::QueueError;
use crate::backend::Settled;
use redis::RedisResult;
use redis::aio::ConnectionManager;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

/// Acknowledgements of one command: those that came while the one before was on its way.
const AT_ONCE: usize = 100;

/// What became of it; dropped if the server did not take it.
type Taken = oneshot::Sender<Settled>;

/// The side that asks.
pub(super) struct Done {
    entries: mpsc::UnboundedSender<(String, Taken)>,
    _sending: AbortOnDropHandle<()>,
}

impl Done {
    /// Acknowledges entries that `consumer` holds, from now on. There are never more than jobs run.
    pub(super) fn new(link: ConnectionManager, keys: Keys, consumer: String) -> Self {
        let (entries, receiver) = mpsc::unbounded_channel();
        let sending = tokio::spawn(send(link, keys, consumer, receiver));
        Self {
            entries,
            _sending: AbortOnDropHandle::new(sending),
        }
    }

    /// Acknowledges and deletes an entry, unless another worker has taken it over.
    pub(super) async fn tell(&self, entry: &str) -> Result<Settled, QueueError> {
        let (taken, told) = oneshot::channel();
        // If nobody takes it, nobody tells either.
        let _ = self.entries.send((entry.to_owned(), taken));
        told.await
            .map_err(|_| QueueError::Unconfirmed("an acknowledgement"))
    }
}

async fn send(
    mut link: ConnectionManager,
    keys: Keys,
    consumer: String,
    mut entries: mpsc::UnboundedReceiver<(String, Taken)>,
) {
    let mut some = Vec::with_capacity(AT_ONCE);
    while entries.recv_many(&mut some, AT_ONCE).await > 0 {
        let (ids, told): (Vec<_>, Vec<_>) = some.drain(..).unzip();
        let mut call = scripts::DONE.key(&keys.stream);
        call.arg(GROUP).arg(&consumer).arg(&ids);
        let settled: RedisResult<Vec<bool>> = call.invoke_async(&mut link).await;
        let settled = match settled {
            Ok(settled) => settled,
            Err(error) if no_group(&error) => vec![false; ids.len()],
            Err(error) => {
                tracing::debug!(%error, "acknowledgements are sent again");
                continue;
            }
        };
        for (taken, is_settled) in told.into_iter().zip(settled) {
            // Who waited may be gone.
            let _ = taken.send(if is_settled {
                Settled::Yes
            } else {
                Settled::Lost
            });
        }
    }
}
