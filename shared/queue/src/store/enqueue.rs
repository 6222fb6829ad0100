//! The side of the record where jobs are put in.

use super::{Store, begin};
use crate::trace::TraceHeaders;
use crate::{Payload, QueueError, queue};
use sqlx::PgConnection;
use sqlx::types::Json;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// What dispatchers of other processes listen to.
pub(super) const CHANNEL: &str = "queue_jobs";

/// Which of an account's jobs goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Before all others of its account: somebody waits for it.
    High,
    /// As most are.
    #[default]
    Normal,
    /// After all others.
    Low,
}

impl Priority {
    pub(crate) const fn stored(self) -> i16 {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Low => 2,
        }
    }
}

/// A job that is to be enqueued.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub(super) id: Uuid,
    pub(super) queue: &'static str,
    pub(super) kind: &'static str,
    pub(super) version: i16,
    pub(super) max_attempts: i16,
    pub(super) payload: Vec<u8>,
    pub(super) account: Uuid,
    pub(super) priority: Priority,
    pub(super) unique_key: Option<String>,
    pub(super) delay: Duration,
    pub(super) not_before: Option<OffsetDateTime>,
    pub(super) waits_for: i32,
    pub(super) flow: Option<Uuid>,
    pub(super) schedule: Option<String>,
    trace: TraceHeaders,
}

impl NewJob {
    /// A job that may start at once. Its trace is that of the caller.
    pub fn new<J: Payload>(job: &J) -> Result<Self, QueueError> {
        let payload = queue::body(job)?;
        Ok(Self {
            id: Uuid::now_v7(),
            queue: J::QUEUE,
            kind: J::KIND,
            version: number(J::VERSION),
            max_attempts: number(J::MAX_ATTEMPTS),
            payload,
            account: Uuid::nil(),
            priority: Priority::default(),
            unique_key: None,
            delay: Duration::ZERO,
            not_before: None,
            waits_for: 0,
            flow: None,
            schedule: None,
            trace: TraceHeaders::current(),
        })
    }

    /// Under an id that it has already: enqueued twice, it is there once.
    #[must_use]
    pub fn with_id(self, id: Uuid) -> Self {
        Self { id, ..self }
    }

    /// On behalf of an account, which shares the workers fairly with others.
    #[must_use]
    pub fn for_account(self, account: Uuid) -> Self {
        Self { account, ..self }
    }

    /// Before or after others of its account.
    #[must_use]
    pub fn with_priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// Not if one with the same key stands in the queue and has not ended.
    #[must_use]
    pub fn unique(self, key: impl Into<String>) -> Self {
        Self {
            unique_key: Some(key.into()),
            ..self
        }
    }

    /// Not before a pause is over, by the clock of the database.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Not before a moment.
    #[must_use]
    pub fn at(self, moment: OffsetDateTime) -> Self {
        Self {
            not_before: Some(moment),
            ..self
        }
    }

    /// With another limit than its kind has.
    #[must_use]
    pub fn with_max_attempts(self, attempts: u16) -> Self {
        Self {
            max_attempts: number(attempts.max(1)),
            ..self
        }
    }

    /// In another trace than the caller's: the W3C headers of who thought of it.
    #[must_use]
    pub fn with_trace(self, trace: BTreeMap<String, String>) -> Self {
        let trace = trace.into();
        Self { trace, ..self }
    }

    /// Its id.
    pub fn id(&self) -> Uuid {
        self.id
    }
}

/// What became of a job that was to be enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It is there.
    New(Uuid),
    /// It was there already, or another one with its unique key that has not ended.
    Existing(Uuid),
}

impl Enqueued {
    /// The job that is there.
    pub fn id(self) -> Uuid {
        match self {
            Self::New(id) | Self::Existing(id) => id,
        }
    }
}

impl Store {
    /// Puts a job in, in a transaction of its own.
    pub async fn enqueue(&self, job: NewJob) -> Result<Enqueued, QueueError> {
        let enqueued = self.enqueue_many(vec![job]).await?;
        Ok(enqueued[0])
    }

