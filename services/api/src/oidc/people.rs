//! Which user a person at the provider is.

use sqlx::{PgConnection, PgPool};
use stoa_postgres::{DatabaseError, begin, traced};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{OidcError, OidcSettings, id_token::Person, settings::NEW_USER_ROLE};
use crate::passwords::NOBODY;

/// The user whose identity this is; else, where the settings allow it, the one with the same
/// verified address; else a new one.
pub(super) async fn user_of(
    pool: &PgPool,
    settings: &OidcSettings,
    person: &Person,
    now: OffsetDateTime,
) -> Result<Uuid, OidcError> {
    let email = person.verified_email()?;
    let select = sqlx::query_scalar!(
        "SELECT user_id FROM user_identities WHERE issuer = $1 AND subject = $2",
        settings.issuer,
        person.sub,
    );
    if let Some(user) = traced("user.by_identity", select.fetch_optional(pool)).await? {
        return Ok(user);
    }
    let mut transaction = begin(pool).await?;
    let found = by_email(&mut transaction, &email).await?;
    let user = match (found, settings.account) {
        (Some(user), _) if settings.link_by_email => user,
        (None, Some(account)) => create(&mut transaction, account, &email).await?,
        // A user of this address who is not to be linked, or nowhere to make one.
        _ => return Err(OidcError::Stranger),
    };
    let insert = sqlx::query!(
        "INSERT INTO user_identities (issuer, subject, user_id, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (issuer, subject) DO NOTHING",
        settings.issuer,
        person.sub,
        user,
        now,
    );
    traced("user_identity.insert", insert.execute(&mut *transaction)).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    tracing::info!(%user, "a user signs in through the provider for the first time");
    Ok(user)
}

async fn by_email(
    transaction: &mut PgConnection,
    email: &str,
) -> Result<Option<Uuid>, DatabaseError> {
    let select = sqlx::query_scalar!("SELECT id FROM users WHERE email = $1", email);
    traced("user.by_email", select.fetch_optional(transaction)).await
}

async fn create(
    transaction: &mut PgConnection,
    account: Uuid,
    email: &str,
) -> Result<Uuid, DatabaseError> {
    let insert = sqlx::query_scalar!(
        "INSERT INTO users (id, account_id, email, password_hash, role) VALUES ($1, $2, $3, $4, $5)
         RETURNING id",
        Uuid::now_v7(),
        account,
        email,
        // No password is theirs.
        NOBODY,
        NEW_USER_ROLE.as_str(),
    );
    traced("user.insert", insert.fetch_one(transaction)).await
}
