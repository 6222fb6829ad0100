//! What must hold at the end.

use crate::world::World;
use sqlx::PgPool;
use std::collections::BTreeSet;
use std::time::Duration;
use stoa_testing::eventually;
use uuid::Uuid;

/// How long a broker may take to take the last acknowledgements.
const TAKEN: Duration = Duration::from_secs(30);

/// Each is a query for what must not be.
const NEVER: [(&str, &str); 12] = [
    (
        "an order without its job",
        "SELECT format('order %s, job %s', number, job) FROM orders LEFT JOIN queue_jobs ON id = job WHERE id IS NULL",
    ),
    (
        "a job that nobody has ordered",
        "SELECT format('job %s', id) FROM queue_jobs LEFT JOIN orders ON id = job WHERE job IS NULL",
    ),
    (
        "a job with another end than it must have",
        "SELECT format('job %s: %s, expected %s (%s)', id, state, expected, error)
         FROM queue_jobs JOIN orders ON id = job WHERE state <> expected",
    ),
    (
        "an effect more or less than there are successes",
        "SELECT format('job %s: %s, %s effects', id, state, count(effects.job)) FROM queue_jobs
         LEFT JOIN effects ON effects.job = id GROUP BY id HAVING count(effects.job) <> (state = 'succeeded')::int",
    ),
    (
        "a job that went before one that it waits for",
        "WITH made AS (SELECT flow, step, position FROM orders JOIN effects USING (job) WHERE flow IS NOT NULL)
         SELECT format('flow %s, steps %s and %s', a.flow, a.step, b.step) FROM made a
         JOIN made b ON a.flow = b.flow AND a.step < b.step AND a.position > b.position",
    ),
    (
        "an attempt that is not in the history, or twice, or has not been",
        "SELECT format('job %s: %s after %s attempts, in the history %s', id, state, attempts, array_agg(attempt))
         FROM queue_jobs LEFT JOIN queue_attempts ON job_id = id GROUP BY id
         HAVING coalesce(array_agg(attempt::int ORDER BY attempt) FILTER (WHERE attempt IS NOT NULL), '{}')
                <> ARRAY(SELECT generate_series(1, attempts - (state = 'succeeded')::int))",
    ),
    (
        "a history that contradicts the end",
        "SELECT format('job %s: %s, attempt %s of %s %s', id, state, attempt, attempts, outcome)
         FROM queue_jobs JOIN queue_attempts ON job_id = id
         WHERE (outcome = 'failed' AND NOT (state = 'failed' AND attempt = attempts))
            OR (outcome = 'cancelled' AND NOT (state = 'cancelled' AND attempt = attempts))",
    ),
    (
        "a job that has failed, and its last attempt has not",
        "SELECT format('job %s', id) FROM queue_jobs WHERE state = 'failed' AND NOT EXISTS
             (SELECT FROM queue_attempts WHERE job_id = id AND attempt = attempts AND outcome = 'failed')",
    ),
    (
        "a job that started before its time",
        "SELECT format('job %s: enqueued %s, started %s, %s s', id, enqueued_at, started_at, delay)
         FROM queue_jobs JOIN orders ON job = id
         WHERE delay > 0 AND attempts = 1 AND started_at < enqueued_at + (delay - 0.001) * interval '1 second'",
    ),
    (
        "an attempt without who made it and when",
        "SELECT format('job %s, attempt %s', job_id, attempt) FROM queue_attempts
         WHERE worker IS NULL OR started_at IS NULL OR ended_at < started_at",
    ),
    (
        "more attempts than a job may have",
        "SELECT format('job %s', id) FROM queue_jobs WHERE attempts > max_attempts",
    ),
    (
        "a note of something unsent",
        "SELECT format('note %s', id) FROM queue_dispatches",
    ),
];

/// Panics with what does not hold; else says what was done.
pub(crate) async fn look(world: &World) -> String {
    let record = &world.of_record;
    let mut wrong = Vec::new();
    for (what, query) in NEVER {
        let found: Vec<String> = all(record, query).await;
        if !found.is_empty() {
            let some = &found[..found.len().min(10)];
            wrong.push(format!(
                "{} times {what}:\n  {}",
                found.len(),
                some.join("\n  ")
            ));
        }
    }
    wrong.extend(parts(world).await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let report = "SELECT format('%s jobs, %s effects; attempts that did not succeed: %s; deadlocks: %s', jobs, effects, past,
                                deadlocks)
                  FROM (SELECT count(*) AS jobs FROM queue_jobs) AS j, (SELECT count(*) AS effects FROM effects) AS e,
                       (SELECT string_agg(format('%s %s', count, outcome), ', ') AS past
                        FROM (SELECT outcome, count(*) FROM queue_attempts GROUP BY outcome) AS a) AS p,
                       (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()) AS d";
    let report: Vec<String> = all(record, report).await;
    report.concat()
}

/// Workers take from the broker what it still holds: copies of jobs that have ended.
pub(crate) async fn taken(world: &World) {
    eventually(TAKEN, || async {
        (world.on_broker().await == 0).then_some(())
    })
    .await;
}

/// The other database has a part of every job that succeeded, once, and of no others: a job makes its part first, so
/// of one that did not succeed there may be one as well, if its end was another's.
async fn parts(world: &World) -> Vec<String> {
    let made: Vec<Uuid> = all(&world.of_parts, "SELECT job FROM parts").await;
    let succeeded = "SELECT id FROM queue_jobs WHERE state = 'succeeded'";
    let succeeded: Vec<Uuid> = all(&world.of_record, succeeded).await;
    let (once, succeeded) = (
        BTreeSet::from_iter(made.clone()),
        BTreeSet::from_iter(succeeded),
    );
    let mut wrong = Vec::new();
    if once.len() < made.len() {
        wrong.push(format!("{} parts are doubled", made.len() - once.len()));
    }
    if once != succeeded {
        let differ: Vec<_> = once.symmetric_difference(&succeeded).take(10).collect();
        wrong.push(format!(
            "parts of other jobs than those that succeeded: {differ:?}"
        ));
    }
    wrong
}

async fn all<T>(pool: &PgPool, query: &'static str) -> Vec<T>
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
{
    let found = sqlx::query_scalar(query).fetch_all(pool).await;
    found.expect("the record answers")
}
