//! Jobs that are committed with the rows that they are about, and handed over to `worker` after.
//!
//! A crash between the commit and the hand-over loses nothing: the [`Relay`] finds the job at the next start. It may hand a
//! job over twice, which is the same as once: `worker` knows it by its id, and has it in its record when it answers.

mod metrics;
mod relay;

pub use metrics::describe_metrics;
pub use relay::Relay;

use sqlx::{PgConnection, types::Json};
use stoa_contracts::jobs::Payload;
use stoa_postgres::{DatabaseError, traced};
use stoa_telemetry::propagation;
use time::OffsetDateTime;
use uuid::Uuid;

/// Writes a job into the outbox, inside the transaction of what it is about. Notify the [`Relay`] after the commit.
pub async fn put<J: Payload>(
    transaction: &mut PgConnection,
    account: Uuid,
    job: &J,
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    put_as(transaction, Uuid::now_v7(), account, job, now).await
}

/// The same for a job whose id is that of what it is about, so that it can be found.
pub async fn put_as<J: Payload>(
    transaction: &mut PgConnection,
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
    traced("outbox.insert", insert.execute(transaction)).await?;
    Ok(())
}
