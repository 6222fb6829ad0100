//! The gateway exchanges an API key for an access token.

use axum::extract::State;
use stoa_contracts::{
    ErrorCode,
    identity::Scope,
    sessions::{CreateKeyToken, KeyToken},
};
use stoa_postgres::traced;
use stoa_service::{Json, Problem, Trusted};
use time::Duration;

use crate::{
    secrets,
    state::Api,
    stored,
    tokens::{Bearer, KEY_TTL},
};

/// How exact the time of the last use is: a key is not written to more often.
const USE_NOTED: Duration = Duration::minutes(1);

/// Signs a short access token for an API key that is neither revoked nor expired.
pub(super) async fn create_key_token(
    State(api): State<Api>,
    Trusted(input): Trusted<CreateKeyToken>,
) -> Result<Json<KeyToken>, Problem> {
    let now = api.clock.now();
    let select = sqlx::query!(
        "SELECT id, account_id, role, assistant_id, scopes, expires_at, last_used_at FROM api_keys
         WHERE key_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
        secrets::digest(&input.key),
        now,
    );
    let found = traced("api_key.by_hash", select.fetch_optional(&api.pool)).await?;
    let Some(key) = found else {
        let detail = "The API key is wrong, expired or revoked.";
        return Err(Problem::new(ErrorCode::Unauthenticated, detail));
    };
    if key.last_used_at.is_none_or(|last| last + USE_NOTED <= now) {
        let note = sqlx::query!(
            "UPDATE api_keys SET last_used_at = $2 WHERE id = $1",
            key.id,
            now
        );
        traced("api_key.note_use", note.execute(&api.pool)).await?;
    }
    let ttl = key.expires_at.map_or(KEY_TTL, |end| KEY_TTL.min(end - now));
    let scopes = stored::scopes(&key.scopes);
    let bearer = Bearer {
        subject: key.id,
        account: key.account_id,
        role: stored::role(&key.role),
        assistant: key.assistant_id,
        scopes: (scopes != Scope::ALL).then_some(scopes),
        sid: key.id,
    };
    Ok(Json(KeyToken {
        access_token: api.tokens.access(bearer, now, ttl)?,
        expires_in: ttl.whole_seconds().unsigned_abs(),
    }))
}
