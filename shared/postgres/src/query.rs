//! Queries that can be seen: in the trace and in the metrics.

use std::time::Instant;

use metrics::{Unit, describe_gauge, describe_histogram, gauge, histogram};
use sqlx::PgPool;
use stoa_contracts::Coded as _;
use tracing::Instrument as _;

use crate::DatabaseError;

/// Runs one query in a `db.query` span and measures it. `name` is a constant, `noun.verb`.
///
/// sqlx reports statements as log events only, so the span is made here, around the future.
pub async fn traced<T>(
    name: &'static str,
    query: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, DatabaseError> {
    let span = tracing::info_span!(
        "db.query",
        otel.kind = "client",
        otel.name = format!("db.query {name}"),
        otel.status_code = tracing::field::Empty,
        db.system.name = "postgresql",
        db.operation.name = name,
        error.type = tracing::field::Empty,
    );
    let start = Instant::now();
    let result = query
        .instrument(span.clone())
        .await
        .map_err(DatabaseError::from);
    if let Err(error) = &result {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", error.code().as_str());
    }
    histogram!(DURATION, "query" => name).record(start.elapsed().as_secs_f64());
    result
}

const DURATION: &str = "db_query_duration_seconds";
const CONNECTIONS: &str = "db_pool_connections";

pub(crate) fn describe() {
    describe_histogram!(DURATION, Unit::Seconds, "Time of a query, by its name");
    describe_gauge!(
        CONNECTIONS,
        "Connections of the pool, by state, at the last readiness check"
    );
}

/// How much of the pool is in use.
pub(crate) fn record_saturation(pool: &PgPool) {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    gauge!(CONNECTIONS, "state" => "idle").set(idle);
    gauge!(CONNECTIONS, "state" => "used").set(pool.size().saturating_sub(idle));
}
