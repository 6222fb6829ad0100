//! Events for webhooks: written in the transaction of their cause, delivered by `worker`.

use serde::Serialize;
use sqlx::PgTransaction;
use stoa_contracts::webhooks::{Deliver, WebhookEvent};
use stoa_postgres::{DatabaseError, traced};
use time::OffsetDateTime;
use uuid::Uuid;

/// The event of a test, which nobody subscribes to.
pub(crate) const PING: &str = "ping";

/// What is posted to a webhook.
#[derive(Serialize)]
struct Message<'a, T> {
    r#type: &'a str,
    #[serde(with = "time::serde::rfc3339")]
    timestamp: OffsetDateTime,
    data: &'a T,
}

/// Something that happened, as webhooks are told of it.
pub(crate) struct Event<'a, T> {
    /// By which it is known again when it is told twice; none if it is committed with its cause.
    pub(crate) id: Option<Uuid>,
    /// What it is called.
    pub(crate) name: &'a str,
    /// When it happened.
    pub(crate) at: OffsetDateTime,
    /// What there is to say.
    pub(crate) data: &'a T,
}

impl<'a, T> Event<'a, T> {
    /// One that happens now, and is committed with its cause.
    pub(crate) fn now(event: WebhookEvent, data: &'a T, now: OffsetDateTime) -> Self {
        Self {
            id: None,
            name: event.as_str(),
            at: now,
            data,
        }
    }
}

/// Where an event goes.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) account: Uuid,
    pub(crate) webhook: Uuid,
}

/// Tells the account's webhooks that wait for it of an event.
pub(crate) async fn emit(
    transaction: &mut PgTransaction<'_>,
    account: Uuid,
    event: &Event<'_, impl Serialize>,
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    let select = sqlx::query_scalar!(
        "SELECT id FROM webhooks WHERE account_id = $1 AND is_enabled AND $2 = ANY(events)
         ORDER BY created_at",
        account,
        event.name,
    );
    let webhooks = traced("webhook.of_event", select.fetch_all(&mut **transaction)).await?;
    for webhook in webhooks {
        let target = Target { account, webhook };
        deliver(transaction, target, event, now).await?;
    }
    Ok(())
}

/// Tells one webhook of an event, unless it was told before; the delivery's id.
pub(crate) async fn deliver(
    transaction: &mut PgTransaction<'_>,
    target: Target,
    event: &Event<'_, impl Serialize>,
    now: OffsetDateTime,
) -> Result<Option<Uuid>, DatabaseError> {
    let message = Message {
        r#type: event.name,
        timestamp: event.at,
        data: event.data,
    };
    let body = serde_json::to_string(&message).expect("events have string keys only");
    let delivery_id = Uuid::now_v7();
    let insert = sqlx::query!(
        "INSERT INTO webhook_deliveries (id, webhook_id, event_id, event, body, status, created_at)
         VALUES ($1, $2, $3, $4, $5, 'pending', $6)
         ON CONFLICT (webhook_id, event_id) DO NOTHING",
        delivery_id,
        target.webhook,
        event.id,
        event.name,
        body,
        now,
    );
    let inserted = traced(
        "webhook_delivery.insert",
        insert.execute(&mut **transaction),
    )
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(None);
    }
    let job = Deliver { delivery_id };
    stoa_outbox::put(transaction, target.account, &job, now).await?;
    Ok(Some(delivery_id))
}
