//! Acknowledgements, as many at a time as there are: one by one they cost more than the work of a small job.

use super::keys::{GROUP, Keys};
use super::{no_group, scripts};
use crate::backend::Settled;
use crate::{QueueError, batch};
use redis::RedisResult;
use redis::aio::ConnectionManager;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

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
    let mut some = Vec::with_capacity(batch::AT_ONCE);
    while batch::fill(&mut entries, &mut some).await {
        let (ids, told): (Vec<_>, Vec<_>) = some.drain(..).unzip();
        let lost = match acknowledge(&mut link, &keys, &consumer, &ids).await {
            Ok(lost) => lost,
            Err(error) if no_group(&error) => ids.clone(),
            Err(error) => {
                tracing::debug!(%error, "acknowledgements are sent again");
                continue;
            }
        };
        for (taken, id) in told.into_iter().zip(ids) {
            let is_lost = lost.contains(&id);
            // Who waited may be gone.
            let _ = taken.send(if is_lost { Settled::Lost } else { Settled::Yes });
        }
    }
}

/// Acknowledges what is still the consumer's; gives back the rest.
async fn acknowledge(
    link: &mut ConnectionManager,
    keys: &Keys,
    consumer: &str,
    ids: &[String],
) -> RedisResult<Vec<String>> {
    let age = |id: &&String| {
        let (millis, place) = id.split_once('-').unwrap_or_default();
        let number = |text: &str| text.parse::<u64>().unwrap_or_default();
        (number(millis), number(place))
    };
    let (first, last) = (ids.iter().min_by_key(age), ids.iter().max_by_key(age));
    let mut call = scripts::DONE.key(&keys.stream);
    call.arg(GROUP).arg(consumer).arg(first).arg(last).arg(ids);
    call.invoke_async(link).await
}
