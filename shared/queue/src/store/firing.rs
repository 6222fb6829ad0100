//! What enqueues the jobs of schedules whose time has come.

use super::schedule::{Missed, parse};
use super::{Store, begin};
use crate::QueueError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

/// Schedules that one look moves on.
const AT_ONCE: usize = 100;

impl Store {
    /// Enqueues what is due, schedule by schedule, so that what is done stays done. What is left comes at the next look.
    pub(super) async fn run_schedules(&self) -> Result<(), QueueError> {
        for number in 0..AT_ONCE {
            if !self.run_next_schedule().await? {
                break;
            }
            if number == 0 {
                self.wake.notify_one();
            }
        }
        Ok(())
    }

    /// Enqueues what is due of the schedule that has waited longest; whether there was one.
    async fn run_next_schedule(&self) -> Result<bool, QueueError> {
        let mut transaction = begin(&self.pool).await?;
        let due = sqlx::query!(
            r#"SELECT name, cron, time_zone, missed, next_at, clock_timestamp() AS "now!"
               FROM queue_schedules WHERE is_enabled AND next_at <= clock_timestamp()
               ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED"#,
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = due else {
            return Ok(false);
        };
        let missed = Missed::from_name(&row.missed).unwrap_or_default();
        let times = parse(&row.cron, &row.time_zone).map_err(|error| error.to_string());
        let times = times.and_then(|times| {
            let due = times.due(row.next_at, row.now, missed);
            due.map_err(|error| error.to_string())
        });
        match times {
            Ok((slots, next)) => fire(&mut transaction, &row.name, &slots, next).await?,
            Err(error) => {
                // A zone may leave the database with an update, and a time be more than four years away.
                tracing::error!(schedule = row.name, error, "a schedule fires no more");
                sqlx::query!(
                    "UPDATE queue_schedules SET is_enabled = false WHERE name = $1",
                    row.name
                )
                .execute(&mut *transaction)
                .await?;
            }
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// Enqueues the jobs of some times of a schedule, and notes which is next.
async fn fire(
    transaction: &mut PgConnection,
    name: &str,
    slots: &[OffsetDateTime],
    next: OffsetDateTime,
) -> Result<(), QueueError> {
    let ids: Vec<_> = slots.iter().map(|slot| id_of(name, *slot)).collect();
    sqlx::query!(
        "INSERT INTO queue_jobs (id, queue, kind, version, account_id, priority, state, payload, trace, not_before,
                                 schedule, max_attempts)
         SELECT id, queue, kind, version, account_id, 1, 'queued', payload, '{}', slot, name, max_attempts
         FROM queue_schedules, unnest($2::uuid[], $3::timestamptz[]) AS fired (id, slot)
         WHERE name = $1 ON CONFLICT DO NOTHING",
        name,
        &ids,
        slots,
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "UPDATE queue_schedules SET next_at = $2, last_at = coalesce($3, last_at) WHERE name = $1",
        name,
        next,
        slots.last(),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// The job of a time: the same for every dispatcher, and a `UUIDv7` of that time, so that it sorts by age like others.
fn id_of(schedule: &str, slot: OffsetDateTime) -> Uuid {
    let seconds = slot.unix_timestamp();
    let name = format!("{schedule} {seconds}");
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).into_bytes();
    let mut rest = [0; 10];
    rest.copy_from_slice(&hash[..10]);
    let millis = u64::try_from(seconds).unwrap_or_default() * 1000;
    Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
}
