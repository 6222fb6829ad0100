//! What a worker holds, and the heartbeat that keeps it.

use super::done::Done;
use super::keys::{GROUP, Keys};
use super::{millis, no_group, scripts};
use crate::QueueError;
use crate::backend::{Settled, Settlement};
use redis::aio::ConnectionManager;
use redis::{RedisResult, ScriptInvocation};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// The entries that one reader holds.
pub(super) struct Leases {
    link: ConnectionManager,
    keys: Keys,
    /// The reader's name in the group.
    pub(super) consumer: String,
    lease: Duration,
    done: Done,
    held: Mutex<HashMap<String, CancellationToken>>,
}

impl Leases {
    pub(super) fn new(
        link: ConnectionManager,
        keys: Keys,
        consumer: String,
        lease: Duration,
    ) -> Arc<Self> {
        let done = Done::new(link.clone(), keys.clone(), consumer.clone());
        Arc::new(Self {
            link,
            keys,
            done,
            consumer,
            lease,
            held: Mutex::default(),
        })
    }

    /// Holds an entry from now on; the token is cancelled when it is lost.
    pub(super) fn hold(&self, entry: &str) -> CancellationToken {
        let token = CancellationToken::new();
        self.held().insert(entry.to_owned(), token.clone());
        token
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
                            leases.lose(entry);
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

    async fn renew(&self) -> RedisResult<Vec<String>> {
        let entries: Vec<String> = self.held().keys().cloned().collect();
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = scripts::RENEW.key(&self.keys.stream);
        call.arg(GROUP).arg(&self.consumer).arg(&entries);
        match call.invoke_async(&mut self.link.clone()).await {
            Err(error) if no_group(&error) => Ok(entries),
            other => other,
        }
    }

    fn lose(&self, entry: &str) {
        if let Some(token) = self.held().remove(entry) {
            token.cancel();
        }
    }

    fn lose_all(&self) {
        self.held().drain().for_each(|(_, token)| token.cancel());
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to settle one entry.
pub(crate) struct RedisReceipt {
    pub(super) leases: Arc<Leases>,
    pub(super) entry: String,
}

impl RedisReceipt {
    pub(crate) async fn settle(&self, settlement: &Settlement) -> Result<Settled, QueueError> {
        let leases = &self.leases;
        if matches!(settlement, Settlement::Done) {
            let settled = leases.done.tell(&self.entry).await?;
            leases.held().remove(&self.entry);
            return Ok(settled);
        }
        let mut call = scripts::SETTLE.arg(GROUP);
        call.key(&leases.keys.all())
            .arg(&leases.consumer)
            .arg(&self.entry);
        add_settlement(&mut call, settlement);
        let settled: RedisResult<bool> = call.invoke_async(&mut leases.link.clone()).await;
        match settled {
            Ok(settled) => {
                leases.held().remove(&self.entry);
                Ok(if settled { Settled::Yes } else { Settled::Lost })
            }
            Err(error) if no_group(&error) => Ok(Settled::Lost),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for RedisReceipt {
    fn drop(&mut self) {
        // Not settled: the lease must run out, so that another worker takes the entry over.
        self.leases.held().remove(&self.entry);
    }
}

fn add_settlement(call: &mut ScriptInvocation<'_>, settlement: &Settlement) {
    match settlement {
        Settlement::Done => call,
        Settlement::Again { id, message, pause } => {
            call.arg("again").arg(id.to_string()).arg(millis(*pause));
            call.arg(&message.head).arg(&message.body)
        }
        Settlement::Dead {
            message,
            reason,
            error,
        } => {
            call.arg("dead").arg(reason.as_str()).arg(error);
            call.arg(&message.head).arg(&message.body)
        }
    };
}
