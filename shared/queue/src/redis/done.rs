//! Acknowledgements, as many at a time as there are: one by one they cost more than the work of a small job.

use super::entry::EntryId;
use super::keys::{GROUP, Keys};
use super::lease::RedisReceipt;
use super::{no_group, scripts};
use crate::backend::{Room, SETTLE_BACKOFF, SETTLE_TRIES};
use crate::{batch, metrics};
use redis::RedisResult;
use redis::aio::ConnectionManager;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// A job that is done. Dropped when the server has it so, which lets the next one in.
type Ended = (RedisReceipt, Room);

/// The side that says what is done.
pub(super) struct Done {
    entries: mpsc::UnboundedSender<Ended>,
    _sending: AbortOnDropHandle<()>,
}

impl Done {
    /// Acknowledges entries that `consumer` holds, from now on. There are never more than jobs that have arrived.
    pub(super) fn new(
        queue: &'static str,
        link: ConnectionManager,
        keys: Keys,
        consumer: String,
    ) -> Self {
        let (entries, receiver) = mpsc::unbounded_channel();
        let sending = Sending {
            queue,
            link,
            keys,
            consumer,
        };
        Self {
            entries,
            _sending: AbortOnDropHandle::new(tokio::spawn(sending.run(receiver))),
        }
    }

    /// Acknowledges and deletes an entry some time soon, unless another worker has taken it over.
    pub(super) fn tell(&self, receipt: RedisReceipt, room: Room) {
        // If nobody takes it, it comes again.
        let _ = self.entries.send((receipt, room));
    }
}

struct Sending {
    queue: &'static str,
    link: ConnectionManager,
    keys: Keys,
    consumer: String,
}

impl Sending {
    async fn run(self, mut entries: mpsc::UnboundedReceiver<Ended>) {
        let mut some = Vec::with_capacity(batch::AT_ONCE);
        while batch::fill(&mut entries, &mut some).await {
            let ids: Vec<_> = some.iter().map(|(receipt, _)| receipt.entry).collect();
            let good = some.iter().map(|(receipt, _)| receipt.good_until()).min();
            let acknowledge = || self.acknowledge(good.unwrap_or_default(), &ids);
            match SETTLE_BACKOFF.retry(SETTLE_TRIES, acknowledge).await {
                Ok(lost) => metrics::leases_lost(self.queue, lost),
                // They come again as after a crash.
                Err(error) => {
                    tracing::warn!(%error, jobs = ids.len(), "jobs could not be settled and come again");
                }
            }
            some.clear();
        }
    }

    /// How many were somebody else's.
    async fn acknowledge(&self, good_until: u64, ids: &[EntryId]) -> RedisResult<u64> {
        let mut call = scripts::DONE.key(&self.keys.stream);
        call.arg(GROUP).arg(&self.consumer).arg(good_until).arg(ids);
        match call.invoke_async(&mut self.link.clone()).await {
            Err(error) if no_group(&error) => Ok(ids.len() as u64),
            other => other,
        }
    }
}
