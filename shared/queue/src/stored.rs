//! A consumer's part in a record: claims what arrives, writes how it ended, and watches over what runs.

use crate::backend::{Delivery, Move};
use crate::control::{Control, Held, Stop};
use crate::ends::{End, Ends};
use crate::envelope::{Envelope, Message};
use crate::store::{Claim, Claimed, CopyId, Store, answered};
use crate::worker::Worker;
use crate::{Outcome, QueueError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

/// How often a worker says that it lives, and hears what was cancelled.
const BEAT: Duration = Duration::from_secs(1);
/// At how many of them a worker compares what it runs with what the record says.
const COMPARED: u32 = 10;
/// The pause before what could not be claimed is handed out again.
const PAUSE: Duration = Duration::from_secs(2);

/// A worker of a record. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Stored {
    store: Store,
    worker: Arc<Worker>,
    running: Arc<Mutex<HashMap<Uuid, Arc<Control>>>>,
    ends: Ends,
    _beating: Arc<AbortOnDropHandle<()>>,
}

/// What arrived, and its claim.
pub(crate) struct Admitted {
    pub(crate) delivery: Delivery,
    /// Its head, or why it cannot be used.
    pub(crate) envelope: Result<Envelope, String>,
    pub(crate) control: Arc<Control>,
}

impl Admitted {
    /// What stands in no record.
    pub(crate) fn unrecorded(delivery: Delivery) -> Self {
        Self::unclaimed(envelope(&delivery), delivery)
    }

    fn unclaimed(envelope: Result<Envelope, String>, delivery: Delivery) -> Self {
        Self {
            control: Arc::new(Control::new(delivery.lease.clone())),
            delivery,
            envelope,
        }
    }
}

fn envelope(delivery: &Delivery) -> Result<Envelope, String> {
    let envelope = delivery.message.envelope();
    envelope.map_err(|error| format!("the envelope cannot be read: {error}"))
}

/// What of some deliveries is ours, and what no record can hold.
struct Claims {
    ours: HashMap<CopyId, Claimed>,
    refused: HashMap<Uuid, QueueError>,
}

impl Stored {
    pub(crate) fn new(store: Store, worker: Worker) -> Self {
        let (worker, running) = (Arc::new(worker), Arc::default());
        let beating = beat(store.clone(), Arc::clone(&worker), Arc::clone(&running));
        let beating = AbortOnDropHandle::new(tokio::spawn(beating));
        Self {
            ends: Ends::new(store.clone()),
            store,
            worker,
            running,
            _beating: Arc::new(beating),
        }
    }

    /// Claims what has arrived. What is not to be worked on is settled here.
    pub(crate) async fn admit(&self, queue: &str, deliveries: Vec<Delivery>) -> Vec<Admitted> {
        let (mut known, mut admitted) = (Vec::new(), Vec::new());
        for delivery in deliveries {
            match envelope(&delivery) {
                Ok(envelope) => known.push((envelope, delivery)),
                // It is parked by who would have run it.
                unreadable => admitted.push(Admitted::unclaimed(unreadable, delivery)),
            }
        }
        if known.is_empty() {
            return admitted;
        }
        let Claims { mut ours, refused } = match self.claim(queue, &known).await {
            Ok(claims) => claims,
            Err(error) => {
                tracing::warn!(queue, %error, source = ?error, "jobs go back: the record cannot be read");
                give_back(known).await;
                sleep(PAUSE).await;
                return admitted;
            }
        };
        for (mut envelope, delivery) in known {
            if let Some(error) = refused.get(&envelope.id) {
                let error = format!("no record can hold it: {error}");
                admitted.push(Admitted::unclaimed(Err(error), delivery));
                continue;
            }
            // Once, even if the same copy has arrived twice.
            match ours.remove(&(envelope.id, envelope.sends)) {
                Some(claimed) => {
                    // The record may give it to another while the broker has it that it is ours.
                    let lost = delivery.lease.child_token();
                    let held = Held::new(self.store.clone(), self.ends.clone(), claimed.fence());
                    envelope.max_attempts = u16::try_from(claimed.max_attempts).unwrap_or_default();
                    let control = Arc::new(Control::of(held, lost));
                    if claimed.is_cancelled {
                        control.request(Stop::Cancelled);
                    }
                    let before = self.running().insert(envelope.id, Arc::clone(&control));
                    if let Some(before) = before {
                        // The record would say so at the next beat, which does not speak of it any more.
                        before.lost.cancel();
                    }
                    admitted.push(Admitted {
                        delivery,
                        envelope: Ok(envelope),
                        control,
                    });
                }
                // A copy that is stale, doubled or cancelled. If this fails, it comes again and is stale again.
                None => delivery.receipt.done(None),
            }
        }
        admitted
    }

