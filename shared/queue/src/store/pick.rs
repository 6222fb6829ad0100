//! Whose turn it is.

use super::Store;
use crate::QueueError;
use sqlx::postgres::types::PgInterval;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Accounts that one look goes through; the next one goes on behind them.
const ACCOUNTS: i32 = 500;
/// The fewest jobs that are on the broker at a time while more wait, where not all workers say how many they run.
const FEWEST_OUT: i64 = 16;
/// What is on the broker beside what the workers run at a time, so that who ends one has the next.
const SPARE: i64 = 2;
/// A worker that was not heard of for so long is not counted: it says once a second that it lives.
const UNHEARD: &str = "10 seconds";
/// The most.
const MOST_OUT: i64 = 5000;
/// How many jobs may pass a full window at a time, each of another account.
const PASSING_AT_ONCE: i64 = 100;
/// What the broker has should last for this part of a second, until the next look.
const AHEAD: i64 = 5;

/// What one queue has, and may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Jobs sent or running.
    pub(super) out: i64,
    /// Jobs running.
    pub(super) running: i64,
    /// Jobs that its workers run at a time, if all of them say it.
    pub(super) slots: Option<i64>,
    pub(super) max_running: Option<i32>,
    pub(super) rate: Option<Rate>,
}

/// At most `jobs` in `period`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    jobs: i64,
    period: Duration,
    /// When the next one may start, if everything before went as the rate says.
    next: Option<OffsetDateTime>,
    now: OffsetDateTime,
}

impl Rate {
    /// How many may start now: after a silence a whole period's jobs, never more (GCRA).
    pub(super) fn allowed(&self) -> i64 {
        let ahead = (self.now - self.base()).whole_microseconds();
        let allowed = i64::try_from(ahead / i128::from(self.each())).unwrap_or(0);
        allowed.clamp(0, self.jobs)
    }

    /// How long until the next one may start, if none may now.
    pub(super) fn wait(&self) -> Duration {
        let at = self.base() + time::Duration::microseconds(self.each());
        // Rounded up: a moment too early would be another look for nothing.
        Duration::try_from(at - self.now).unwrap_or_default() + Duration::from_millis(1)
    }

    /// When the next one may start after `taken` more.
    pub(super) fn after(&self, taken: i64) -> OffsetDateTime {
        self.base() + time::Duration::microseconds(self.each() * taken)
    }

    /// What was not used of the periods before the last one is gone.
    fn base(&self) -> OffsetDateTime {
        let earliest = self.now - self.period;
        self.next.map_or(earliest, |next| next.max(earliest))
    }

    /// Microseconds from one to the next.
    fn each(&self) -> i64 {
        let period = i64::try_from(self.period.as_micros()).unwrap_or(i64::MAX);
        (period / self.jobs).max(1)
    }
}

impl Room {
    /// How many more may be sent while `per_second` end.
    pub(super) fn free(&self, per_second: i64) -> i64 {
        let limit = self.window(per_second);
        let limit = self
            .max_running
            .map_or(limit, |most| limit.min(most.into()));
        limit - self.out
    }

    /// How many may be out while `per_second` end. Little is sent ahead, because what is on the broker has its place
    /// already: a job of another account, or a more urgent one, goes behind it.
    pub(super) fn window(&self, per_second: i64) -> i64 {
        let at_work = match self.slots {
            // More than can run are out of turn already, and only their ends are to be written.
            Some(slots) => slots.max(self.running) + SPARE,
            None => FEWEST_OUT + 2 * self.running,
        };
        (at_work + per_second / AHEAD).min(MOST_OUT)
    }

    /// How many of accounts that have nothing out may pass a full window.
    pub(super) fn passing(&self) -> i64 {
        let most = self.max_running.map_or(i64::MAX, i64::from);
        most.saturating_sub(self.out).min(PASSING_AT_ONCE)
    }
}

/// Where among the accounts of a queue the next look goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Accounts behind this one are looked at, if there are too many for one look.
    pub(super) after: Uuid,
    /// Whose job was sent last.
    last: Uuid,
}

