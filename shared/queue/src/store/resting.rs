//! Queues that the broker takes nothing for: each of them rests, and the others go on.

use super::{Store, answered};
use crate::{Backoff, Queue, QueueError, metrics};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// The pauses between two tries. What RabbitMQ does not confirm it may keep all the same, so it gets few copies.
const PAUSES: Backoff = Backoff {
    base: Duration::from_secs(1),
    cap: Duration::from_secs(30),
};

/// The queues that rest. They are tried beside all others, for as long as this is there.
pub(super) struct Resting {
    store: Store,
    queue: Queue,
    rests: HashMap<String, Rest>,
}

/// What tries a queue, and whether it has come to its end.
struct Rest {
    is_over: Arc<AtomicBool>,
    trying: AbortOnDropHandle<()>,
}

impl Resting {
    pub(super) fn new(store: Store, queue: Queue) -> Self {
        Self {
            store,
            queue,
            rests: HashMap::new(),
        }
    }

    /// Has what a dispatcher before this one may have left unsent go first, to each queue before anything else.
    pub(super) async fn send_left(&mut self) -> Result<(), QueueError> {
        for name in answered(self.store.noted()).await? {
            self.begin(name, 0);
        }
        Ok(())
    }

    /// Lets a queue rest to which something could not be sent, or of which nothing could be heard.
    pub(super) fn after(&mut self, name: String, error: &QueueError) {
        failed(&name, error);
        self.begin(name, 1);
    }

    fn begin(&mut self, name: String, failures: u16) {
        let is_over = Arc::new(AtomicBool::new(false));
        let (store, queue) = (self.store.clone(), self.queue.clone());
        let (tried, over) = (name.clone(), Arc::clone(&is_over));
        let trying = tokio::spawn(async move {
            try_until_taken(&store, &queue, &tried, failures).await;
            over.store(true, Ordering::Release);
            store.wake.notify_one();
        });
        let trying = AbortOnDropHandle::new(trying);
        self.rests.insert(name, Rest { is_over, trying });
    }

    /// Whether a queue rests.
    pub(super) fn has(&mut self, name: &str) -> bool {
        let is_resting = self.rests.get(name).is_some_and(|rest| {
            !rest.is_over.load(Ordering::Acquire) && !rest.trying.is_finished()
        });
        if !is_resting {
            self.rests.remove(name);
        }
        is_resting
    }
}

/// Returns when the broker has taken what is noted of a queue.
async fn try_until_taken(store: &Store, queue: &Queue, name: &str, mut failures: u16) {
    loop {
        if failures > 0 {
            let pause = PAUSES.pause(failures, &mut rand::rng());
            sleep(pause).await;
        }
        match store.send_noted(queue, name).await {
            Ok(()) => return,
            Err(error) => failed(name, &error),
        }
        failures = failures.saturating_add(1);
    }
}

fn failed(name: &str, error: &QueueError) {
    metrics::dispatch_failed(name);
    tracing::warn!(queue = name, %error, source = ?error, "jobs of a queue wait: they could not be sent; goes on trying");
}
