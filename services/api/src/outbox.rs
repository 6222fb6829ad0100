//! Jobs that are committed with the rows that they are about, and handed on to the queue after.
//!
//! A crash between the commit and the queue loses nothing: the relay finds the job at the next
//! start. It may hand a job on twice, which is what the queue's consumers are made for.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;
use sqlx::{PgPool, types::Json};
use stoa_contracts::jobs::{Payload, Train};
use stoa_postgres::{DatabaseError, traced};
use stoa_queue::{Enqueue, Queue, QueueError, QueueSettings};
use stoa_service::BoxError;
use stoa_telemetry::propagation;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::state::Api;

/// How often the relay looks for jobs that no request of this process has told it about.
const POLL: Duration = Duration::from_secs(1);
/// How long the relay waits after the queue or the database failed.
const PAUSE: Duration = Duration::from_secs(2);
/// Jobs that one pass hands on.
const BATCH: i64 = 50;

/// Describes the metrics, and makes them exist at 0.
pub(crate) fn describe() {
    metrics::describe_counter!("outbox_relayed_total", "Jobs handed on to the queue");
    metrics::describe_counter!("outbox_failures_total", "Passes of the relay that failed");
    metrics::describe_gauge!("outbox_oldest_seconds", "Age of the oldest job that waits");
    metrics::counter!("outbox_relayed_total").absolute(0);
    metrics::counter!("outbox_failures_total").absolute(0);
    metrics::gauge!("outbox_oldest_seconds").set(0.0);
}

/// Writes a job into the outbox, inside the transaction of what it is about.
pub(crate) async fn put<J: Payload>(
    transaction: &mut sqlx::PgTransaction<'_>,
    account: Uuid,
    job: &J,
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    let payload = serde_json::to_value(job).expect("a payload has string keys only");
    let insert = sqlx::query!(
        "INSERT INTO outbox (id, account_id, kind, payload, trace, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        Uuid::now_v7(),
        account,
        J::KIND,
        payload,
        Json(propagation::inject_map()) as _,
        now,
    );
    traced("outbox.insert", insert.execute(&mut **transaction)).await?;
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("a job in the outbox is not what its kind says")]
    Unreadable(#[from] serde_json::Error),
    #[error("the outbox holds a job of the unknown kind `{0}`")]
    UnknownKind(String),
}

/// Hands jobs on.
pub(crate) struct Relay {
    pool: PgPool,
    settings: QueueSettings,
    wake: Arc<Notify>,
}

impl Relay {
    pub(crate) fn new(api: &Api, settings: QueueSettings) -> Self {
        Self {
            pool: api.pool.clone(),
            settings,
            wake: api.outbox.clone(),
        }
    }

    /// Runs until the token is cancelled. A queue that is away delays jobs, nothing else: the
    /// service takes requests without it.
    pub(crate) async fn run(self, token: CancellationToken) -> Result<(), BoxError> {
        let mut queue = None;
        while !token.is_cancelled() {
            let wait = match self.pass(&mut queue).await {
                Ok(()) => POLL,
                Err(error) => {
                    tracing::warn!(error = %error, "jobs wait: they could not be handed on");
                    metrics::counter!("outbox_failures_total").increment(1);
                    // Whatever state the connection is in: the next pass makes a new one.
                    queue = None;
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

    async fn pass(&self, queue: &mut Option<Queue>) -> Result<(), RelayError> {
        let queue = match queue {
            Some(queue) => queue,
            None => queue.insert(Queue::connect(&self.settings).await?),
        };
        while self.hand_on(queue).await? {}
        Ok(())
    }

    /// Hands one batch on; whether there may be more.
    async fn hand_on(&self, queue: &Queue) -> Result<bool, RelayError> {
        let mut transaction = self.pool.begin().await.map_err(DatabaseError::from)?;
        // Not `traced`: a poll each second would drown the traces of requests.
        let jobs = sqlx::query!(
            r#"SELECT id, account_id, kind, payload, trace AS "trace: Json<HashMap<String, String>>"
               FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED"#,
            BATCH,
        )
        .fetch_all(&mut *transaction)
        .await
        .map_err(DatabaseError::from)?;
        if jobs.is_empty() {
            return Ok(false);
        }
        let mut handed_on = Vec::with_capacity(jobs.len());
        let mut failure = None;
        for job in jobs {
            let span = tracing::info_span!("outbox.relay", job.kind = job.kind);
            propagation::set_parent(&span, propagation::extract_map(&job.trace));
            // Under the same id, so that a job that is handed on twice is known as one.
            let how = Enqueue::for_account(job.account_id).with_id(job.id);
            let enqueued = enqueue(queue, &job.kind, job.payload, how);
            match enqueued.instrument(span).await {
                Ok(()) => handed_on.push(job.id),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        sqlx::query!("DELETE FROM outbox WHERE id = ANY($1)", &handed_on)
            .execute(&mut *transaction)
            .await
            .map_err(DatabaseError::from)?;
        transaction.commit().await.map_err(DatabaseError::from)?;
        metrics::counter!("outbox_relayed_total").increment(handed_on.len() as u64);
        failure.map_or(Ok(true), Err)
    }
}

async fn enqueue(
    queue: &Queue,
    kind: &str,
    payload: serde_json::Value,
    how: Enqueue,
) -> Result<(), RelayError> {
    async fn typed<J: Payload + DeserializeOwned>(
        queue: &Queue,
        payload: serde_json::Value,
        how: Enqueue,
    ) -> Result<(), RelayError> {
        let job: J = serde_json::from_value(payload)?;
        queue.enqueue(&job, how).await?;
        Ok(())
    }
    match kind {
        Train::KIND => typed::<Train>(queue, payload, how).await,
        other => Err(RelayError::UnknownKind(other.to_owned())),
    }
}
