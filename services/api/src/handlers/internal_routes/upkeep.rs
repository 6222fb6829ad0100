//! What has had its time is removed when `worker` calls, by the clock; a part with each call.

use axum::extract::State;
use stoa_contracts::upkeep::Removed;
use stoa_postgres::{DatabaseError, traced};
use stoa_service::{Json, Problem};
use time::{Duration, OffsetDateTime};

use super::super::transfers;
use crate::{sessions::REFRESH_TTL, state::Api};

/// Things of one sort that a call removes.
const AT_ONCE: i64 = 1000;
/// How long used and expired refresh tokens stay, so that a late thief is still noticed.
const REFRESH_TOKENS_KEPT: Duration = Duration::days(2);
/// How long the set of an evaluation stays after the end: its job may come once more.
const EVALUATION_DATA_KEPT: Duration = Duration::hours(1);
/// So long after its beginning, or its last one, nobody works on a delivery any more, whatever became of its job.
const DELIVERY_TIME: Duration = Duration::days(3);
/// How long it can be seen what a webhook was told, if that has ended; longer than a delivery may take.
const DELIVERIES_KEPT: Duration = Duration::days(30);
/// How long it is known which batches of the inbox were taken: longer than `worker` keeps a job that could run again.
const BATCHES_KEPT: Duration = Duration::days(40);

/// Removes expired sessions, keys that were revoked long ago, old deliveries of webhooks, utterances of the inbox that were
/// not said for long, the sets of evaluations that have ended, and what imports and exports have left.
pub(super) async fn remove_expired(State(api): State<Api>) -> Result<Json<Removed>, Problem> {
    let now = api.clock.now();
    let tokens = sqlx::query!(
        "DELETE FROM refresh_tokens WHERE token_hash IN (
             SELECT token_hash FROM refresh_tokens WHERE expires_at < $1 LIMIT $2)",
        now - REFRESH_TOKENS_KEPT,
        AT_ONCE,
    );
    let tokens = traced("refresh_token.remove", tokens.execute(&api.pool)).await?;
    let sessions = sqlx::query!(
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE last_used_at < $1 LIMIT $2)",
        now - REFRESH_TTL,
        AT_ONCE,
    );
    let sessions = traced("session.remove", sessions.execute(&api.pool)).await?;
    let keys = sqlx::query!(
        "DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys WHERE revoked_at < $1 LIMIT $2)",
        now - api.revoked_keys_kept,
        AT_ONCE,
    );
    let keys = traced("api_key.remove", keys.execute(&api.pool)).await?;
    let deliveries = remove_deliveries(&api, now).await?;
    let sets = sqlx::query!(
        "UPDATE evaluations SET data = NULL WHERE id IN (
             SELECT id FROM evaluations WHERE data IS NOT NULL AND finished_at < $1 LIMIT $2)",
        now - EVALUATION_DATA_KEPT,
        AT_ONCE,
    );
    let sets = traced("evaluation.forget_data", sets.execute(&api.pool)).await?;
    let utterances = sqlx::query!(
        "DELETE FROM inbox_items WHERE id IN (SELECT id FROM inbox_items WHERE last_at < $1 LIMIT $2)",
        now - api.inbox_kept,
        AT_ONCE,
    );
    let utterances = traced("inbox_item.remove", utterances.execute(&api.pool)).await?;
    let batches = sqlx::query!(
        "DELETE FROM inbox_batches WHERE id IN (SELECT id FROM inbox_batches WHERE taken_at < $1 LIMIT $2)",
        now - BATCHES_KEPT,
        AT_ONCE,
    );
    let batches = traced("inbox_batch.remove", batches.execute(&api.pool)).await?;
    let transfers = transfers::remove_expired(&api, now).await?;
    let removed = [tokens, sessions, keys, utterances, batches].map(|done| done.rows_affected());
    let has_more = |count: u64| count == AT_ONCE.unsigned_abs();
    Ok(Json(Removed {
        removed: transfers.removed + deliveries.removed + removed.iter().sum::<u64>(),
        more: transfers.more
            || deliveries.more
            || has_more(sets.rows_affected())
            || removed.into_iter().any(has_more),
    }))
}

/// Gives up the deliveries that nobody works on any more, and removes old ones that have ended: one that was reopened late
/// is still to be made.
async fn remove_deliveries(api: &Api, now: OffsetDateTime) -> Result<Removed, DatabaseError> {
    let lost = sqlx::query!(
        "UPDATE webhook_deliveries SET status = 'failed', finished_at = $1 WHERE id IN (
             SELECT id FROM webhook_deliveries
             WHERE status = 'pending' AND coalesce(reopened_at, created_at) < $2
             LIMIT $3 FOR UPDATE SKIP LOCKED)",
        now,
        now - DELIVERY_TIME,
        AT_ONCE,
    );
    let lost = traced("webhook_delivery.give_up", lost.execute(&api.pool)).await?;
    let old = sqlx::query!(
        "DELETE FROM webhook_deliveries WHERE id IN (
             SELECT id FROM webhook_deliveries WHERE created_at < $1 AND status <> 'pending'
             LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now - DELIVERIES_KEPT,
        AT_ONCE,
    );
    let old = traced("webhook_delivery.remove", old.execute(&api.pool)).await?;
    let counts = [lost, old].map(|done| done.rows_affected());
    Ok(Removed {
        removed: counts[1],
        more: counts.contains(&AT_ONCE.unsigned_abs()),
    })
}
