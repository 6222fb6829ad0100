//! API keys: how machine clients sign in.

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use stoa_contracts::{
    ErrorCode, Page,
    identity::{API_KEY_PREFIX, Role, Scope},
    sessions::{ApiKey, CreateApiKey, CreatedApiKey},
};
use stoa_idempotency::OnlyOnce;
use stoa_postgres::{Cursor, DatabaseError, begin, into_page, traced};
use stoa_service::{Identity, Json, Paging, Path, Problem, Query, responses};
use time::{OffsetDateTime, UtcOffset};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::assistants;
use crate::{revocations, secrets, state::Api, stored};

/// Random characters of a key: 190 bits.
const SECRET_LENGTH: usize = 32;
/// Characters of a key that a list shows.
const SHOWN: usize = 10;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_api_keys, create_api_key))
        .routes(routes!(delete_api_key))
}

/// Lists the API keys of the account, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/api-keys",
    tag = "api keys",
    params(Paging),
    responses((status = 200, description = "A page of keys", body = Page<ApiKey>), responses::Read)
)]
async fn list_api_keys(
    State(api): State<Api>,
    identity: Identity,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ApiKey>>, Problem> {
    require(&identity)?;
    let cursor = Cursor::<(OffsetDateTime, Uuid)>::decode(paging.cursor.as_deref())?;
    let (before, before_id) = cursor.map(|cursor| cursor.0).unzip();
    let select = sqlx::query!(
        "SELECT id, name, prefix, role, assistant_id, scopes, created_at, expires_at, last_used_at
         FROM api_keys
         WHERE account_id = $1 AND revoked_at IS NULL
             AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
         ORDER BY created_at DESC, id DESC LIMIT $4",
        identity.account,
        before,
        before_id,
        paging.one_more(),
    );
    let rows = traced("api_key.list", select.fetch_all(&api.pool)).await?;
    let keys = rows.into_iter().map(|row| ApiKey {
        id: row.id,
        name: row.name,
        prefix: row.prefix,
        role: stored::role(&row.role),
        assistant_id: row.assistant_id,
        scopes: stored::scopes(&row.scopes),
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
    });
    Ok(Json(into_page(
        keys.collect(),
        paging.limit.into(),
        |key| (key.created_at, key.id),
    )))
}

/// Creates an API key. Its secret is in this answer and nowhere else.
///
/// A key makes no key that is for more than itself, or good for longer.
#[utoipa::path(
    post,
    path = "/api/v1/api-keys",
    tag = "api keys",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key twice creates one API key; the second answer is a 409, for a secret is shown once", min_length = 1, max_length = 255)),
    request_body = CreateApiKey,
    responses((status = 201, description = "The key with its secret", body = CreatedApiKey), responses::Write)
)]
async fn create_api_key(
    State(api): State<Api>,
    identity: Identity,
    Json(input): Json<CreateApiKey>,
) -> Result<Response, Problem> {
    require(&identity)?;
    require_scopes(&identity, input.scopes.as_deref())?;
    let now = api.clock.now();
    let expires_at = input.expires_at.map(|end| future(end, now)).transpose()?;
    require_end(&api, &identity, expires_at).await?;
    let mut transaction = begin(&api.pool).await?;
    if let Some(assistant) = input.assistant_id
        && !assistants::hold(&mut transaction, identity.account, assistant).await?
    {
        return Err(Problem::at("/assistant_id", "there is no such assistant"));
    }
    let key = format!("{API_KEY_PREFIX}{}", secrets::random_base62(SECRET_LENGTH));
    let api_key = ApiKey {
        id: Uuid::now_v7(),
        name: input.name,
        prefix: key[..SHOWN].to_owned(),
        role: input.role,
        assistant_id: input.assistant_id,
        scopes: sorted(input.scopes.as_deref()),
        created_at: now,
        expires_at,
        last_used_at: None,
    };
    let scopes: Vec<_> = api_key
        .scopes
        .iter()
        .map(|scope| scope.as_str().to_owned())
        .collect();
    let insert = sqlx::query!(
        "INSERT INTO api_keys
             (id, account_id, name, prefix, key_hash, role, assistant_id, created_at, scopes, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        api_key.id,
        identity.account,
        api_key.name,
        api_key.prefix,
        secrets::digest(&key),
        api_key.role.as_str(),
        api_key.assistant_id,
        api_key.created_at,
        &scopes,
        api_key.expires_at,
    );
    traced("api_key.insert", insert.execute(&mut *transaction)).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    let created = Json(CreatedApiKey { api_key, key });
    Ok((StatusCode::CREATED, Extension(OnlyOnce), created).into_response())
}

/// Revokes an API key; it is refused everywhere.
///
/// Every gateway is told when this answers, so a request some milliseconds after it may still pass. One that cannot be told,
/// because the network fails it, refuses the key within 30 seconds.
#[utoipa::path(
    delete,
    path = "/api/v1/api-keys/{id}",
    tag = "api keys",
    params(("id" = Uuid, Path, description = "The key")),
    responses((status = 204, description = "The key is revoked"), responses::Read)
)]
async fn delete_api_key(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    require(&identity)?;
    let now = api.clock.now();
    let mut transaction = begin(&api.pool).await?;
    let update = sqlx::query!(
        "UPDATE api_keys SET revoked_at = $3
         WHERE id = $1 AND account_id = $2 AND revoked_at IS NULL",
        id,
        identity.account,
        now,
    );
    let revoked = traced("api_key.revoke", update.execute(&mut *transaction)).await?;
    if revoked.rows_affected() == 0 {
        return Err(Problem::not_found("API key"));
    }
    revocations::tell(&mut transaction, &[id], now).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A key that is good for one assistant neither sees those of the others nor makes one that is good for more.
fn require(identity: &Identity) -> Result<(), Problem> {
    identity.require(Role::Owner)?;
    identity.require_whole_account()
}

/// Refuses a key that is for more than the one that makes it.
fn require_scopes(identity: &Identity, wanted: Option<&[Scope]>) -> Result<(), Problem> {
    let mut wanted = sorted(wanted).into_iter();
    let Some(more) = wanted.find(|scope| !identity.has_scope(*scope)) else {
        return Ok(());
    };
    let detail = format!(
        "This key is not for `{}` itself, so it makes no key that is.",
        more.as_str()
    );
    Err(Problem::new(ErrorCode::Forbidden, detail))
}

/// The same time in UTC, as it is stored; refuses what is past, or beyond the last year there.
fn future(end: OffsetDateTime, now: OffsetDateTime) -> Result<OffsetDateTime, Problem> {
    let refused = |message| Problem::at("/expires_at", message);
    if end <= now {
        return Err(refused("this is not in the future"));
    }
    end.checked_to_offset(UtcOffset::UTC)
        .ok_or_else(|| refused("this is after the year 9999 in UTC"))
}

/// Refuses a key that is good for longer than the one that makes it.
async fn require_end(
    api: &Api,
    identity: &Identity,
    wanted: Option<OffsetDateTime>,
) -> Result<(), Problem> {
    let Some(own) = end_of(api, identity).await? else {
        return Ok(());
    };
    if wanted.is_some_and(|end| end <= own) {
        return Ok(());
    }
    let detail = "This key expires, so it makes no key that is good for longer.";
    Err(Problem::new(ErrorCode::Forbidden, detail))
}

/// When the key that is asking expires; none if it does not, or a user is asking.
pub(super) async fn end_of(
    api: &Api,
    identity: &Identity,
) -> Result<Option<OffsetDateTime>, DatabaseError> {
    let select = sqlx::query_scalar!(
        "SELECT expires_at FROM api_keys WHERE id = $1 AND account_id = $2",
        identity.subject,
        identity.account,
    );
    let end = traced("api_key.expiry", select.fetch_optional(&api.pool)).await?;
    Ok(end.flatten())
}

/// Every scope once, in their order; all, if none are named.
fn sorted(scopes: Option<&[Scope]>) -> Vec<Scope> {
    let named = |scope: &Scope| scopes.is_none_or(|scopes| scopes.contains(scope));
    Scope::ALL.into_iter().filter(named).collect()
}
