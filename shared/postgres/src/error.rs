//! What a failing query means to whoever asked.

use stoa_contracts::{Coded, ErrorCode};

/// A query that failed; its code says whether the client can do something about it.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.meaning())]
pub struct DatabaseError(#[from] sqlx::Error);

impl DatabaseError {
    /// Whether a unique constraint was violated; `None` asks for any, a name for that one.
    pub fn violates_unique(&self, constraint: Option<&str>) -> bool {
        let Some(error) = self.0.as_database_error() else {
            return false;
        };
        error.is_unique_violation()
            && constraint.is_none_or(|name| error.constraint() == Some(name))
    }

    /// The error of the driver.
    pub fn driver(&self) -> &sqlx::Error {
        &self.0
    }

    fn has_state(&self, state: &str) -> bool {
        let error = self.0.as_database_error();
        error.is_some_and(|error| error.code().as_deref() == Some(state))
    }

    fn meaning(&self) -> &'static str {
        match self.code() {
            ErrorCode::NotFound => "There is no such thing.",
            ErrorCode::Conflict => "This contradicts what is stored already.",
            ErrorCode::Invalid if self.has_state("22008") => "A time is too early or too late.",
            ErrorCode::Invalid => "A text holds a NUL character.",
            ErrorCode::Unavailable => {
                "the database is away or too slow, or another transaction was in the way"
            }
            _ => "a database query failed",
        }
    }
}

impl Coded for DatabaseError {
    fn code(&self) -> ErrorCode {
        Self::meaning_of(&self.0)
    }
}

impl DatabaseError {
    /// What an error of the driver means.
    pub(crate) fn meaning_of(error: &sqlx::Error) -> ErrorCode {
        match error {
            sqlx::Error::RowNotFound => ErrorCode::NotFound,
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                ErrorCode::Unavailable
            }
            sqlx::Error::Database(error) if error.is_unique_violation() => ErrorCode::Conflict,
            // A NUL character, in a text or in JSON, or a time that PostgreSQL has no place for, as a made-up cursor may hold
            // it: valid in a request, impossible in a row.
            sqlx::Error::Database(error)
                if error
                    .code()
                    .is_some_and(|c| ["22021", "22P05", "22008"].contains(&c.as_ref())) =>
            {
                ErrorCode::Invalid
            }
            sqlx::Error::Database(error) if error.code().is_some_and(|code| is_away(&code)) => {
                ErrorCode::Unavailable
            }
            _ => ErrorCode::Internal,
        }
    }
}

/// The server refuses to work now: no connection (08), no such database yet (3D), rolled back because of another transaction,
/// as after a deadlock (40), out of something (53), cancelled or stopping (57).
fn is_away(code: &str) -> bool {
    ["08", "3D", "40", "53", "57"]
        .iter()
        .any(|class| code.starts_with(class))
}