    /// Puts jobs in, all or none; what became of each, in their order.
    pub async fn enqueue_many(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, QueueError> {
        let mut transaction = begin(&self.pool).await?;
        let enqueued = self.enqueue_in(&mut transaction, jobs).await?;
        transaction.commit().await?;
        self.wake.notify_one();
        Ok(enqueued)
    }

    /// Puts jobs in with the caller's transaction: they are there if it commits.
    pub async fn enqueue_in(
        &self,
        transaction: &mut PgConnection,
        jobs: Vec<NewJob>,
    ) -> Result<Vec<Enqueued>, QueueError> {
        let mut written = insert(transaction, &jobs).await?;
        let mut enqueued = Vec::with_capacity(jobs.len());
        for job in &jobs {
            // What stood in the way may end between two statements.
            while !written.contains(&job.id) {
                if let Some(id) = existing(transaction, job).await? {
                    enqueued.push(Enqueued::Existing(id));
                    break;
                }
                written.extend(insert(transaction, std::slice::from_ref(job)).await?);
            }
            if written.contains(&job.id) {
                enqueued.push(Enqueued::New(job.id));
            }
        }
        sqlx::query!("SELECT pg_notify($1, '')", CHANNEL)
            .fetch_one(transaction)
            .await?;
        Ok(enqueued)
    }
}

/// Writes the rows that are not there yet.
async fn insert(
    transaction: &mut PgConnection,
    jobs: &[NewJob],
) -> Result<HashSet<Uuid>, QueueError> {
    let queues: Vec<_> = jobs.iter().map(|job| job.queue).collect();
    let kinds: Vec<_> = jobs.iter().map(|job| job.kind).collect();
    let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
    let accounts: Vec<_> = jobs.iter().map(|job| job.account).collect();
    let versions: Vec<_> = jobs.iter().map(|job| job.version).collect();
    let priorities: Vec<_> = jobs.iter().map(|job| job.priority.stored()).collect();
    let payloads: Vec<_> = jobs.iter().map(|job| job.payload.as_slice()).collect();
    let traces: Vec<_> = jobs.iter().map(|job| Json(&job.trace)).collect();
    let keys: Vec<_> = jobs.iter().map(|job| job.unique_key.as_deref()).collect();
    let delays: Vec<_> = jobs.iter().map(|job| job.delay.as_secs_f64()).collect();
    let moments: Vec<_> = jobs.iter().map(|job| job.not_before).collect();
    let waits: Vec<_> = jobs.iter().map(|job| job.waits_for).collect();
    let flows: Vec<_> = jobs.iter().map(|job| job.flow).collect();
    let schedules: Vec<_> = jobs.iter().map(|job| job.schedule.as_deref()).collect();
    let limits: Vec<_> = jobs.iter().map(|job| job.max_attempts).collect();
    let written = sqlx::query!(
        r#"WITH written AS (
           INSERT INTO queue_jobs (id, queue, kind, version, account_id, priority, payload, trace, unique_key,
                                   waits_for, flow_id, schedule, max_attempts, not_before, state)
           SELECT id, queue, kind, version, account, priority, payload, trace, key, waits, flow, schedule, attempts, due,
                  CASE WHEN waits > 0 THEN 'waiting' WHEN due > clock_timestamp() THEN 'scheduled' ELSE 'queued' END
           FROM (SELECT *, coalesce(moment, clock_timestamp()) + delay * interval '1 second' AS due
                 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int2[], $5::uuid[], $6::int2[], $7::bytea[],
                             $8::jsonb[], $9::text[], $10::float8[], $11::timestamptz[], $12::int4[], $13::uuid[],
                             $14::text[], $15::int2[])
                      AS new (id, queue, kind, version, account, priority, payload, trace, key, delay, moment, waits,
                              flow, schedule, attempts)) AS jobs
           ON CONFLICT DO NOTHING
           RETURNING id)
           SELECT coalesce(array_agg(id), '{}') AS "ids!" FROM written"#,
        &ids,
        &queues as _,
        &kinds as _,
        &versions,
        &accounts,
        &priorities,
        &payloads as _,
        &traces as _,
        &keys as _,
        &delays,
        &moments as _,
        &waits,
        &flows as _,
        &schedules as _,
        &limits,
    )
    .fetch_one(transaction)
    .await?;
    Ok(written.ids.into_iter().collect())
}

/// The job that stands in another's way.
async fn existing(
    transaction: &mut PgConnection,
    job: &NewJob,
) -> Result<Option<Uuid>, QueueError> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM queue_jobs
         WHERE id = $1 OR (queue = $2 AND unique_key = $3 AND stage NOT IN ('failed', 'ended'))
         LIMIT 1",
        job.id,
        job.queue,
        job.unique_key,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(found)
}

/// As the table has it.
pub(super) fn number(value: u16) -> i16 {
    i16::try_from(value).unwrap_or(i16::MAX)
}
