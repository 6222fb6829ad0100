//! Work in the background: started by `worker`, kept account of in the database, asked for its progress.
//!
//! An attempt owns its run as long as it beats. What it writes carries its id, so that an attempt that was given up by
//! everybody else cannot change anything any more.

mod attempt;
mod claims;
mod runner;

pub(crate) use claims::{Claim, claims, status};
pub(crate) use runner::{How, Runner, full};

use crate::engine::{Options, Progress};
use crate::metrics::Kind;
use sqlx::PgPool;
use stoa_contracts::trainings::TrainingStatus;
use stoa_postgres::DatabaseError;
use uuid::Uuid;

/// A kind of run. All but `work` and `succeed` come by [`claims!`].
pub(crate) trait Run: 'static {
    /// What it is called, in metrics and logs.
    const KIND: Kind;
    /// What it works on.
    type Input: Send + 'static;
    /// What it gives.
    type Finished: Send + Sync + 'static;

    /// Does the work, on a thread that may block.
    fn work(
        input: Self::Input,
        options: &Options,
        progress: &Progress,
    ) -> Result<Self::Finished, Stopped>;

    /// Says that the attempt is alive, and how far it is. Whether the run is still its own.
    fn beat(
        pool: &PgPool,
        claim: Claim,
        status: TrainingStatus,
        progress: f64,
    ) -> impl Future<Output = Result<bool, DatabaseError>> + Send;

    /// Gives the run up, so that another attempt may take it at once.
    fn release(
        pool: &PgPool,
        claim: Claim,
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Ends the run with the reason why it gives nothing.
    fn fail(
        pool: &PgPool,
        claim: Claim,
        reason: &str,
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Ends a run that nobody wants any more; whoever works on it hears of it at the next beat. One that has ended stays
    /// as it is.
    fn cancel(pool: &PgPool, run: Uuid) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Whether the run was cancelled while this attempt had it.
    fn is_cancelled(
        pool: &PgPool,
        claim: Claim,
    ) -> impl Future<Output = Result<bool, DatabaseError>> + Send;

    /// Ends the run with what it gives. Whether it was still the attempt's own; if not, nothing has changed.
    fn succeed(
        pool: &PgPool,
        claim: Claim,
        finished: &Self::Finished,
    ) -> impl Future<Output = Result<bool, DatabaseError>> + Send;
}

/// Why the work gives nothing.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// It was told to stop.
    Cancelled,
    /// It cannot be done, for a reason that the designer can act on.
    Refused(String),
}
