//! The first account of an installation.

use sqlx::PgPool;
use stoa_contracts::identity::Role;
use stoa_postgres::DatabaseError;
use stoa_service::{Clock, StartError};
use uuid::Uuid;

use crate::{
    accounts::{NewUser, insert_account, insert_user},
    passwords::Passwords,
    settings::Owner,
};

/// What the first account is called.
const ACCOUNT_NAME: &str = "Stoa";

/// Creates an account with this owner if there is no user at all; otherwise changes nothing.
pub async fn create_owner(pool: &PgPool, owner: Owner) -> Result<(), StartError> {
    let hash = Passwords::new().hash(owner.password.clone()).await?;
    Ok(create(pool, &owner, &hash).await?)
}

async fn create(pool: &PgPool, owner: &Owner, hash: &str) -> Result<(), DatabaseError> {
    let mut transaction = pool.begin().await?;
    // Two jobs of a deploy may run at once; the lock is held for milliseconds.
    sqlx::query!("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
        .execute(&mut *transaction)
        .await?;
    let users = sqlx::query_scalar!(r#"SELECT count(*) AS "users!" FROM users"#);
    if users.fetch_one(&mut *transaction).await? > 0 {
        return Ok(());
    }
    let account = owner.account.unwrap_or_else(Uuid::now_v7);
    let now = Clock::system().now();
    insert_account(&mut transaction, account, ACCOUNT_NAME, now).await?;
    let user = NewUser {
        account,
        email: &owner.email,
        password_hash: hash,
        role: Role::Owner,
    };
    insert_user(&mut transaction, user, now).await?;
    transaction.commit().await?;
    tracing::info!(%account, "created the first account and its owner");
    Ok(())
}
