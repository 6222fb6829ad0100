//! A consumer's part in a record: claims what arrives, writes how it ended, and watches over what runs.

use crate::backend::{Delivery, Move};
use crate::control::{Control, Stop};
use crate::envelope::{Envelope, Message};
use crate::store::{Claim, Ending, Store, answered};
use crate::{Backoff, QueueError, worker};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;
use uuid::Uuid;

/// How often a worker says that it lives, and hears what was cancelled.
const BEAT: Duration = Duration::from_secs(1);
/// At how many of them a worker compares what it runs with what the record says.
const COMPARED: u32 = 10;
/// Ends that one statement writes: those that came while the one before was on its way.
const AT_ONCE: usize = 200;
/// Ends that may wait.
const WAITING: usize = 1000;
/// How often an end is tried while the record is away, before the lease decides.
const TRIES: u16 = 8;
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(100),
    cap: Duration::from_secs(2),
};

type Written = oneshot::Sender<Result<(), QueueError>>;

/// A worker of a record. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Stored {
    store: Store,
    worker: Arc<str>,
    running: Arc<Mutex<HashMap<Uuid, Arc<Control>>>>,
    endings: mpsc::Sender<(Ending, Written)>,
    _tasks: Arc<[AbortOnDropHandle<()>; 2]>,
}

/// What arrived, and its claim.
pub(crate) struct Admitted {
    pub(crate) delivery: Delivery,
    pub(crate) control: Arc<Control>,
}

impl Admitted {
    /// What stands in no record.
    pub(crate) fn unrecorded(delivery: Delivery) -> Self {
        let control = Arc::new(Control::new(delivery.lease.clone()));
        Self { delivery, control }
    }
}

impl Stored {
    pub(crate) fn new(store: Store, queues: Vec<String>) -> Self {
        let worker: Arc<str> = worker::name().into();
        let running = Arc::default();
        let (endings, receiver) = mpsc::channel(WAITING);
        let writing = tokio::spawn(write(store.clone(), receiver));
        let beating = beat(
            store.clone(),
            Arc::clone(&worker),
            queues,
            Arc::clone(&running),
        );
        let beating = tokio::spawn(beating);
        let tasks = [writing, beating].map(AbortOnDropHandle::new);
        Self {
            store,
            worker,
            running,
            endings,
            _tasks: Arc::new(tasks),
        }
    }

    /// Claims what has arrived. What is not to be worked on is settled here.
    pub(crate) async fn admit(&self, queue: &str, deliveries: Vec<Delivery>) -> Vec<Admitted> {
        let (mut known, mut admitted) = (Vec::new(), Vec::new());
        for delivery in deliveries {
            match delivery.message.envelope() {
                Ok(envelope) => known.push((envelope, delivery)),
                // It is parked by who would have run it.
                Err(_) => admitted.push(Admitted::unrecorded(delivery)),
            }
        }
        if known.is_empty() {
            return admitted;
        }
        let claimed = match self.claim(queue, &known).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(queue, %error, source = ?error, "jobs go back: the record cannot be read");
                give_back(known).await;
                sleep(BACKOFF.cap).await;
                return admitted;
            }
        };
        for (envelope, delivery) in known {
            match claimed.get(&envelope.id) {
                Some(&attempt) => {
                    let lost = delivery.lease.clone();
                    let control = Arc::new(Control::of(self.store.clone(), attempt, lost));
                    self.running().insert(envelope.id, Arc::clone(&control));
                    admitted.push(Admitted { delivery, control });
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
    ) -> Result<HashMap<Uuid, i16>, QueueError> {
        let claiming = async {
            let foreign: Vec<_> = known
                .iter()
                .filter(|(envelope, _)| envelope.sends == 0)
                .map(|(envelope, delivery)| (envelope.clone(), &delivery.message))
                .collect();
            self.store.adopt(queue, &foreign).await?;
            let claims: Vec<_> = known
                .iter()
                .map(|(envelope, delivery)| Claim {
                    id: envelope.id,
                    sends: envelope.sends,
                    is_again: envelope.is_again || delivery.earlier > 0,
                })
                .collect();
            self.store.claim(&claims, &self.worker).await
        };
        answered(claiming).await
    }

    /// Writes the end of an attempt; returns when it is there.
    pub(crate) async fn end(&self, ending: Ending) -> Result<(), QueueError> {
        let (id, attempt) = (ending.id, ending.attempt);
        let ended = self.write_end(ending).await;
        // Not earlier: until then the record has it that it runs here.
        self.forget(id, Some(attempt));
        ended
    }

    async fn write_end(&self, ending: Ending) -> Result<(), QueueError> {
        let (written, writing) = oneshot::channel();
        // The statement is shared with other jobs; in the trace of each stands how long it took for it.
        let span = tracing::info_span!(
            "db.query",
            otel.kind = "client",
            otel.name = "db.query job.end",
            db.system.name = "postgresql",
            db.operation.name = "job.end",
        );
        let ended = async {
            let sent = self.endings.send((ending, written)).await;
            sent.map_err(|_| QueueError::NoRecord)?;
            writing.await.map_err(|_| QueueError::NoRecord)?
        };
        ended.instrument(span).await
    }

    /// An attempt runs no more. The next one may run here already.
    pub(crate) fn forget(&self, id: Uuid, attempt: Option<i16>) {
        let mut running = self.running();
        if running.get(&id).is_some_and(|job| job.attempt() == attempt) {
            running.remove(&id);
        }
    }

    /// Says that this worker has ended well.
    pub(crate) async fn leave(&self) {
        if let Err(error) = self.store.leave(&self.worker).await {
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
            ..envelope
        };
        let to = Move::Again {
            id: again.id,
            message: Message::new(&again, delivery.message.body.clone()),
            pause: BACKOFF.cap,
        };
        // If this fails, it comes again by itself.
        drop(delivery.receipt.put(&to).await);
    }
}

/// Writes ends, as many at a time as there are.
async fn write(store: Store, mut endings: mpsc::Receiver<(Ending, Written)>) {
    let mut some = Vec::with_capacity(AT_ONCE);
    while endings.recv_many(&mut some, AT_ONCE).await > 0 {
        let (batch, written): (Vec<_>, Vec<_>) = some.drain(..).unzip();
        let ended = BACKOFF.retry(TRIES, || answered(store.end(&batch))).await;
        if let Err(error) = &ended {
            tracing::warn!(%error, source = ?error, jobs = batch.len(), "the ends of jobs are not recorded; they come again");
        }
        for told in written {
            let result = ended.as_ref().map_err(|_| QueueError::NotOurs).copied();
            // Who waited may be gone.
            drop(told.send(result));
        }
    }
}

/// Says once a second that the worker lives and how far its jobs are, and tells those that shall end.
async fn beat(
    store: Store,
    worker: Arc<str>,
    queues: Vec<String>,
    running: Arc<Mutex<HashMap<Uuid, Arc<Control>>>>,
) {
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
            .filter_map(|(id, control)| Some((*id, control.attempt()?, control.progress())))
            .collect();
        match answered(store.beat(&worker, &queues, &far)).await {
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
            if let Err(error) = answered(store.drop_unheld(&worker, &held)).await {
                tracing::debug!(%error, "the record is compared later");
            }
        }
    }
}
