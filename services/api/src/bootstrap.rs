//! The first account of an installation.

use sqlx::PgPool;
use stoa_contracts::identity::Role;
use uuid::Uuid;

use crate::{passwords::Passwords, settings::Owner};

/// What the first account is called.
const ACCOUNT_NAME: &str = "Stoa";

/// Creates an account with this owner if there is no user at all; otherwise changes nothing.
pub async fn create_owner(pool: &PgPool, owner: Owner) -> anyhow::Result<()> {
    let hash = Passwords::new().hash(owner.password).await?;
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
    let user = Uuid::now_v7();
    sqlx::query!(
        "INSERT INTO accounts (id, name) VALUES ($1, $2)",
        account,
        ACCOUNT_NAME
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "INSERT INTO users (id, account_id, email, password_hash, role)
         VALUES ($1, $2, $3, $4, $5)",
        user,
        account,
        owner.email.trim().to_lowercase(),
        hash,
        Role::Owner.as_str(),
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    tracing::info!(%account, "created the first account and its owner");
    Ok(())
}
