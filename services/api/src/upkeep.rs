//! What has had its time is removed, and what waits is measured.

use std::time::Duration;

use stoa_postgres::DatabaseError;
use stoa_service::BoxError;
use time::{Duration as Span, OffsetDateTime};
use tokio_util::sync::CancellationToken;

use crate::{idempotency, outbox, state::Api, throttle};

/// How often. Alerts look at the age of the outbox in minutes.
const EVERY: Duration = Duration::from_secs(15);
/// How long the used and expired refresh tokens stay, so that a late thief is still noticed.
const REFRESH_TOKENS_KEPT: Span = Span::days(2);

/// Runs until the token is cancelled; a failure is for the next time.
pub(crate) async fn run(api: Api, token: CancellationToken) -> Result<(), BoxError> {
    loop {
        if let Err(error) = once(&api).await {
            tracing::warn!(%error, "the upkeep of the database failed");
        }
        tokio::select! {
            () = token.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn once(api: &Api) -> Result<(), DatabaseError> {
    let now = api.clock.now();
    outbox::measure(&api.pool, now).await?;
    remove_expired(api, now).await
}

async fn remove_expired(api: &Api, now: OffsetDateTime) -> Result<(), DatabaseError> {
    let keys = now - idempotency::KEPT;
    sqlx::query!("DELETE FROM idempotency_keys WHERE created_at < $1", keys)
        .execute(&api.pool)
        .await?;
    let failures = now - throttle::WINDOW;
    sqlx::query!(
        "DELETE FROM sign_in_failures WHERE window_start < $1",
        failures
    )
    .execute(&api.pool)
    .await?;
    let tokens = now - REFRESH_TOKENS_KEPT;
    sqlx::query!("DELETE FROM refresh_tokens WHERE expires_at < $1", tokens)
        .execute(&api.pool)
        .await?;
    Ok(())
}
