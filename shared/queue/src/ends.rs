//! The ends of attempts on their way to the record: those that come while others are written share a transaction.

use crate::error::BoxError;
use crate::store::{Ending, Store, answered};
use crate::{Backoff, QueueError, batch};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

/// How often an end is tried while the record is away, before the lease decides.
const TRIES: u16 = 8;
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(100),
    cap: Duration::from_secs(2),
};

/// What a job does in the transaction of its end; once more in another one, if that is taken back.
pub(crate) type Effect =
    Box<dyn Fn(&mut PgConnection) -> BoxFuture<'_, Result<(), BoxError>> + Send + Sync>;

/// The end of an attempt, and what is done with it.
pub(crate) struct End {
    pub(crate) ending: Ending,
    pub(crate) effect: Option<Effect>,
}

/// Who waits for an end to be written.
type Written = oneshot::Sender<Result<(), QueueError>>;

/// Where the ends of a worker's attempts are written. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    sender: mpsc::UnboundedSender<(End, Written)>,
    _writing: Arc<AbortOnDropHandle<()>>,
}

impl Ends {
    pub(crate) fn new(store: Store) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let writing = tokio::spawn(write(store, receiver));
        Self {
            sender,
            _writing: Arc::new(AbortOnDropHandle::new(writing)),
        }
    }

    /// Writes an end; returns when it is there. One without effect that is not ours any more is left as it is.
    pub(crate) async fn write(&self, end: End) -> Result<(), QueueError> {
        let (written, writing) = oneshot::channel();
        // There are hardly more than jobs that have arrived.
        let sent = self.sender.send((end, written));
        sent.map_err(|_| QueueError::NoRecord)?;
        writing.await.map_err(|_| QueueError::NoRecord)?
    }
}

/// Writes ends, as many at a time as there are.
async fn write(store: Store, mut waiting: mpsc::UnboundedReceiver<(End, Written)>) {
    let mut some = Vec::with_capacity(batch::AT_ONCE);
    while batch::fill(&mut waiting, &mut some).await {
        let (ends, written): (Vec<_>, Vec<_>) = some.drain(..).unzip();
        let results = match write_together(&store, &ends).await {
            Err(error) if ends.len() > 1 && is_of_one(&error) => write_alone(&store, &ends).await,
            ended => of_each(&ends, ended),
        };
        for (told, result) in written.into_iter().zip(results) {
            // Who waited may be gone.
            drop(told.send(result));
        }
    }
}

/// Whether one end alone is to blame, and not the record.
fn is_of_one(error: &QueueError) -> bool {
    matches!(error, QueueError::Effect(_)) || error.is_about_the_data()
}

/// Writes each end in a transaction of its own: one has failed, and has taken the others back with it.
async fn write_alone(store: &Store, ends: &[End]) -> Vec<Result<(), QueueError>> {
    let mut results = Vec::with_capacity(ends.len());
    for end in ends {
        let end = slice::from_ref(end);
        results.extend(of_each(end, write_together(store, end).await));
    }
    results
}

/// Writes ends in one transaction; of each, whether it was ours.
async fn write_together(store: &Store, ends: &[End]) -> Result<Vec<bool>, QueueError> {
    let is_again = AtomicBool::new(false);
    let writing = || async {
        let again = is_again.swap(true, Ordering::Relaxed);
        match answered(store.end(ends, again)).await {
            // Whether that may be tried again, its job knows.
            Err(error) if is_of_one(&error) => Ok(Err(error)),
            ended => ended.map(Ok),
        }
    };
    let ended = BACKOFF.retry(TRIES, writing).await;
    if let Err(error) = &ended {
        tracing::warn!(%error, source = ?error, jobs = ends.len(), "the ends of jobs are not recorded; they come again");
    }
    ended?
}

/// What each of them is told.
fn of_each(ends: &[End], ended: Result<Vec<bool>, QueueError>) -> Vec<Result<(), QueueError>> {
    match ended {
        Ok(ours) => ends
            .iter()
            .zip(ours)
            .map(|(end, is_ours)| end.told(is_ours))
            .collect(),
        Err(error) if ends.len() == 1 => vec![Err(error)],
        Err(error) => {
            let away = |_| Err(sqlx::Error::Protocol(error.to_string()).into());
            ends.iter().map(away).collect()
        }
    }
}

impl End {
    fn told(&self, is_ours: bool) -> Result<(), QueueError> {
        if is_ours || self.effect.is_none() {
            return Ok(());
        }
        Err(QueueError::NotOurs)
    }
}
