//! Migrations: applied by a job of the deploy, only checked by a server.

use std::time::Duration;

use sqlx::{PgPool, migrate::Migrator};

use stoa_contracts::{Coded, ErrorCode};

use crate::{DatabaseError, PostgresSettings, connect};

/// A migration may rewrite a table: far more than a query of a request may take.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(10);

/// Why migrations could not be applied or trusted.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A migration failed, or one that was applied has changed since.
    #[error("a migration cannot be applied")]
    Apply(#[from] sqlx::migrate::MigrateError),
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The server is newer than the schema.
    #[error("migration {0} is not applied: run the `migrate` subcommand first")]
    Pending(i64),
}

impl Coded for MigrateError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Database(error) => error.code(),
            // What of it is applied stays, and the rest is tried again: the database may be away for a moment.
            Self::Apply(
                sqlx::migrate::MigrateError::Execute(error)
                | sqlx::migrate::MigrateError::ExecuteMigration(error, _),
            ) => DatabaseError::meaning_of(error),
            Self::Apply(_) | Self::Pending(_) => ErrorCode::Internal,
        }
    }
}

/// Applies what is pending, under an advisory lock: many may call it at once.
pub async fn migrate(
    settings: &PostgresSettings,
    migrator: &Migrator,
) -> Result<PgPool, MigrateError> {
    let slow = PostgresSettings {
        statement_timeout: MIGRATION_TIMEOUT,
        ..settings.clone()
    };
    let pool = connect(&slow).await?;
    // The previous release, back after a rollback, finds migrations that it does not know.
    let mut migrator = Migrator::with_migrations(migrator.iter().cloned().collect());
    migrator.set_ignore_missing(true).run(&pool).await?;
    tracing::info!(
        migrations = migrator.iter().count(),
        "the schema is up to date"
    );
    Ok(pool)
}

/// Refuses a schema that lacks a migration of this binary. A newer schema is fine: migrations
/// only add, so that the previous release runs on it (this is what makes a rollback safe).
pub async fn refuse_pending(pool: &PgPool, migrator: &Migrator) -> Result<(), MigrateError> {
    let applied: Vec<i64> = match sqlx::query_scalar(
        "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version",
    )
    .fetch_all(pool)
    .await
    {
        Ok(applied) => applied,
        Err(error) if undefined_table(&error) => Vec::new(),
        Err(error) => return Err(DatabaseError::from(error).into()),
    };
    let mut ups = migrator
        .iter()
        .filter(|m| m.migration_type.is_up_migration());
    match ups.find(|migration| !applied.contains(&migration.version)) {
        Some(pending) => Err(MigrateError::Pending(pending.version)),
        None => Ok(()),
    }
}

fn undefined_table(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|e| e.code().as_deref() == Some("42P01"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_goes_away_while_it_is_migrated_may_come_back() {
        use sqlx::migrate::MigrateError as Apply;
        let reset = || sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        for passes in [Apply::Execute(reset()), Apply::ExecuteMigration(reset(), 1)] {
            assert_eq!(MigrateError::from(passes).code(), ErrorCode::Unavailable);
        }
        let changed = MigrateError::from(Apply::VersionMismatch(1));
        assert_eq!(changed.code(), ErrorCode::Internal);
    }
}
