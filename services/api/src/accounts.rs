//! Making accounts and users, whoever asks for it.

use sqlx::PgConnection;
use stoa_contracts::{
    identity::Role,
    users::{Account, User},
};
use stoa_postgres::{DatabaseError, traced};
use time::OffsetDateTime;
use uuid::Uuid;

/// A user that is not stored yet.
pub(crate) struct NewUser<'a> {
    pub(crate) account: Uuid,
    pub(crate) email: &'a str,
    pub(crate) password_hash: &'a str,
    pub(crate) role: Role,
}

/// The address as it is stored and looked for: one address is one user.
pub(crate) fn normal(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Stores an account.
pub(crate) async fn insert_account(
    transaction: &mut PgConnection,
    id: Uuid,
    name: &str,
    now: OffsetDateTime,
) -> Result<Account, DatabaseError> {
    let insert = sqlx::query_as!(
        Account,
        "INSERT INTO accounts (id, name, created_at) VALUES ($1, $2, $3) RETURNING id, name, created_at",
        id,
        name,
        now,
    );
    traced("account.insert", insert.fetch_one(transaction)).await
}

/// Stores a user of an account.
pub(crate) async fn insert_user(
    transaction: &mut PgConnection,
    new: NewUser<'_>,
    now: OffsetDateTime,
) -> Result<User, DatabaseError> {
    let user = User {
        id: Uuid::now_v7(),
        email: normal(new.email),
        role: new.role,
        created_at: now,
    };
    let insert = sqlx::query!(
        "INSERT INTO users (id, account_id, email, password_hash, role, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        user.id,
        new.account,
        user.email,
        new.password_hash,
        user.role.as_str(),
        now,
    );
    traced("user.insert", insert.execute(transaction)).await?;
    Ok(user)
}