impl Place {
    /// Where to go on after a look that has sent a job of `last`, if of any: behind it, where others of those that were
    /// looked at may have had no turn because no more fitted in (`is_full`), else behind the one `until` which it looked.
    fn next(self, last: Option<Uuid>, is_full: bool, until: Option<Uuid>) -> Self {
        let are_all_in_one_look = self.after.is_nil() && until.is_none();
        let behind_this = match last {
            Some(last) if is_full && !are_all_in_one_look => Some(last),
            _ => until,
        };
        Self {
            after: behind_this.map_or(Uuid::nil(), behind),
            last: last.unwrap_or(self.last),
        }
    }
}

impl Store {
    /// The queues in which something waits for its turn, without those that pause.
    pub(super) async fn queues_with_work(&self) -> Result<Vec<String>, QueueError> {
        // A loose scan: the index is long, and has few queues.
        let rows = sqlx::query_scalar!(
            r#"WITH RECURSIVE names AS (
                   (SELECT queue FROM queue_jobs WHERE stage = 'queued' ORDER BY queue LIMIT 1)
                   UNION ALL
                   SELECT (SELECT j.queue FROM queue_jobs j WHERE stage = 'queued' AND j.queue > names.queue
                           ORDER BY j.queue LIMIT 1)
                   FROM names WHERE names.queue IS NOT NULL)
               SELECT queue AS "queue!" FROM names
               WHERE queue IS NOT NULL
                 AND NOT EXISTS (SELECT FROM queue_settings s WHERE s.queue = names.queue AND paused_at IS NOT NULL)"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    pub(super) async fn room(&self, queue: &str) -> Result<Room, QueueError> {
        let row = sqlx::query!(
            r#"SELECT out AS "out!", running AS "running!", slots AS "slots?", max_running AS "max_running?", rate_jobs AS "rate_jobs?",
                      rate_period AS "rate_period?", rate_next AS "rate_next?", clock_timestamp() AS "now!"
               FROM (SELECT count(*) AS out, count(*) FILTER (WHERE state = 'running') AS running
                     FROM queue_jobs WHERE queue = $1 AND stage = 'out') AS counted
               CROSS JOIN (SELECT CASE WHEN bool_and(concurrency IS NOT NULL) THEN sum(concurrency) END AS slots
                           FROM queue_workers
                           WHERE $1 = ANY (queues) AND seen_at > clock_timestamp() - $2::text::interval) AS working
               LEFT JOIN queue_settings ON queue = $1"#,
            queue,
            UNHEARD,
        )
        .fetch_one(&self.pool)
        .await?;
        let rate = row
            .rate_jobs
            .zip(row.rate_period)
            .map(|(jobs, period)| Rate {
                jobs: jobs.into(),
                period: duration(&period),
                next: row.rate_next,
                now: row.now,
            });
        Ok(Room {
            out: row.out,
            running: row.running,
            slots: row.slots,
            max_running: row.max_running,
            rate,
        })
    }

