//! The account of runs in the database, which all replicas share.

use stoa_contracts::trainings::TrainingStatus;
use uuid::Uuid;

/// The run that an attempt works on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// The training or evaluation.
    pub(crate) run: Uuid,
    /// The attempt.
    pub(crate) attempt: Uuid,
}

impl Claim {
    /// A new attempt at a run.
    pub(crate) fn new(run: Uuid) -> Self {
        let attempt = Uuid::now_v7();
        Self { run, attempt }
    }
}

/// A constraint of the tables keeps every other text out.
pub(crate) fn status(stored: &str) -> TrainingStatus {
    match stored {
        "queued" => TrainingStatus::Queued,
        "running" => TrainingStatus::Running,
        "succeeded" => TrainingStatus::Succeeded,
        _ => TrainingStatus::Failed,
    }
}

/// The functions of a [`Run`](super::Run) that are the same for every kind but for the table, named as the kind with an
/// `s`. A macro, because a statement that is checked when it is compiled names its table.
macro_rules! claims {
    ($kind:literal) => {
        // Without a span: four per second would bury what else is in the trace.
        async fn beat(
            pool: &sqlx::PgPool,
            claim: $crate::runs::Claim,
            status: stoa_contracts::trainings::TrainingStatus,
            progress: f64,
        ) -> Result<bool, stoa_postgres::DatabaseError> {
            let query = sqlx::query!(
                "UPDATE "
                    + $kind
                    + "s SET status = $3, progress = $4, beat_at = now()
                 WHERE id = $1 AND attempt = $2 AND status IN ('queued', 'running')",
                claim.run,
                claim.attempt,
                status.as_str(),
                progress
            );
            Ok(query.execute(pool).await?.rows_affected() > 0)
        }

        async fn release(
            pool: &sqlx::PgPool,
            claim: $crate::runs::Claim,
        ) -> Result<(), stoa_postgres::DatabaseError> {
            let query = sqlx::query!(
                "UPDATE "
                    + $kind
                    + "s SET beat_at = 'epoch'
                 WHERE id = $1 AND attempt = $2 AND status IN ('queued', 'running')",
                claim.run,
                claim.attempt
            );
            let done = stoa_postgres::traced(concat!($kind, ".release"), query.execute(pool));
            done.await.map(drop)
        }

        async fn fail(
            pool: &sqlx::PgPool,
            claim: $crate::runs::Claim,
            reason: &str,
        ) -> Result<(), stoa_postgres::DatabaseError> {
            let query = sqlx::query!(
                "UPDATE "
                    + $kind
                    + "s SET status = 'failed', error = $3, beat_at = now()
                 WHERE id = $1 AND attempt = $2 AND status IN ('queued', 'running')",
                claim.run,
                claim.attempt,
                reason
            );
            let done = stoa_postgres::traced(concat!($kind, ".fail"), query.execute(pool));
            done.await.map(drop)
        }

        async fn is_cancelled(
            pool: &sqlx::PgPool,
            claim: $crate::runs::Claim,
        ) -> Result<bool, stoa_postgres::DatabaseError> {
            // An attempt that ends its run itself does not ask; who takes over puts its own number there.
            let query = sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM "#
                    + $kind
                    + r#"s WHERE id = $1 AND attempt = $2 AND status = 'failed') AS "is_cancelled!""#,
                claim.run,
                claim.attempt
            );
            stoa_postgres::traced(concat!($kind, ".is_cancelled"), query.fetch_one(pool)).await
        }

        async fn cancel(
            pool: &sqlx::PgPool,
            run: uuid::Uuid,
        ) -> Result<(), stoa_postgres::DatabaseError> {
            let query = sqlx::query!(
                "UPDATE "
                    + $kind
                    + "s SET status = 'failed', error = 'It was cancelled.', beat_at = now()
                 WHERE id = $1 AND status IN ('queued', 'running')",
                run
            );
            let done = stoa_postgres::traced(concat!($kind, ".cancel"), query.execute(pool));
            done.await.map(drop)
        }
    };
}

pub(crate) use claims;
