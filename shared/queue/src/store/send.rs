//! What goes to the broker, and the note that none of it is forgotten on the way.

use super::queues::SENDING;
use super::{Store, answered, begin};
use crate::envelope::Message;
use crate::trace::TraceHeaders;
use crate::{Envelope, Queue, QueueError, metrics};
use sqlx::PgConnection;
use sqlx::types::Json;
use std::collections::HashMap;
use uuid::Uuid;

impl Store {
    /// Marks jobs as sent, and sends them. In between stands a note of them, for who comes after a crash.
    pub(super) async fn send(
        &self,
        queue: &Queue,
        name: &str,
        ids: &[Uuid],
        rate_next: Option<time::OffsetDateTime>,
    ) -> Result<(), QueueError> {
        let (note, jobs) = answered(self.mark(name, ids, rate_next)).await?;
        self.publish(queue, note, name, jobs).await
    }

    async fn mark(
        &self,
        name: &str,
        ids: &[Uuid],
        rate_next: Option<time::OffsetDateTime>,
    ) -> Result<(i64, Vec<(Uuid, Message)>), QueueError> {
        let mut transaction = begin(&self.pool).await?;
        sqlx::query!(
            "SELECT pg_advisory_xact_lock_shared($1, hashtext($2))",
            SENDING,
            name
        )
        .execute(&mut *transaction)
        .await?;
        let jobs = mark_sent(&mut transaction, name, ids).await?;
        let note = sqlx::query_scalar!(
            "INSERT INTO queue_dispatches (queue, jobs) VALUES ($1, $2) RETURNING id",
            name,
            ids,
        )
        .fetch_one(&mut *transaction)
        .await?;
        if let Some(next) = rate_next {
            sqlx::query!(
                "UPDATE queue_settings SET rate_next = $2 WHERE queue = $1",
                name,
                next,
            )
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok((note, jobs))
    }

    async fn publish(
        &self,
        queue: &Queue,
        note: i64,
        name: &str,
        jobs: Vec<(Uuid, Message)>,
    ) -> Result<(), QueueError> {
        queue.backend.publish_many(name, &jobs).await?;
        metrics::dispatched(name, jobs.len() as u64);
        let deleting =
            sqlx::query!("DELETE FROM queue_dispatches WHERE id = $1", note).execute(&self.pool);
        answered(async { Ok(deleting.await?) }).await?;
        Ok(())
    }

    /// The queues of which something is noted.
    pub(super) async fn noted(&self) -> Result<Vec<String>, QueueError> {
        let names = sqlx::query_scalar!("SELECT DISTINCT queue FROM queue_dispatches");
        Ok(names.fetch_all(&self.pool).await?)
    }

    /// Sends what is noted of a queue, if the broker has an ear for it at all. What it did get is there twice, and
    /// claimed once.
    pub(super) async fn send_noted(&self, queue: &Queue, name: &str) -> Result<(), QueueError> {
        queue.depth(name).await?;
        let notes = sqlx::query!(
            "SELECT id, jobs FROM queue_dispatches WHERE queue = $1 ORDER BY id",
            name
        )
        .fetch_all(&self.pool);
        for note in answered(async { Ok(notes.await?) }).await? {
            let jobs = answered(sent(self, &note.jobs)).await?;
            self.publish(queue, note.id, name, jobs).await?;
        }
        Ok(())
    }
}

/// A row as it goes to the broker.
struct Row {
    id: Uuid,
    kind: String,
    version: i16,
    account_id: Uuid,
    attempts: i16,
    max_attempts: i16,
    enqueued_at: time::OffsetDateTime,
    trace: Json<TraceHeaders>,
    payload: Vec<u8>,
    sends: i32,
}

/// Not those of a queue that was paused since they were picked.
async fn mark_sent(
    transaction: &mut PgConnection,
    name: &str,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, Message)>, QueueError> {
    let rows = sqlx::query_as!(
        Row,
        // By their ids, not through all that wait: of an array the planner would think that it is small.
        r#"UPDATE queue_jobs j SET state = 'sent', sends = sends + 1, sent_at = clock_timestamp()
           FROM unnest($1::uuid[]) AS picked (id) WHERE j.id = picked.id AND state = 'queued'
             AND NOT EXISTS (SELECT FROM queue_settings WHERE queue = $2 AND paused_at IS NOT NULL)
           RETURNING j.id, kind, version, account_id, attempts, max_attempts, enqueued_at, trace AS "trace: _", payload,
                     sends"#,
        ids,
        name,
    )
    .fetch_all(transaction)
    .await?;
    let mut messages: HashMap<_, _> = rows.into_iter().map(Row::message).collect();
    let in_turn = ids.iter().filter_map(|id| messages.remove_entry(id));
    Ok(in_turn.collect())
}

/// The jobs among `ids` that are marked as sent; they are sent now.
async fn sent(store: &Store, ids: &[Uuid]) -> Result<Vec<(Uuid, Message)>, QueueError> {
    let rows = sqlx::query_as!(
        Row,
        r#"UPDATE queue_jobs SET sent_at = clock_timestamp() WHERE id = ANY($1) AND state = 'sent'
           RETURNING id, kind, version, account_id, attempts, max_attempts, enqueued_at, trace AS "trace: _", payload,
                     sends"#,
        ids,
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows.into_iter().map(Row::message).collect())
}

impl Row {
    fn message(self) -> (Uuid, Message) {
        let number = |value: i16| u16::try_from(value).unwrap_or_default();
        let envelope = Envelope {
            id: self.id,
            kind: self.kind,
            version: number(self.version),
            account: Some(self.account_id).filter(|account| !account.is_nil()),
            attempt: number(self.attempts).saturating_add(1),
            max_attempts: number(self.max_attempts),
            enqueued_at: self.enqueued_at,
            trace: self.trace.0,
            sends: self.sends,
            is_again: false,
            was_tried: false,
        };
        (self.id, Message::new(&envelope, self.payload))
    }
}