    async fn claim(
        &self,
        queue: &str,
        known: &[(Envelope, Delivery)],
    ) -> Result<Claims, QueueError> {
        let claiming = async {
            let foreign: Vec<_> = known
                .iter()
                .filter(|(envelope, _)| envelope.sends == 0)
                .map(|(envelope, delivery)| (envelope.clone(), &delivery.message))
                .collect();
            let refused = self.store.adopt(queue, &foreign).await?;
            let claims: Vec<_> = known
                .iter()
                .map(|(envelope, delivery)| Claim {
                    id: envelope.id,
                    sends: envelope.sends,
                    is_again: envelope.is_again || delivery.earlier > 0,
                    was_tried: envelope.was_tried || delivery.earlier > 0,
                })
                .collect();
            let ours = self.store.claim(&claims, &self.worker.name).await?;
            Ok(Claims { ours, refused })
        };
        answered(claiming).await
    }

    /// Writes the end of an attempt, unless it has been; returns when it is there.
    pub(crate) async fn end(
        &self,
        id: Uuid,
        control: &Control,
        outcome: &Outcome,
    ) -> Result<(), QueueError> {
        let ended = match control.ending(id, outcome) {
            Some(ending) => {
                let effect = None;
                self.ends.write(End { ending, effect }).await
            }
            None => Ok(()),
        };
        // Not earlier: until then the record has it that it runs here.
        self.forget(id, control);
        ended
    }

    /// An attempt runs no more. The next one may run here already.
    pub(crate) fn forget(&self, id: Uuid, control: &Control) {
        let mut running = self.running();
        if running
            .get(&id)
            .is_some_and(|job| job.fence() == control.fence())
        {
            running.remove(&id);
        }
    }

    /// Whether the record has given an attempt to another, as far as it answers.
    pub(crate) async fn has_lost(&self, id: Uuid, control: &Control) -> bool {
        let Some(fence) = control.fence() else {
            return false;
        };
        let running = answered(self.store.is_running(id, fence)).await;
        running.is_ok_and(|is_running| !is_running)
    }

    /// Says that this worker has ended well.
    pub(crate) async fn leave(&self) {
        if let Err(error) = self.store.leave(&self.worker.name).await {
            tracing::debug!(%error, "the record forgets this worker later");
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Arc<Control>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same copies come again after a pause.
async fn give_back(known: Vec<(Envelope, Delivery)>) {
    for (envelope, delivery) in known {
        // Perhaps it is claimed, and only the answer did not arrive: then it must be possible to claim it again.
        let again = Envelope {
            is_again: true,
            was_tried: envelope.was_tried || delivery.earlier > 0,
            ..envelope
        };
        let to = Move::Again {
            id: again.id,
            message: Message::new(&again, delivery.message.body.clone()),
            pause: PAUSE,
        };
        // If this fails, it comes again by itself.
        drop(delivery.receipt.put(&to).await);
    }
}

/// Says once a second that the worker lives and how far its jobs are, and tells those that shall end.
async fn beat(store: Store, worker: Arc<Worker>, running: Arc<Mutex<HashMap<Uuid, Arc<Control>>>>) {
    let mut tick = interval(BEAT);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for beat in 1_u32.. {
        tick.tick().await;
        let jobs: HashMap<_, _> = running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let far: Vec<_> = jobs
            .iter()
            .filter_map(|(id, control)| Some((*id, control.fence()?, control.progress())))
            .collect();
        match answered(store.beat(&worker, &far)).await {
            Ok(stops) => {
                for (id, is_cancelled) in stops {
                    match jobs.get(&id) {
                        Some(control) if is_cancelled => control.request(Stop::Cancelled),
                        Some(control) => control.lost.cancel(),
                        None => {}
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "the record is told at the next beat"),
        }
        if beat.is_multiple_of(COMPARED) {
            let held: Vec<_> = jobs.keys().copied().collect();
            if let Err(error) = answered(store.drop_unheld(&worker.name, &held)).await {
                tracing::debug!(%error, "the record is compared later");
            }
        }
    }
}
