//! Conversations and events in the database.

use crate::engine::State;
use crate::hub::CHANNEL;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor, PgPool};
use stoa_contracts::conversations::{
    ConversationStatus, ConversationSummary, Event, EventKind, Message, Reply,
};
use stoa_contracts::webhooks::{Announce, HandedToPerson, WebhookEvent};
use stoa_postgres::{DatabaseError, traced};
use stoa_service::Identity;
use time::OffsetDateTime;
use uuid::Uuid;

/// A conversation as it is stored.
pub(crate) struct Stored {
    pub(crate) id: Uuid,
    pub(crate) account_id: Uuid,
    pub(crate) assistant_id: Uuid,
    pub(crate) sender: Option<String>,
    pub(crate) engine: Json<State>,
    pub(crate) last_event: i64,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

impl Stored {
    /// What a list shows of it.
    pub(crate) fn summary(&self) -> ConversationSummary {
        ConversationSummary {
            id: self.id,
            assistant_id: self.assistant_id,
            sender: self.sender.clone(),
            status: self.engine.status,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// The status as it is stored.
pub(crate) fn status_name(status: ConversationStatus) -> &'static str {
    match status {
        ConversationStatus::Active => "active",
        ConversationStatus::Handover => "handover",
        ConversationStatus::Ended => "ended",
    }
}

/// A conversation that the one who asks may see.
pub(crate) async fn find(
    pool: &PgPool,
    identity: &Identity,
    id: Uuid,
) -> Result<Option<Stored>, DatabaseError> {
    let query = sqlx::query_as!(
        Stored,
        r#"SELECT id, account_id, assistant_id, sender, engine AS "engine: Json<State>", last_event,
                  created_at, updated_at
           FROM conversations
           WHERE id = $1 AND account_id = $2 AND ($3::uuid IS NULL OR assistant_id = $3)"#,
        id,
        identity.account,
        identity.assistant,
    );
    traced("conversation.find", query.fetch_optional(pool)).await
}

/// The conversation, locked until the transaction ends.
pub(crate) async fn lock(
    transaction: &mut PgConnection,
    id: Uuid,
) -> Result<Option<Stored>, DatabaseError> {
    let query = sqlx::query_as!(
        Stored,
        r#"SELECT id, account_id, assistant_id, sender, engine AS "engine: Json<State>", last_event,
                  created_at, updated_at
           FROM conversations WHERE id = $1 FOR UPDATE"#,
        id,
    );
    traced("conversation.lock", query.fetch_optional(transaction)).await
}

/// The reply that was given to an earlier message with this key, and that message's text.
pub(crate) async fn earlier_reply(
    executor: impl PgExecutor<'_>,
    id: Uuid,
    key: &str,
) -> Result<Option<(String, Reply)>, DatabaseError> {
    let query = sqlx::query!(
        r#"SELECT text, reply AS "reply: Json<Reply>" FROM turns
           WHERE conversation_id = $1 AND idempotency_key = $2"#,
        id,
        key,
    );
    let row = traced("turn.find", query.fetch_optional(executor)).await?;
    Ok(row.map(|row| (row.text, row.reply.0)))
}

/// Stores the reply to a message with a key.
pub(crate) async fn keep_reply(
    transaction: &mut PgConnection,
    id: Uuid,
    (key, text): (&str, &str),
    reply: &Reply,
) -> Result<(), DatabaseError> {
    let query = sqlx::query!(
        "INSERT INTO turns (conversation_id, idempotency_key, text, reply) VALUES ($1, $2, $3, $4)",
        id,
        key,
        text,
        Json(reply) as _,
    );
    traced("turn.insert", query.execute(transaction)).await?;
    Ok(())
}

/// Whether these events hand the conversation over to a person.
pub(crate) fn hands_over(events: &[EventKind]) -> bool {
    events.contains(&EventKind::Status {
        status: ConversationStatus::Handover,
    })
}

/// Appends what happened to a conversation that is locked, stores what the engine remembers, and
/// wakes the listeners when the transaction commits. A handover is announced to the account's webhooks.
pub(crate) async fn append(
    transaction: &mut PgConnection,
    stored: &Stored,
    engine: &State,
    events: &[EventKind],
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    let kinds: Vec<Json<&EventKind>> = events.iter().map(Json).collect();
    let texts: Vec<Option<&str>> = events.iter().map(text_of).collect();
    let query = sqlx::query!(
        r#"WITH new AS (
               INSERT INTO events (conversation_id, sequence, at, kind, text)
               SELECT $1, $2 + n, $3, kind, text
               FROM UNNEST($4::jsonb[], $5::text[]) WITH ORDINALITY AS event (kind, text, n)
               RETURNING sequence
           )
           UPDATE conversations
           SET engine = $6, status = $7, updated_at = $3,
               last_event = $2 + (SELECT count(*) FROM new)
           WHERE id = $1"#,
        stored.id,
        stored.last_event,
        now,
        kinds as _,
        texts as _,
        Json(engine) as _,
        status_name(engine.status),
    );
    traced("event.append", query.execute(&mut *transaction)).await?;
    let notify = sqlx::query!("SELECT pg_notify($1, $2)", CHANNEL, stored.id.to_string());
    traced("event.notify", notify.execute(&mut *transaction)).await?;
    if hands_over(events) {
        announce_handover(transaction, stored, now).await?;
    }
    Ok(())
}

async fn announce_handover(
    transaction: &mut PgConnection,
    stored: &Stored,
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    let data = HandedToPerson {
        conversation_id: stored.id,
        assistant_id: stored.assistant_id,
        sender: stored.sender.clone(),
    };
    let job = Announce {
        account_id: stored.account_id,
        event: WebhookEvent::ConversationHandover,
        at: now,
        data: serde_json::to_value(data).expect("its keys are strings"),
    };
    stoa_outbox::put(transaction, stored.account_id, &job, now).await
}

/// At most `limit` events after a sequence, in order.
pub(crate) async fn events_after(
    pool: &PgPool,
    id: Uuid,
    sequence: i64,
    limit: i64,
) -> Result<Vec<Event>, DatabaseError> {
    let query = sqlx::query!(
        r#"SELECT sequence, at, kind AS "kind: Json<EventKind>" FROM events
           WHERE conversation_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"#,
        id,
        sequence,
        limit,
    );
    let rows = traced("event.list", query.fetch_all(pool)).await?;
    let events = rows.into_iter().map(|row| Event {
        sequence: row.sequence,
        at: row.at,
        kind: row.kind.0,
    });
    Ok(events.collect())
}

/// What can be searched in an event.
fn text_of(event: &EventKind) -> Option<&str> {
    match event {
        EventKind::User { text, .. } | EventKind::Person { text } => Some(text),
        EventKind::Assistant { message } => match message {
            Message::Text { text } | Message::Buttons { text, .. } | Message::Handover { text } => {
                Some(text)
            }
        },
        _ => None,
    }
}
