//! Jobs that are committed with the rows that they are about, and handed on to `worker` after.
//!
//! A crash between the commit and the hand-over loses nothing: the relay finds the job at the next start. It may hand a
//! job over twice, which is the same as once: `worker` knows it by its id, and has it in its record when it answers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sqlx::{PgPool, PgTransaction, types::Json};
use stoa_client::{ClientError, ServiceClient, hand_over};
use stoa_contracts::{
    hand_over::{HandedJob, HandedOver, RefusedJob},
    jobs::Payload,
};
use stoa_postgres::{DatabaseError, traced};
use stoa_service::{BoxError, Clock};
use stoa_telemetry::propagation;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::state::Api;

/// How often the relay looks for jobs that no request of this process has told it about.
const POLL: Duration = Duration::from_secs(1);
/// How long the relay waits after `worker` or the database failed.
const PAUSE: Duration = Duration::from_secs(2);
/// Jobs that one pass hands over.
const BATCH: i64 = 50;
/// How long a refused job rests; doubled each time, up to the limit. A `worker` of the next release may take it.
const REST: time::Duration = time::Duration::minutes(1);
const REST_LIMIT: time::Duration = time::Duration::hours(1);

/// Describes the metrics, and makes them exist at 0.
pub(crate) fn describe() {
    metrics::describe_counter!("outbox_relayed_total", "Jobs handed over to worker");
    metrics::describe_counter!("outbox_failures_total", "Passes of the relay that failed");
    metrics::describe_gauge!("outbox_oldest_seconds", "Age of the oldest job that waits");
    metrics::describe_gauge!("outbox_refused", "Jobs that worker has refused");
    metrics::counter!("outbox_relayed_total").absolute(0);
    metrics::counter!("outbox_failures_total").absolute(0);
    metrics::gauge!("outbox_oldest_seconds").set(0.0);
    metrics::gauge!("outbox_refused").set(0.0);
}

/// Writes a job into the outbox, inside the transaction of what it is about.
pub(crate) async fn put<J: Payload>(
    transaction: &mut PgTransaction<'_>,
    account: Uuid,
    job: &J,
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    put_as(transaction, Uuid::now_v7(), account, job, now).await
}

/// The same for a job that has the id of what it is about, so that it can be found.
pub(crate) async fn put_as<J: Payload>(
    transaction: &mut PgTransaction<'_>,
    id: Uuid,
    account: Uuid,
    job: &J,
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    let payload = serde_json::to_value(job).expect("a payload has string keys only");
    let insert = sqlx::query!(
        "INSERT INTO outbox (id, account_id, kind, version, payload, trace, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id,
        account,
        J::KIND,
        i16::try_from(J::VERSION).unwrap_or(i16::MAX),
        payload,
        Json(propagation::inject_map()) as _,
        now,
    );
    traced("outbox.insert", insert.execute(&mut **transaction)).await?;
    Ok(())
}

/// Measures what waits, and what was refused.
pub(crate) async fn measure(pool: &PgPool, now: OffsetDateTime) -> Result<(), DatabaseError> {
    let waiting = sqlx::query!(
        r#"SELECT min(created_at) FILTER (WHERE refusals = 0) AS oldest,
                  count(*) FILTER (WHERE refusals > 0) AS "refused!"
           FROM outbox"#
    );
    let waiting = waiting.fetch_one(pool).await?;
    let age = |oldest: OffsetDateTime| (now - oldest).as_seconds_f64().max(0.0);
    metrics::gauge!("outbox_oldest_seconds").set(waiting.oldest.map_or(0.0, age));
    #[expect(clippy::cast_precision_loss, reason = "a number to look at")]
    metrics::gauge!("outbox_refused").set(waiting.refused as f64);
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Worker(#[from] ClientError),
}

/// Hands jobs over.
pub(crate) struct Relay {
    pool: PgPool,
    clock: Clock,
    worker: ServiceClient,
    wake: Arc<Notify>,
}

impl Relay {
    pub(crate) fn new(api: &Api, worker: ServiceClient) -> Self {
        Self {
            pool: api.pool.clone(),
            clock: api.clock.clone(),
            worker,
            wake: api.outbox.clone(),
        }
    }

    /// Runs until the token is cancelled. A `worker` that is away, or too old to know the route, delays jobs, nothing
    /// else: the service takes requests without it.
    pub(crate) async fn run(self, token: CancellationToken) -> Result<(), BoxError> {
        while !token.is_cancelled() {
            let wait = match self.pass().await {
                Ok(()) => POLL,
                Err(error) => {
                    tracing::warn!(error = %error, "jobs wait: they could not be handed over");
                    metrics::counter!("outbox_failures_total").increment(1);
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

    async fn pass(&self) -> Result<(), RelayError> {
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
            self.clock.now(),
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
        metrics::counter!("outbox_relayed_total").increment(answer.taken.len() as u64);
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
                self.clock.now(),
                REST.as_seconds_f64(),
                REST_LIMIT.as_seconds_f64(),
            )
            .execute(&mut **transaction)
            .await?;
        }
        Ok(())
    }
}
