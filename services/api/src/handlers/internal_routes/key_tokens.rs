//! The gateway exchanges an API key for an access token.

use axum::extract::State;
use stoa_contracts::{
    ErrorCode,
    sessions::{CreateKeyToken, KeyToken},
};
use stoa_postgres::traced;
use stoa_service::{Json, Problem, Trusted};

use crate::{
    secrets,
    state::Api,
    stored,
    tokens::{Bearer, KEY_TTL},
};

/// Signs a short access token for an API key that is not revoked.
pub(super) async fn create_key_token(
    State(api): State<Api>,
    Trusted(input): Trusted<CreateKeyToken>,
) -> Result<Json<KeyToken>, Problem> {
    let select = sqlx::query!(
        "SELECT id, account_id, role, assistant_id FROM api_keys
         WHERE key_hash = $1 AND revoked_at IS NULL",
        secrets::digest(&input.key),
    );
    let found = traced("api_key.by_hash", select.fetch_optional(&api.pool)).await?;
    let Some(key) = found else {
        let detail = "The API key is wrong or revoked.";
        return Err(Problem::new(ErrorCode::Unauthenticated, detail));
    };
    let bearer = Bearer {
        subject: key.id,
        account: key.account_id,
        role: stored::role(&key.role),
        assistant: key.assistant_id,
    };
    Ok(Json(KeyToken {
        access_token: api.tokens.access(bearer, api.clock.now(), KEY_TTL)?,
        expires_in: KEY_TTL.whole_seconds().unsigned_abs(),
    }))
}
