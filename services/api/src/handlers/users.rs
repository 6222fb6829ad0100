//! The users of an account, which its owners make.

use axum::extract::State;
use http::StatusCode;
use sqlx::PgConnection;
use stoa_contracts::{
    ErrorCode, FieldError, Page,
    identity::{Role, Scope},
    users::{CreateUser, UpdateUser, User},
};
use stoa_postgres::{Cursor, DatabaseError, begin, into_page, traced};
use stoa_service::{Identity, Json, Paging, Path, Problem, Query, responses};
use time::OffsetDateTime;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::api_keys;
use crate::{
    accounts::{NewUser, insert_user},
    sessions::{self, Which},
    state::Api,
    stored,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(update_user, delete_user))
}

/// Lists the users of the account, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "users",
    params(Paging),
    responses((status = 200, description = "A page of users", body = Page<User>), responses::Read)
)]
async fn list_users(
    State(api): State<Api>,
    identity: Identity,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<User>>, Problem> {
    require(&identity)?;
    let cursor = Cursor::<(OffsetDateTime, Uuid)>::decode(paging.cursor.as_deref())?;
    let (before, before_id) = cursor.map(|cursor| cursor.0).unzip();
    let select = sqlx::query!(
        "SELECT id, email, role, created_at FROM users
         WHERE account_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
         ORDER BY created_at DESC, id DESC LIMIT $4",
        identity.account,
        before,
        before_id,
        paging.one_more(),
    );
    let rows = traced("user.list", select.fetch_all(&api.pool)).await?;
    let users = rows.into_iter().map(|row| User {
        id: row.id,
        email: row.email,
        role: stored::role(&row.role),
        created_at: row.created_at,
    });
    Ok(Json(into_page(
        users.collect(),
        paging.limit.into(),
        |user| (user.created_at, user.id),
    )))
}

/// Creates a user of the account, who signs in with this password.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "users",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key twice creates one user", min_length = 1, max_length = 255)),
    request_body = CreateUser,
    responses((status = 201, description = "The new user", body = User), responses::Write)
)]
async fn create_user(
    State(api): State<Api>,
    identity: Identity,
    Json(input): Json<CreateUser>,
) -> Result<(StatusCode, Json<User>), Problem> {
    require(&identity)?;
    require_lasting(&api, &identity).await?;
    let hash = api.passwords.hash(input.password.into()).await?;
    let mut transaction = begin(&api.pool).await?;
    let new = NewUser {
        account: identity.account,
        email: &input.email,
        password_hash: &hash,
        role: input.role,
    };
    let inserted = insert_user(&mut transaction, new, api.clock.now()).await;
    let user = inserted.map_err(taken)?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// Changes what a user may do, or the password.
///
/// The user is signed out everywhere; an owner who changes the own password stays signed in here. The last owner stays
/// one.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{id}",
    tag = "users",
    params(("id" = Uuid, Path, description = "The user")),
    request_body = UpdateUser,
    responses((status = 200, description = "The user as it is now", body = User), responses::Write)
)]
async fn update_user(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Json(input): Json<UpdateUser>,
) -> Result<Json<User>, Problem> {
    require(&identity)?;
    require_lasting(&api, &identity).await?;
    let hash = match input.password {
        Some(password) => Some(api.passwords.hash(password.into()).await?),
        None => None,
    };
    let mut transaction = begin(&api.pool).await?;
    lock(&mut transaction, identity.account).await?;
    let update = sqlx::query!(
        "UPDATE users SET role = coalesce($3, role), password_hash = coalesce($4, password_hash)
         WHERE id = $1 AND account_id = $2 RETURNING email, role, created_at",
        id,
        identity.account,
        input.role.map(Role::as_str),
        hash,
    );
    let found = traced("user.update", update.fetch_optional(&mut *transaction)).await?;
    let row = found.ok_or_else(|| Problem::not_found("user"))?;
    require_owner(&mut transaction, identity.account).await?;
    if input.role.is_some() || hash.is_some() {
        let here = identity.session.filter(|_| identity.subject == id);
        let which = here.filter(|_| input.role.is_none());
        let which = which.map_or(Which::All, Which::AllBut);
        sessions::end(&mut transaction, id, which, api.clock.now()).await?;
    }
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(Json(User {
        id,
        email: row.email,
        role: stored::role(&row.role),
        created_at: row.created_at,
    }))
}

