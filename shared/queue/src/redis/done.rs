//! Acknowledgements, as many at a time as there are: one by one they cost more than the work of a small job.

use super::keys::{GROUP, Keys};
use crate::QueueError;
use redis::aio::ConnectionManager;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

/// Acknowledgements of one command: those that came while the one before was on its way.
const AT_ONCE: usize = 100;

/// Whether the server took it.
type Taken = oneshot::Sender<bool>;

/// The side that asks.
pub(super) struct Done {
    entries: mpsc::UnboundedSender<(String, Taken)>,
    _sending: AbortOnDropHandle<()>,
}

impl Done {
    /// Acknowledges entries of a stream from now on. There are never more than jobs run.
    pub(super) fn new(link: ConnectionManager, keys: Keys) -> Self {
        let (entries, receiver) = mpsc::unbounded_channel();
        let sending = tokio::spawn(send(link, keys, receiver));
        Self {
            entries,
            _sending: AbortOnDropHandle::new(sending),
        }
    }

    /// Acknowledges and deletes an entry. Whose it is does not matter: the work is done, and who has taken it over
    /// finds it gone.
    pub(super) async fn tell(&self, entry: &str) -> Result<(), QueueError> {
        let (taken, told) = oneshot::channel();
        let sent = self.entries.send((entry.to_owned(), taken));
        match (sent, told.await) {
            (Ok(()), Ok(true)) => Ok(()),
            _ => Err(QueueError::Unconfirmed("an acknowledgement")),
        }
    }
}

async fn send(
    mut link: ConnectionManager,
    keys: Keys,
    mut entries: mpsc::UnboundedReceiver<(String, Taken)>,
) {
    let mut some = Vec::with_capacity(AT_ONCE);
    while entries.recv_many(&mut some, AT_ONCE).await > 0 {
        let (ids, told): (Vec<_>, Vec<_>) = some.drain(..).unzip();
        let mut pipe = redis::pipe();
        pipe.atomic()
            .xack(&keys.stream, GROUP, &ids)
            .ignore()
            .xdel(&keys.stream, &ids)
            .ignore();
        let is_taken = match pipe.exec_async(&mut link).await {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, "acknowledgements are sent again");
                false
            }
        };
        for taken in told {
            // Who waited may be gone.
            let _ = taken.send(is_taken);
        }
    }
}
