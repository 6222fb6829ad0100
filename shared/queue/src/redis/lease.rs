//! What a worker holds, and the heartbeat that keeps it.

use super::done::Done;
use super::entry::EntryId;
use super::keys::{GROUP, Keys};
use super::{millis, no_group, scripts};
use crate::backend::{Move, Room, Settled};
use crate::{QueueError, metrics};
use redis::aio::ConnectionManager;
use redis::{RedisResult, ScriptInvocation};
use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// The entries that one reader holds.
pub(super) struct Leases {
    queue: &'static str,
    link: ConnectionManager,
    keys: Keys,
    /// The reader's name in the group.
    pub(super) consumer: String,
    lease: Duration,
    done: Done,
    held: Mutex<BTreeMap<EntryId, Arc<Hold>>>,
    /// The server's time of the last heartbeat that it has answered, in milliseconds.
    beat: AtomicU64,
}

/// The hold on one entry.
pub(super) struct Hold {
    /// Cancelled when the entry is lost.
    lost: CancellationToken,
    /// A time at or before the one from which the server counts the lease, by its clock, in milliseconds.
    since: AtomicU64,
}

impl Leases {
    pub(super) fn new(
        queue: &'static str,
        link: ConnectionManager,
        keys: Keys,
        consumer: String,
        lease: Duration,
    ) -> Arc<Self> {
        let done = Done::new(queue, link.clone(), keys.clone(), consumer.clone());
        Arc::new(Self {
            queue,
            link,
            keys,
            done,
            consumer,
            lease,
            held: Mutex::default(),
            beat: AtomicU64::default(),
        })
    }

    /// The server's time is not before this one, in milliseconds: whatever is asked of it from now on happens later.
    pub(super) fn known_time(&self) -> u64 {
        self.beat.load(Ordering::Relaxed)
    }

    /// Holds an entry that was asked for at `since`; the token is cancelled when it is lost.
    pub(super) fn hold(
        self: &Arc<Self>,
        entry: EntryId,
        since: u64,
    ) -> (CancellationToken, RedisReceipt) {
        let lost = CancellationToken::new();
        let hold = Arc::new(Hold {
            lost: lost.clone(),
            since: AtomicU64::new(since),
        });
        // After a silence that was longer than the lease, it may come to its old holder again.
        if let Some(before) = self.held().insert(entry, Arc::clone(&hold)) {
            before.lost.cancel();
        }
        let leases = Arc::clone(self);
        let receipt = RedisReceipt {
            leases,
            entry,
            hold,
        };
        (lost, receipt)
    }

    /// Renews the leases three times as often as they run out.
    pub(super) fn heartbeat(self: &Arc<Self>) -> AbortOnDropHandle<()> {
        let leases = Arc::clone(self);
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut tick = interval(leases.lease / 3);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut renewed = Instant::now();
            loop {
                tick.tick().await;
                match leases.renew().await {
                    Ok(lost) => {
                        renewed = Instant::now();
                        for entry in &lost {
                            leases.lose(*entry);
                        }
                    }
                    // Unreachable for a whole lease: the others may have taken everything over.
                    Err(error) if renewed.elapsed() > leases.lease => {
                        tracing::warn!(%error, "leases could not be renewed and are given up");
                        leases.lose_all();
                    }
                    Err(error) => tracing::debug!(%error, "leases are renewed at the next beat"),
                }
            }
        }))
    }

    /// The entries that were lost.
    async fn renew(&self) -> RedisResult<Vec<EntryId>> {
        let entries: Vec<_> = self.held().keys().copied().collect();
        let mut call = scripts::RENEW.key(&self.keys.stream);
        call.arg(GROUP).arg(&self.consumer).arg(&entries);
        let renewed = call.invoke_async(&mut self.link.clone()).await;
        let (now, lost): (u64, Vec<String>) = match renewed {
            Err(error) if no_group(&error) => return Ok(entries),
            other => other?,
        };
        let held = self.held();
        for hold in entries.iter().filter_map(|entry| held.get(entry)) {
            hold.since.store(now, Ordering::Relaxed);
        }
        drop(held);
        self.beat.store(now, Ordering::Relaxed);
        let lost = lost.iter().filter_map(|entry| EntryId::read(entry));
        Ok(lost.collect())
    }

    fn lose(&self, entry: EntryId) {
        if let Some(hold) = self.held().remove(&entry) {
            hold.lost.cancel();
        }
    }

    fn lose_all(&self) {
        // Until it is told, what comes again must not be held anew.
        let mut held = self.held();
        for hold in mem::take(&mut *held).values() {
            hold.lost.cancel();
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<EntryId, Arc<Hold>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to settle one entry.
pub(crate) struct RedisReceipt {
    pub(super) leases: Arc<Leases>,
    pub(super) entry: EntryId,
    hold: Arc<Hold>,
}

impl RedisReceipt {
    pub(crate) fn done(self, room: Room) {
        let leases = Arc::clone(&self.leases);
        if self.is_lost() {
            metrics::leases_lost(leases.queue, 1);
        } else {
            leases.done.tell(self, room);
        }
    }

    /// The server's time before which nobody else can have taken the entry over, in milliseconds; 0 once it is lost.
    pub(super) fn good_until(&self) -> u64 {
        if self.is_lost() {
            return 0;
        }
        self.hold.since.load(Ordering::Relaxed) + millis(self.leases.lease)
    }

    fn is_lost(&self) -> bool {
        self.hold.lost.is_cancelled()
    }

    pub(crate) async fn put(&self, to: &Move) -> Result<Settled, QueueError> {
        if self.is_lost() {
            return Ok(Settled::Lost);
        }
        let leases = &self.leases;
        let mut call = scripts::SETTLE.arg(GROUP);
        call.key(&leases.keys.all())
            .arg(&leases.consumer)
            .arg(self.entry);
        add_move(&mut call, to);
        let settled: RedisResult<bool> = call.invoke_async(&mut leases.link.clone()).await;
        match settled {
            Ok(true) => Ok(Settled::Yes),
            Ok(false) => Ok(Settled::Lost),
            Err(error) if no_group(&error) => Ok(Settled::Lost),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for RedisReceipt {
    fn drop(&mut self) {
        // If it is not settled, the lease must run out, so that another worker takes the entry over. One that was lost may
        // be held anew.
        let mut held = self.leases.held();
        if !self.is_lost() {
            held.remove(&self.entry);
        }
    }
}

fn add_move(call: &mut ScriptInvocation<'_>, to: &Move) {
    match to {
        Move::Again { id, message, pause } => {
            call.arg("again").arg(id.to_string()).arg(millis(*pause));
            call.arg(&message.head).arg(&message.body)
        }
        Move::Dead {
            message,
            reason,
            error,
        } => {
            call.arg("dead").arg(reason.as_str()).arg(error);
            call.arg(&message.head).arg(&message.body)
        }
    };
}
