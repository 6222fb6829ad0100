//! What has had its time within minutes is removed, and gateways are told of keys that have expired. What may wait for an hour
//! is removed when `worker` calls (`handlers::internal_routes::upkeep`).

use std::time::Duration;

use stoa_postgres::DatabaseError;
use stoa_service::BoxError;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{oidc, revocations, state::Api, throttle};

/// How often.
const EVERY: Duration = Duration::from_secs(15);

/// Runs until the token is cancelled; a failure is for the next time.
pub(crate) async fn run(api: Api, token: CancellationToken) -> Result<(), BoxError> {
    loop {
        if let Err(error) = keep_up(&api, api.clock.now()).await {
            tracing::warn!(%error, "the upkeep of the database failed");
        }
        tokio::select! {
            () = token.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn keep_up(api: &Api, now: OffsetDateTime) -> Result<(), DatabaseError> {
    tell_expired_keys(api, now).await?;
    remove_expired(api, now).await
}

/// Whatever was opened with a key ends with it, like that of one that is revoked.
async fn tell_expired_keys(api: &Api, now: OffsetDateTime) -> Result<(), DatabaseError> {
    let expired = sqlx::query_scalar!(
        "SELECT id FROM api_keys WHERE revoked_at IS NULL AND expires_at BETWEEN $1 AND $2
             AND NOT EXISTS (SELECT FROM revocations WHERE subject = api_keys.id)",
        now - revocations::KEPT,
        now,
    );
    let expired = expired.fetch_all(&api.pool).await?;
    if expired.is_empty() {
        return Ok(());
    }
    let mut transaction = api.pool.begin().await?;
    revocations::tell(&mut transaction, &expired, now).await?;
    transaction.commit().await?;
    Ok(())
}

async fn remove_expired(api: &Api, now: OffsetDateTime) -> Result<(), DatabaseError> {
    api.keys.forget_old().await?;
    let failures = now - throttle::LONGEST_WINDOW;
    sqlx::query!(
        "DELETE FROM sign_in_failures WHERE window_start < $1",
        failures
    )
    .execute(&api.pool)
    .await?;
    let told = now - revocations::KEPT;
    sqlx::query!("DELETE FROM revocations WHERE revoked_at < $1", told)
        .execute(&api.pool)
        .await?;
    let begun = now - oidc::KEPT;
    sqlx::query!(
        "DELETE FROM oidc_authorizations WHERE created_at < $1",
        begun
    )
    .execute(&api.pool)
    .await?;
    Ok(())
}