/// Removes a user, who is signed out everywhere. The last owner stays.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{id}",
    tag = "users",
    params(("id" = Uuid, Path, description = "The user")),
    responses((status = 204, description = "The user is gone"), responses::Write)
)]
async fn delete_user(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    require(&identity)?;
    let mut transaction = begin(&api.pool).await?;
    lock(&mut transaction, identity.account).await?;
    let select = sqlx::query_scalar!(
        "SELECT id FROM users WHERE id = $1 AND account_id = $2 FOR NO KEY UPDATE",
        id,
        identity.account,
    );
    // Held, so that nobody signs in as them any more; who renews a session meanwhile only refers to them.
    let found = traced("user.hold", select.fetch_optional(&mut *transaction)).await?;
    found.ok_or_else(|| Problem::not_found("user"))?;
    // Told before the rows are gone with their user.
    sessions::end(&mut transaction, id, Which::All, api.clock.now()).await?;
    let delete = sqlx::query!("DELETE FROM users WHERE id = $1", id);
    traced("user.delete", delete.execute(&mut *transaction)).await?;
    require_owner(&mut transaction, identity.account).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who may make users, who may do everything: an owner, and no key that is narrowed to something.
pub(super) fn require(identity: &Identity) -> Result<(), Problem> {
    identity.require(Role::Owner)?;
    identity.require_whole_account()?;
    if Scope::ALL
        .into_iter()
        .all(|scope| identity.has_scope(scope))
    {
        return Ok(());
    }
    let detail = "Users have every scope, so this takes a key with every scope.";
    Err(Problem::new(ErrorCode::Forbidden, detail))
}

/// Refuses a key that expires: who signs in with a password that it has set could do so for longer than it is good.
pub(super) async fn require_lasting(api: &Api, identity: &Identity) -> Result<(), Problem> {
    if api_keys::end_of(api, identity).await?.is_none() {
        return Ok(());
    }
    let detail =
        "This key expires, so it neither makes nor changes users, who can sign in for longer.";
    Err(Problem::new(ErrorCode::Forbidden, detail))
}

/// What to say of an address that somebody has.
pub(super) fn taken(error: DatabaseError) -> Problem {
    if !error.violates_unique(Some("users_email_unique")) {
        return error.into();
    }
    let place = FieldError {
        pointer: Some("/email".to_owned()),
        message: "the address is taken".to_owned(),
        ..FieldError::default()
    };
    let detail = "There is a user with this e-mail address already.";
    Problem::new(ErrorCode::Conflict, detail).with_errors(vec![place])
}

/// One change of the users of an account at a time: two owners may not remove each other.
async fn lock(transaction: &mut PgConnection, account: Uuid) -> Result<(), DatabaseError> {
    let lock = sqlx::query!("SELECT id FROM accounts WHERE id = $1 FOR UPDATE", account);
    traced("account.lock", lock.fetch_optional(transaction)).await?;
    Ok(())
}

/// Refuses, and so undoes, what leaves the account without an owner.
async fn require_owner(transaction: &mut PgConnection, account: Uuid) -> Result<(), Problem> {
    let select = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM users WHERE account_id = $1 AND role = 'owner') AS "is_owned!""#,
        account,
    );
    if traced("user.owner", select.fetch_one(transaction)).await? {
        return Ok(());
    }
    let detail = "An account has an owner: make another user one first.";
    Err(Problem::new(ErrorCode::Conflict, detail))
}
