//! The record of truth, in the PostgreSQL of the service that works on the jobs.
//!
//! Every job is a row from its enqueuing to its end, and whatever decides about it decides there: when it is due, what
//! it waits for, whose turn it is, whether it is cancelled. The broker only carries what may run now, so both brokers
//! mean the same, and one that loses everything gets it again.
//!
//! ```text
//! enqueue ──► queued ──► sent ──► running ──► succeeded, failed, cancelled
//!             ▲   ▲       (broker)    │
//!  waiting ───┘   └── scheduled ◄─────┘ retry, with a pause
//! ```
//!
//! [`Dispatcher`], of which one is active, sends; consumers [claim] what arrives. A claim
//! raises `attempts`, and an end counts only for who knows the present number: of two workers that hold the same job,
//! one has it.

mod broker;
mod claim;
mod control;
mod dead;
mod dispatch;
mod end;
mod enqueue;
mod figures;
mod firing;
mod flow;
mod inbox;
mod job;
mod pick;
mod queues;
mod resting;
mod retention;
mod schedule;
mod send;
mod timetable;
mod upkeep;

pub use control::{CancelOutcome, JobFilter};
pub use dead::{DeadFilter, DeadJob};
pub use enqueue::{Enqueued, NewJob, Priority};
pub use figures::QueueFigures;
pub use flow::Flow;
pub use inbox::Inbox;
pub use job::{Attempt, State, StoredJob};
pub use queues::Limits;
pub use retention::Retention;
pub use schedule::{Missed, NewSchedule, Schedule, ScheduleError};
pub use timetable::{Planned, ScheduleChange, upcoming};

pub(crate) use claim::{Claim, Claimed, CopyId, Fence};
pub(crate) use dispatch::Dispatcher;
pub(crate) use end::Ending;

use crate::QueueError;
use sqlx::migrate::Migrator;
use sqlx::{PgPool, Postgres, Transaction};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// How long the record may take to answer: a connection may be dead without a word, and TCP takes a quarter of an hour
/// to notice.
const ANSWER: Duration = Duration::from_secs(10);

/// The tables; a service links the file into its own migrations.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// Where the jobs of a service stand. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    /// Tells the dispatcher of this process that there may be something to send.
    wake: Arc<Notify>,
}

/// Begins a transaction, for who may be dropped at any moment, as a handler is that has lost its job: dropped in the
/// middle of a `BEGIN`, sqlx would leave the transaction open on a connection that goes back to the pool, and what the
/// next one writes there would not be committed.
pub async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, QueueError> {
    let pool = pool.clone();
    let beginning = tokio::spawn(async move { pool.begin().await });
    Ok(beginning.await??)
}

/// What was asked of the record, or that it has not answered.
pub(crate) async fn answered<T>(
    asking: impl Future<Output = Result<T, QueueError>>,
) -> Result<T, QueueError> {
    let late = |_| sqlx::Error::from(io::Error::from(io::ErrorKind::TimedOut));
    timeout(ANSWER, asking).await.map_err(late)?
}

/// Those at these places, as `WITH ORDINALITY` counts them.
fn at_places<'all, T>(all: &'all [T], places: &[i64]) -> impl Iterator<Item = &'all T> {
    let place = |place: &i64| usize::try_from(place - 1).ok();
    places.iter().filter_map(move |at| all.get(place(at)?))
}

impl Store {
    /// The jobs in the database of `pool`, which has the tables of [`MIGRATIONS`].
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            wake: Arc::default(),
        }
    }

    /// The database, for a transaction in which something else is written too.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}
