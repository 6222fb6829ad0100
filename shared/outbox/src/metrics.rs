//! What is counted and measured.

use metrics::{counter, describe_counter, describe_gauge, gauge};
use sqlx::PgPool;
use stoa_postgres::DatabaseError;
use time::OffsetDateTime;

const RELAYED: &str = "outbox_relayed_total";
const FAILURES: &str = "outbox_failures_total";
const OLDEST: &str = "outbox_oldest_seconds";
const REFUSED: &str = "outbox_refused";

/// Describes the metrics, and makes them exist at 0.
pub fn describe_metrics() {
    describe_counter!(RELAYED, "Jobs handed over to worker");
    describe_counter!(FAILURES, "Passes of the relay that failed");
    describe_gauge!(OLDEST, "Age of the oldest job that waits");
    describe_gauge!(REFUSED, "Jobs that worker has refused");
    counter!(RELAYED).absolute(0);
    counter!(FAILURES).absolute(0);
    gauge!(OLDEST).set(0.0);
    gauge!(REFUSED).set(0.0);
}

pub(crate) fn count_relayed(jobs: u64) {
    counter!(RELAYED).increment(jobs);
}

pub(crate) fn count_failure() {
    counter!(FAILURES).increment(1);
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
    gauge!(OLDEST).set(waiting.oldest.map_or(0.0, age));
    #[expect(clippy::cast_precision_loss, reason = "a number to look at")]
    gauge!(REFUSED).set(waiting.refused as f64);
    Ok(())
}
