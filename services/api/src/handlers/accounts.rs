//! Accounts, which an operator makes.

use axum::extract::State;
use http::StatusCode;
use stoa_contracts::{
    Page,
    identity::Role,
    users::{Account, CreateAccount},
};
use stoa_postgres::{Cursor, DatabaseError, begin, into_page, traced};
use stoa_service::{Identity, Json, Paging, Problem, Query, responses};
use time::OffsetDateTime;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::users;
use crate::{
    accounts::{NewUser, insert_account, insert_user},
    state::Api,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_accounts, create_account))
}

/// Lists the accounts of the installation, newest first. Takes an operator.
#[utoipa::path(
    get,
    path = "/api/v1/accounts",
    tag = "users",
    params(Paging),
    responses((status = 200, description = "A page of accounts", body = Page<Account>), responses::Read)
)]
async fn list_accounts(
    State(api): State<Api>,
    identity: Identity,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Account>>, Problem> {
    api.operators.require(&identity)?;
    let cursor = Cursor::<(OffsetDateTime, Uuid)>::decode(paging.cursor.as_deref())?;
    let (before, before_id) = cursor.map(|cursor| cursor.0).unzip();
    let select = sqlx::query_as!(
        Account,
        "SELECT id, name, created_at FROM accounts
         WHERE $1::timestamptz IS NULL OR (created_at, id) < ($1, $2::uuid)
         ORDER BY created_at DESC, id DESC LIMIT $3",
        before,
        before_id,
        paging.one_more(),
    );
    let items = traced("account.list", select.fetch_all(&api.pool)).await?;
    Ok(Json(into_page(items, paging.limit.into(), |item| {
        (item.created_at, item.id)
    })))
}

/// Creates an account with its first owner. Takes an operator.
///
/// The owner signs in with the password and makes the other users; nobody else sees what is in the account, operators
/// neither.
#[utoipa::path(
    post,
    path = "/api/v1/accounts",
    tag = "users",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key twice creates one account", min_length = 1, max_length = 255)),
    request_body = CreateAccount,
    responses((status = 201, description = "The new account", body = Account), responses::Write)
)]
async fn create_account(
    State(api): State<Api>,
    identity: Identity,
    Json(input): Json<CreateAccount>,
) -> Result<(StatusCode, Json<Account>), Problem> {
    api.operators.require(&identity)?;
    users::require(&identity)?;
    users::require_lasting(&api, &identity).await?;
    let hash = api.passwords.hash(input.password.into()).await?;
    let now = api.clock.now();
    let mut transaction = begin(&api.pool).await?;
    let account = insert_account(&mut transaction, Uuid::now_v7(), &input.name, now).await?;
    let owner = NewUser {
        account: account.id,
        email: &input.email,
        password_hash: &hash,
        role: Role::Owner,
    };
    let inserted = insert_user(&mut transaction, owner, now).await;
    inserted.map_err(users::taken)?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    tracing::info!(account = %account.id, "an operator created an account");
    Ok((StatusCode::CREATED, Json(account)))
}
