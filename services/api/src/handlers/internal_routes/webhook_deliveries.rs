//! What `worker` reads of a delivery, and what it reports.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use stoa_contracts::ErrorCode;
use stoa_contracts::webhooks::{DeliveryReport, DeliveryStatus, WebhookMessage};
use stoa_postgres::{begin, traced};
use stoa_service::{Json, Path, Problem, Trusted};
use uuid::Uuid;

use crate::state::Api;

/// The longest reason that is kept of a failure, in characters.
const ERROR_LIMIT: usize = 500;

/// What is to be delivered; 204 if it was. There is nothing if it has ended otherwise, or its webhook is gone or switched
/// off.
pub(super) async fn get_webhook_message(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let select = sqlx::query!(
        "SELECT w.url, w.secret, w.is_enabled, d.body, d.status FROM webhook_deliveries d
         JOIN webhooks w ON w.id = d.webhook_id WHERE d.id = $1",
        id,
    );
    let found = traced("webhook_delivery.message", select.fetch_optional(&api.pool)).await?;
    let over = || Problem::not_found("delivery that waits");
    let delivery = found.ok_or_else(over)?;
    if delivery.status == DeliveryStatus::Succeeded.as_str() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    if delivery.status != DeliveryStatus::Pending.as_str() || !delivery.is_enabled {
        return Err(over());
    }
    let message = WebhookMessage {
        url: delivery.url,
        secret: delivery.secret,
        body: delivery.body,
    };
    Ok(Json(message).into_response())
}

/// Takes down what an attempt came to; the same one twice is the same as once.
pub(super) async fn report_webhook_delivery(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    Trusted(DeliveryReport { attempt, status }): Trusted<DeliveryReport>,
) -> Result<StatusCode, Problem> {
    let finished = (status != DeliveryStatus::Pending).then(|| api.clock.now());
    let error = attempt
        .error
        .map(|error| error.chars().take(ERROR_LIMIT).collect::<String>());
    let mut transaction = begin(&api.pool).await?;
    let update = sqlx::query!(
        "UPDATE webhook_deliveries SET status = $2, finished_at = $3
         WHERE id = $1 AND status = 'pending' RETURNING attempts_before",
        id,
        status.as_str(),
        finished,
    );
    let updated = update.fetch_optional(&mut *transaction);
    let Some(delivery) = traced("webhook_delivery.report", updated).await? else {
        // Ended already, or gone with its webhook: there is nothing to add.
        return Ok(StatusCode::NO_CONTENT);
    };
    let number = i16::try_from(attempt.number).unwrap_or(i16::MAX);
    let insert = sqlx::query!(
        "INSERT INTO webhook_attempts
             (delivery_id, number, response_status, error, milliseconds, attempted_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        id,
        number.saturating_add(delivery.attempts_before),
        attempt
            .response_status
            .and_then(|status| i16::try_from(status).ok()),
        error,
        i32::try_from(attempt.milliseconds).unwrap_or(i32::MAX),
        attempt.attempted_at,
    );
    traced("webhook_attempt.insert", insert.execute(&mut *transaction)).await?;
    traced("transaction.commit", transaction.commit()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes down that a delivery is not tried any more, because its job has ended; one that has ended stays as it is.
pub(super) async fn end_webhook_delivery(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let update = sqlx::query!(
        "UPDATE webhook_deliveries SET status = 'failed', finished_at = $2 WHERE id = $1 AND status = 'pending'",
        id,
        api.clock.now(),
    );
    traced("webhook_delivery.end", update.execute(&api.pool)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets one be tried again that was not delivered, if its webhook is there and switched on. Twice is the same as once.
pub(super) async fn reopen_webhook_delivery(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let select = sqlx::query!(
        "SELECT d.status, w.is_enabled FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE d.id = $1",
        id,
    );
    let found = traced("webhook_delivery.status", select.fetch_optional(&api.pool)).await?;
    let delivery = found.ok_or_else(|| Problem::not_found("delivery"))?;
    if delivery.status == DeliveryStatus::Succeeded.as_str() {
        return Err(Problem::new(ErrorCode::Conflict, "It was delivered."));
    }
    if !delivery.is_enabled {
        let detail = "Its webhook is switched off: switch it on first.";
        return Err(Problem::new(ErrorCode::Conflict, detail));
    }
    let update = sqlx::query!(
        "UPDATE webhook_deliveries SET status = 'pending', finished_at = NULL, reopened_at = $2, attempts_before =
             (SELECT coalesce(max(number), 0) FROM webhook_attempts WHERE delivery_id = $1)
         WHERE id = $1 AND status <> 'succeeded'",
        id,
        api.clock.now(),
    );
    traced("webhook_delivery.reopen", update.execute(&api.pool)).await?;
    Ok(StatusCode::NO_CONTENT)
}
