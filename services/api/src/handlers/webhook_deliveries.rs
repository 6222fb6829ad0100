//! What webhooks were told, and a way to try one.

use axum::extract::State;
use http::StatusCode;
use serde_json::json;
use sqlx::types::Json as Stored;
use stoa_contracts::{
    ErrorCode, Page,
    webhooks::{DeliveryStatus, WebhookAttempt, WebhookDelivery},
};
use stoa_postgres::{Cursor, DatabaseError, begin, into_page, traced};
use stoa_service::{Identity, Json, Paging, Path, Problem, Query, responses};
use time::OffsetDateTime;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::webhooks::require;
use crate::{
    state::Api,
    stored,
    webhooks::{self, Event, PING, Target},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_webhook_deliveries))
        .routes(routes!(test_webhook))
}

/// Lists what the webhook was told, newest first; kept for 30 days.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/{id}/deliveries",
    tag = "webhooks",
    params(("id" = Uuid, Path, description = "The webhook"), Paging),
    responses((status = 200, description = "A page of deliveries", body = Page<WebhookDelivery>), responses::Read)
)]
async fn list_webhook_deliveries(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<WebhookDelivery>>, Problem> {
    require(&identity)?;
    is_enabled(&api, &identity, id).await?;
    let cursor = Cursor::<(OffsetDateTime, Uuid)>::decode(paging.cursor.as_deref())?;
    let (before, before_id) = cursor.map(|cursor| cursor.0).unzip();
    let deliveries = find(&api, id, (before, before_id), paging.one_more()).await?;
    let key = |delivery: &WebhookDelivery| (delivery.created_at, delivery.id);
    Ok(Json(into_page(deliveries, paging.limit.into(), key)))
}

/// Sends the webhook a `ping`, whatever its events are.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{id}/test",
    tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key twice sends one ping", min_length = 1, max_length = 255)
    ),
    responses((status = 202, description = "The ping is on its way; the list of deliveries says what comes of it", body = WebhookDelivery), responses::Write)
)]
async fn test_webhook(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<WebhookDelivery>), Problem> {
    require(&identity)?;
    if !is_enabled(&api, &identity, id).await? {
        let detail = "The webhook is switched off; switch it on with `\"enabled\": true` first.";
        return Err(Problem::new(ErrorCode::Conflict, detail));
    }
    let target = Target {
        account: identity.account,
        webhook: id,
    };
    let mut transaction = begin(&api.pool).await?;
    let data = json!({"webhook_id": id});
    let now = api.clock.now();
    let event = Event {
        id: None,
        name: PING,
        at: now,
        data: &data,
    };
    let delivery = webhooks::deliver(&mut transaction, target, &event, now).await?;
    let delivery = delivery.expect("a ping without an id is one that was not told before");
    traced("transaction.commit", transaction.commit()).await?;
    api.outbox.notify_one();
    let delivery = WebhookDelivery {
        id: delivery,
        event: PING.to_owned(),
        status: DeliveryStatus::Pending,
        attempts: Vec::new(),
        created_at: now,
        finished_at: None,
    };
    Ok((StatusCode::ACCEPTED, Json(delivery)))
}

/// Whether the account's webhook is told anything; one that is not there is a problem.
async fn is_enabled(api: &Api, identity: &Identity, id: Uuid) -> Result<bool, Problem> {
    let select = sqlx::query_scalar!(
        "SELECT is_enabled FROM webhooks WHERE id = $1 AND account_id = $2",
        id,
        identity.account,
    );
    let found = traced("webhook.is_enabled", select.fetch_optional(&api.pool)).await?;
    found.ok_or_else(|| Problem::not_found("webhook"))
}

/// The deliveries of a webhook before a place in their list, newest first.
async fn find(
    api: &Api,
    webhook: Uuid,
    (before, before_id): (Option<OffsetDateTime>, Option<Uuid>),
    limit: i64,
) -> Result<Vec<WebhookDelivery>, DatabaseError> {
    let select = sqlx::query!(
        r#"SELECT d.id, d.event, d.status, d.created_at, d.finished_at,
               coalesce((
                   SELECT jsonb_agg(jsonb_build_object(
                       'number', a.number, 'response_status', a.response_status, 'error', a.error,
                       'milliseconds', a.milliseconds, 'attempted_at', a.attempted_at)
                       ORDER BY a.number DESC)
                   FROM webhook_attempts a WHERE a.delivery_id = d.id), '[]')
                   AS "attempts!: Stored<Vec<WebhookAttempt>>"
           FROM webhook_deliveries d
           WHERE d.webhook_id = $1
               AND ($2::timestamptz IS NULL OR (d.created_at, d.id) < ($2, $3::uuid))
           ORDER BY d.created_at DESC, d.id DESC LIMIT $4"#,
        webhook,
        before,
        before_id,
        limit,
    );
    let rows = traced("webhook_delivery.list", select.fetch_all(&api.pool)).await?;
    let deliveries = rows.into_iter().map(|row| WebhookDelivery {
        id: row.id,
        event: row.event,
        status: stored::delivery_status(&row.status),
        attempts: row.attempts.0,
        created_at: row.created_at,
        finished_at: row.finished_at,
    });
    Ok(deliveries.collect())
}
