//! Webhooks: where an account wants to be told what happens.

use std::time::Duration;

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::StatusCode;
use stoa_contracts::{
    ErrorCode, Page,
    identity::Role,
    webhooks::{
        CreateWebhook, CreatedWebhook, SECRET_PREFIX, UpdateWebhook, Webhook, WebhookEvent,
    },
};
use stoa_idempotency::OnlyOnce;
use stoa_postgres::{Cursor, DatabaseError, begin, into_page, traced};
use stoa_service::{Identity, Json, Paging, Path, Problem, Query, responses};
use time::OffsetDateTime;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{chosen_url, state::Api};

/// The most webhooks of an account: each event is a job for each of them.
const LIMIT: i64 = 20;

/// Deliveries that a statement removes: they take some ten milliseconds.
const PART: i64 = 1000;
/// Statements with which a request removes deliveries.
const PARTS: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_webhooks, create_webhook))
        .routes(routes!(get_webhook, update_webhook, delete_webhook))
}

/// A webhook as it is stored.
struct Row {
    id: Uuid,
    url: String,
    events: Vec<String>,
    is_enabled: bool,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Row> for Webhook {
    fn from(row: Row) -> Self {
        // An event of a later release, which has been put back.
        let known = row
            .events
            .iter()
            .filter_map(|name| WebhookEvent::from_name(name));
        Self {
            id: row.id,
            url: row.url,
            events: known.collect(),
            enabled: row.is_enabled,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Lists the webhooks of the account, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks",
    tag = "webhooks",
    params(Paging),
    responses((status = 200, description = "A page of webhooks", body = Page<Webhook>), responses::Read)
)]
async fn list_webhooks(
    State(api): State<Api>,
    identity: Identity,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Webhook>>, Problem> {
    require(&identity)?;
    let cursor = Cursor::<(OffsetDateTime, Uuid)>::decode(paging.cursor.as_deref())?;
    let (before, before_id) = cursor.map(|cursor| cursor.0).unzip();
    let select = sqlx::query_as!(
        Row,
        "SELECT id, url, events, is_enabled, created_at, updated_at FROM webhooks
         WHERE account_id = $1
             AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
         ORDER BY created_at DESC, id DESC LIMIT $4",
        identity.account,
        before,
        before_id,
        paging.one_more(),
    );
    let rows = traced("webhook.list", select.fetch_all(&api.pool)).await?;
    let webhooks = rows.into_iter().map(Webhook::from).collect();
    let key = |webhook: &Webhook| (webhook.created_at, webhook.id);
    Ok(Json(into_page(webhooks, paging.limit.into(), key)))
}

/// Creates a webhook. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks",
    tag = "webhooks",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key twice creates one webhook; the second answer is a 409, for a secret is shown once", min_length = 1, max_length = 255)),
    request_body = CreateWebhook,
    responses((status = 201, description = "The webhook with its secret", body = CreatedWebhook), responses::Write)
)]
async fn create_webhook(
    State(api): State<Api>,
    identity: Identity,
    Json(input): Json<CreateWebhook>,
) -> Result<Response, Problem> {
    require(&identity)?;
    chosen_url::check("/url", &input.url, api.webhook_http)?;
    let now = api.clock.now();
    let webhook = Webhook {
        id: Uuid::now_v7(),
        url: input.url,
        events: merged(&input.events),
        enabled: input.enabled,
        created_at: now,
        updated_at: now,
    };
    let secret = format!(
        "{SECRET_PREFIX}{}",
        STANDARD.encode(rand::random::<[u8; 32]>())
    );
    let mut transaction = begin(&api.pool).await?;
    // One at a time of an account, so that they are counted with those that are being made.
    let lock = sqlx::query_scalar!(
        "SELECT id FROM accounts WHERE id = $1 FOR NO KEY UPDATE",
        identity.account,
    );
    traced("account.lock", lock.fetch_optional(&mut *transaction)).await?;
    let insert = sqlx::query!(
        "INSERT INTO webhooks
             (id, account_id, url, events, secret, is_enabled, created_at, updated_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $7
         WHERE (SELECT count(*) FROM webhooks WHERE account_id = $2) < $8",
        webhook.id,
        identity.account,
        webhook.url,
        &names(&webhook.events),
        secret,
        webhook.enabled,
        now,
        LIMIT,
    );
    let inserted = traced("webhook.insert", insert.execute(&mut *transaction)).await?;
    if inserted.rows_affected() == 0 {
        let detail = format!("An account has at most {LIMIT} webhooks; delete one first.");
        return Err(Problem::new(ErrorCode::Conflict, detail));
    }
    traced("transaction.commit", transaction.commit()).await?;
    let created = Json(CreatedWebhook { webhook, secret });
    Ok((StatusCode::CREATED, Extension(OnlyOnce), created).into_response())
}

/// Gets a webhook.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/{id}",
    tag = "webhooks",
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 200, description = "The webhook", body = Webhook), responses::Read)
)]
async fn get_webhook(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<Webhook>, Problem> {
    require(&identity)?;
    let select = sqlx::query_as!(
        Row,
        "SELECT id, url, events, is_enabled, created_at, updated_at FROM webhooks
         WHERE id = $1 AND account_id = $2",
        id,
        identity.account,
    );
    let found = traced("webhook.get", select.fetch_optional(&api.pool)).await?;
    let row = found.ok_or_else(|| Problem::not_found("webhook"))?;
    Ok(Json(row.into()))
}

/// Changes a webhook. What waits for it goes to its new address, or fails if it is switched off.
#[utoipa::path(
    patch,
    path = "/api/v1/webhooks/{id}",
    tag = "webhooks",
    params(("id" = Uuid, Path, description = "The webhook")),
    request_body = UpdateWebhook,
    responses((status = 200, description = "The webhook as it is now", body = Webhook), responses::Write)
)]
async fn update_webhook(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Json(input): Json<UpdateWebhook>,
) -> Result<Json<Webhook>, Problem> {
    require(&identity)?;
    if let Some(url) = &input.url {
        chosen_url::check("/url", url, api.webhook_http)?;
    }
    let events = input.events.as_deref().map(names);
    let update = sqlx::query_as!(
        Row,
        r#"WITH updated AS (
               UPDATE webhooks SET url = coalesce($3, url), events = coalesce($4, events),
                   is_enabled = coalesce($5, is_enabled), updated_at = $6
               WHERE id = $1 AND account_id = $2
               RETURNING id, url, events, is_enabled, created_at, updated_at),
           ended AS (
               UPDATE webhook_deliveries SET status = 'failed', finished_at = $6
               WHERE webhook_id IN (SELECT id FROM updated WHERE NOT is_enabled)
                   AND status = 'pending')
           SELECT id AS "id!", url AS "url!", events AS "events!", is_enabled AS "is_enabled!",
               created_at AS "created_at!", updated_at AS "updated_at!" FROM updated"#,
        id,
        identity.account,
        input.url,
        events.as_deref(),
        input.enabled,
        api.clock.now(),
    );
    let updated = traced("webhook.update", update.fetch_optional(&api.pool)).await?;
    let row = updated.ok_or_else(|| Problem::not_found("webhook"))?;
    Ok(Json(row.into()))
}