    /// At most `limit` jobs whose turn it is: of each account as many as of the others, counting what it has out, and its
    /// urgent ones first. Between accounts whose turn is the same it goes round, on behind that of `place.last`: neither
    /// urgent jobs nor old ones shut another out. `most_of_one` is the most that an account may have out after it.
    pub(super) async fn pick(
        &self,
        queue: &str,
        limit: i64,
        most_of_one: i64,
        place: Place,
    ) -> Result<(Vec<Uuid>, Place), QueueError> {
        let rows = sqlx::query!(
            r#"WITH RECURSIVE accounts AS (
                   (SELECT account_id, 1 AS number FROM queue_jobs
                    WHERE queue = $1 AND stage = 'queued' AND account_id >= $4 ORDER BY account_id LIMIT 1)
                   UNION ALL
                   SELECT (SELECT j.account_id FROM queue_jobs j
                           WHERE j.queue = $1 AND stage = 'queued' AND j.account_id > accounts.account_id
                           ORDER BY j.account_id LIMIT 1), number + 1
                   FROM accounts WHERE accounts.account_id IS NOT NULL AND number < $5),
               held AS (SELECT account_id, count(*) AS out FROM queue_jobs
                        WHERE queue = $1 AND stage = 'out' GROUP BY account_id),
               picked AS (
                   SELECT j.id, j.account_id, j.priority,
                          coalesce(out, 0) + row_number() OVER (PARTITION BY j.account_id ORDER BY j.priority, j.id) AS turn
                   FROM accounts LEFT JOIN held USING (account_id)
                   CROSS JOIN LATERAL (
                       SELECT id, account_id, priority FROM queue_jobs
                       WHERE queue = $1 AND stage = 'queued' AND account_id = accounts.account_id
                       ORDER BY priority, id LIMIT greatest(least($2, $3 - coalesce(out, 0)), 0)) AS j)
               SELECT id AS "id!", account_id AS "account!",
                      (SELECT max(account_id::text) FROM accounts HAVING count(*) >= $5) AS "until?"
               FROM picked ORDER BY turn, account_id <= $6, account_id LIMIT $2"#,
            queue,
            limit,
            most_of_one,
            place.after,
            ACCOUNTS,
            place.last,
        )
        .fetch_all(&self.pool)
        .await?;
        let until = rows.first().and_then(|row| row.until.as_deref());
        let until = until.and_then(|text| Uuid::parse_str(text).ok());
        let last = rows.last().map(|row| row.account);
        let is_full = i64::try_from(rows.len()).is_ok_and(|sent| sent >= limit);
        let ids = rows.iter().map(|row| row.id).collect();
        Ok((ids, place.next(last, is_full, until)))
    }
}

/// The account behind another.
fn behind(account: Uuid) -> Uuid {
    Uuid::from_u128(account.as_u128().wrapping_add(1))
}

pub(super) fn duration(interval: &PgInterval) -> Duration {
    let days = i64::from(interval.months) * 30 + i64::from(interval.days);
    let micros = days * 86_400_000_000 + interval.microseconds;
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_pass_a_full_window_than_may_run() {
        let room = |out, max_running| Room {
            out,
            running: 4,
            slots: None,
            max_running,
            rate: None,
        };
        assert_eq!(room(24, None).passing(), PASSING_AT_ONCE);
        assert_eq!(room(24, Some(50)).passing(), 26);
        assert_eq!(room(50, Some(50)).passing(), 0);
        assert!(room(60, Some(50)).passing() <= 0);
    }

    #[test]
    fn accounts_that_had_no_turn_because_no_more_fitted_in_are_the_next() {
        let account = Uuid::from_u128;
        let place = |after, last| Place {
            after: account(after),
            last: account(last),
        };
        let next = |from: Place, last: u128, is_full, until: Option<u128>| {
            let next = from.next(Some(account(last)), is_full, until.map(account));
            (next.after.as_u128(), next.last.as_u128())
        };
        assert_eq!(next(place(0, 0), 3, true, None), (0, 3), "all in one look");
        assert_eq!(next(place(0, 0), 3, true, Some(500)), (4, 3));
        assert_eq!(next(place(0, 0), 500, false, Some(500)), (501, 500));
        assert_eq!(next(place(501, 0), 510, true, None), (511, 510));
        assert_eq!(next(place(501, 0), 600, false, None), (0, 600));
        let none = place(501, 7).next(None, false, None);
        assert_eq!((none.after.as_u128(), none.last.as_u128()), (0, 7));
    }

    #[test]
    fn the_window_is_what_workers_run_and_what_ends_until_the_next_look() {
        let room = |running, slots| Room {
            out: 0,
            running,
            slots,
            max_running: None,
            rate: None,
        };
        assert_eq!(room(4, Some(4)).window(0), 4 + SPARE);
        assert_eq!(room(0, Some(4)).window(5000), 4 + SPARE + 1000);
        assert_eq!(room(7, Some(4)).window(0), 7 + SPARE, "ends are written");
        assert_eq!(room(4, None).window(0), FEWEST_OUT + 8, "not all say it");
    }
}
