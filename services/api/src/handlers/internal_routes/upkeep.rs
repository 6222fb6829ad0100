//! What has had its time is removed when `worker` calls, by the clock; a part with each call.

use axum::extract::State;
use stoa_contracts::upkeep::Removed;
use stoa_postgres::traced;
use stoa_service::{Json, Problem};
use time::Duration;

use crate::state::Api;

/// Things of one sort that a call removes.
const AT_ONCE: i64 = 1000;
/// How long used and expired refresh tokens stay, so that a late thief is still noticed.
const REFRESH_TOKENS_KEPT: Duration = Duration::days(2);
/// Removes expired sessions and keys that were revoked long ago.
pub(super) async fn remove_expired(State(api): State<Api>) -> Result<Json<Removed>, Problem> {
    let now = api.clock.now();
    let tokens = sqlx::query!(
        "DELETE FROM refresh_tokens WHERE token_hash IN (
             SELECT token_hash FROM refresh_tokens WHERE expires_at < $1 LIMIT $2)",
        now - REFRESH_TOKENS_KEPT,
        AT_ONCE,
    );
    let tokens = traced("refresh_token.remove", tokens.execute(&api.pool)).await?;
    let keys = sqlx::query!(
        "DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys WHERE revoked_at < $1 LIMIT $2)",
        now - api.revoked_keys_kept,
        AT_ONCE,
    );
    let keys = traced("api_key.remove", keys.execute(&api.pool)).await?;
    let removed = [tokens, keys].map(|done| done.rows_affected());
    Ok(Json(Removed {
        removed: removed.iter().sum(),
        more: removed.contains(&AT_ONCE.unsigned_abs()),
    }))
}