/// Deletes a webhook with its deliveries; what waits for it is not delivered.
#[utoipa::path(
    delete,
    path = "/api/v1/webhooks/{id}",
    tag = "webhooks",
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 204, description = "The webhook is gone"), responses::Read)
)]
async fn delete_webhook(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    require(&identity)?;
    // From now on nothing is added to what is removed.
    let disable = sqlx::query!(
        "UPDATE webhooks SET is_enabled = false, updated_at = $3 WHERE id = $1 AND account_id = $2",
        id,
        identity.account,
        api.clock.now(),
    );
    let found = traced("webhook.disable", disable.execute(&api.pool)).await?;
    if found.rows_affected() == 0 {
        return Err(Problem::not_found("webhook"));
    }
    if !remove_deliveries(&api, id).await? {
        let detail =
            "The webhook is switched off, and its deliveries are being removed; try again.";
        let problem = Problem::new(ErrorCode::Unavailable, detail);
        return Err(problem.retry_after(Duration::from_secs(1)));
    }
    let delete = sqlx::query!(
        "DELETE FROM webhooks WHERE id = $1 AND account_id = $2",
        id,
        identity.account,
    );
    traced("webhook.delete", delete.execute(&api.pool)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes the deliveries of a webhook in parts: a month of them takes longer than a statement may. False if there are more.
async fn remove_deliveries(api: &Api, webhook: Uuid) -> Result<bool, DatabaseError> {
    for _ in 0..PARTS {
        let delete = sqlx::query!(
            "DELETE FROM webhook_deliveries WHERE id IN (
                 SELECT id FROM webhook_deliveries WHERE webhook_id = $1 LIMIT $2)",
            webhook,
            PART,
        );
        let removed = traced("webhook_delivery.remove", delete.execute(&api.pool)).await?;
        // A short part is not the last one where another request has removed some of it meanwhile.
        if removed.rows_affected() < PART.unsigned_abs() && !has_deliveries(api, webhook).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn has_deliveries(api: &Api, webhook: Uuid) -> Result<bool, DatabaseError> {
    let select = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM webhook_deliveries WHERE webhook_id = $1) AS "has_any!""#,
        webhook,
    );
    traced("webhook_delivery.find", select.fetch_one(&api.pool)).await
}

/// Webhooks hear of the whole account, so they are its owners'.
pub(super) fn require(identity: &Identity) -> Result<(), Problem> {
    identity.require(Role::Owner)?;
    identity.require_whole_account()
}

/// Every event once, in the order of their names, as they are stored and shown.
fn merged(events: &[WebhookEvent]) -> Vec<WebhookEvent> {
    let mut events = events.to_vec();
    events.sort_by_key(|event| event.as_str());
    events.dedup();
    events
}

fn names(events: &[WebhookEvent]) -> Vec<String> {
    let events = merged(events).into_iter();
    events.map(|event| event.as_str().to_owned()).collect()
}
