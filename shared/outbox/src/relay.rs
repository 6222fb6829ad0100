//! Hands what stands in the outbox over to `worker`.

use crate::metrics::{self, measure};
use sqlx::{PgPool, PgTransaction, types::Json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use stoa_client::{ClientError, ServiceClient, hand_over};
use stoa_contracts::hand_over::{HandedJob, HandedOver, RefusedJob};
use stoa_postgres::DatabaseError;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// How often the relay looks for jobs that no request of this process has told it about.
const POLL: Duration = Duration::from_secs(1);
/// How long the relay waits after `worker` or the database failed.
const PAUSE: Duration = Duration::from_secs(2);
/// How often what waits is measured. Alerts look at its age in minutes.
const MEASURE: Duration = Duration::from_secs(15);
/// Jobs that one pass hands over.
const BATCH: i64 = 50;
/// How long a refused job rests; doubled each time, up to the limit. A `worker` of the next release may take it.
const REST: time::Duration = time::Duration::minutes(1);
const REST_LIMIT: time::Duration = time::Duration::hours(1);

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Worker(#[from] ClientError),
}

/// Hands jobs over, one relay in each process.
pub struct Relay {
    pool: PgPool,
    worker: ServiceClient,
    wake: Arc<Notify>,
    now: Box<dyn Fn() -> OffsetDateTime + Send + Sync>,
}

impl Relay {
    /// A relay of the outbox in this database to this `worker`, which looks at once when it is notified. `now` tells
    /// the time.
    pub fn new(
        pool: PgPool,
        worker: ServiceClient,
        wake: Arc<Notify>,
        now: impl Fn() -> OffsetDateTime + Send + Sync + 'static,
    ) -> Self {
        let now = Box::new(now);
        Self {
            pool,
            worker,
            wake,
            now,
        }
    }

    /// Runs until the token is cancelled. A `worker` that is away, or too old to know the route, delays jobs, nothing
    /// else: the service takes requests without it.
    pub async fn run(self, token: CancellationToken) -> Result<(), Infallible> {
        let mut measured = None;
        while !token.is_cancelled() {
            let wait = match self.pass(&mut measured).await {
                Ok(()) => POLL,
                Err(error) => {
                    tracing::warn!(error = %error, "jobs wait: they could not be handed over");
                    metrics::count_failure();
                    PAUSE
                }
            };
            tokio::select! {
                () = token.cancelled() => {}
                () = self.wake.notified(), if wait == POLL => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        Ok(())
    }

    async fn pass(&self, measured: &mut Option<Instant>) -> Result<(), RelayError> {
        if measured.is_none_or(|last| last.elapsed() >= MEASURE) {
            measure(&self.pool, (self.now)()).await?;
            *measured = Some(Instant::now());
        }
        while self.hand_over().await? {}
        Ok(())
    }

    /// Hands one batch over; whether there may be more.
    async fn hand_over(&self) -> Result<bool, RelayError> {
        let mut transaction = self.pool.begin().await.map_err(DatabaseError::from)?;
        // Not `traced`: a poll each second would drown the traces of requests.
        let jobs = sqlx::query!(
            r#"SELECT id, account_id, kind, version, payload,
                   trace AS "trace: Json<BTreeMap<String, String>>"
               FROM outbox WHERE retry_at IS NULL OR retry_at <= $2
               ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED"#,
            BATCH,
            (self.now)(),
        )
        .fetch_all(&mut *transaction)
        .await
        .map_err(DatabaseError::from)?;
        if jobs.is_empty() {
            return Ok(false);
        }
        let jobs = jobs.into_iter().map(|job| HandedJob {
            id: job.id,
            account_id: job.account_id,
            kind: job.kind,
            version: job.version.unsigned_abs(),
            payload: job.payload,
            trace: job.trace.0,
        });
        let jobs: Vec<_> = jobs.collect();
        let span = tracing::info_span!("outbox.relay", jobs = jobs.len());
        let (answer, failure) = hand_over(&self.worker, jobs).instrument(span).await;
        self.settle(&mut transaction, &answer).await?;
        transaction.commit().await.map_err(DatabaseError::from)?;
        metrics::count_relayed(answer.taken.len() as u64);
        let has_moved = !(answer.taken.is_empty() && answer.refused.is_empty());
        failure.map_or(Ok(has_moved), |error| Err(error.into()))
    }

    /// What was taken goes; what was refused rests.
    async fn settle(
        &self,
        transaction: &mut PgTransaction<'_>,
        answer: &HandedOver,
    ) -> Result<(), DatabaseError> {
        sqlx::query!("DELETE FROM outbox WHERE id = ANY($1)", &answer.taken)
            .execute(&mut **transaction)
            .await?;
        for RefusedJob { id, problem } in &answer.refused {
            tracing::error!(job.id = %id, why = problem.detail, "worker refuses a job; it is offered again later");
            sqlx::query!(
                "UPDATE outbox SET refusals = refusals + 1, error = $2,
                     retry_at = $3::timestamptz + least($4::float8 * 2 ^ least(refusals, 20), $5) * interval '1 second'
                 WHERE id = $1",
                id,
                problem.detail,
                (self.now)(),
                REST.as_seconds_f64(),
                REST_LIMIT.as_seconds_f64(),
            )
            .execute(&mut **transaction)
            .await?;
        }
        Ok(())
    }
}
