//! A brake on guessing passwords: so many attempts per e-mail address and network address.
//!
//! It lives in the database, so that it holds across replicas and restarts.

use http::HeaderMap;
use sqlx::PgPool;
use stoa_contracts::ErrorCode;
use stoa_postgres::{DatabaseError, traced};
use stoa_service::Problem;
use time::{Duration, OffsetDateTime};

use crate::secrets;

/// Attempts in a window; a person who forgot a password needs fewer.
const ATTEMPTS: i32 = 20;
/// The window: 240 guesses an hour find no password worth its name.
pub(crate) const WINDOW: Duration = Duration::minutes(5);

/// Who is trying to sign in as whom.
pub(crate) struct Attempt(Vec<u8>);

impl Attempt {
    pub(crate) fn new(email: &str, headers: &HeaderMap) -> Self {
        Self(secrets::digest_of(&[
            email.as_bytes(),
            client_address(headers).as_bytes(),
        ]))
    }

    /// Counts the attempt, before its work is done; refuses it if there were too many.
    pub(crate) async fn begin(&self, pool: &PgPool, now: OffsetDateTime) -> Result<(), Problem> {
        let count = sqlx::query!(
            "INSERT INTO sign_in_failures AS f (who, failures, window_start) VALUES ($1, 1, $2)
             ON CONFLICT (who) DO UPDATE SET
                 failures = CASE WHEN f.window_start > $3 THEN f.failures + 1 ELSE 1 END,
                 window_start = CASE WHEN f.window_start > $3 THEN f.window_start ELSE $2 END
             RETURNING failures, window_start",
            self.0,
            now,
            now - WINDOW,
        );
        let row = traced("sign_in_failure.count", count.fetch_one(pool)).await?;
        if row.failures <= ATTEMPTS {
            return Ok(());
        }
        let wait = (row.window_start + WINDOW - now).max(Duration::SECOND);
        let detail = "Too many attempts to sign in; wait a little.";
        Err(Problem::new(ErrorCode::RateLimited, detail).retry_after(wait.unsigned_abs()))
    }

    /// Forgets the attempts: this one was right.
    pub(crate) async fn succeeded(&self, pool: &PgPool) -> Result<(), DatabaseError> {
        let forget = sqlx::query!("DELETE FROM sign_in_failures WHERE who = $1", self.0);
        traced("sign_in_failure.forget", forget.execute(pool)).await?;
        Ok(())
    }
}

/// The address that the gateway saw: it writes the last entry and drops what clients invent.
fn client_address(headers: &HeaderMap) -> &str {
    let forwarded = headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok());
    forwarded
        .and_then(|value| value.rsplit(',').next())
        .unwrap_or_default()
        .trim()
}
