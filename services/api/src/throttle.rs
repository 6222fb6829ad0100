//! A brake on guessing passwords. Attempts are counted in the database, so that it holds across replicas and restarts:
//!
//! - of an e-mail address from a network address, against guessing one password;
//! - from a network address, against trying one password with many e-mail addresses;
//! - of an e-mail address from anywhere, against guessing from many network addresses. It does not
//!   hold where the user has been signed in lately, so that nobody can keep them out by guessing;
//! - of a user who has the password, against keeping the hasher busy with it. Nobody else can use that up.

use std::net::IpAddr;

use http::HeaderMap;
use sqlx::PgPool;
use stoa_contracts::ErrorCode;
use stoa_postgres::{DatabaseError, traced};
use stoa_service::Problem;
use time::{Duration, OffsetDateTime};

use crate::secrets;

/// So many attempts in so much time.
struct Limit {
    attempts: i32,
    window: Duration,
}

impl Limit {
    /// What is said to who comes too often.
    fn refusal(&self, window_start: OffsetDateTime, now: OffsetDateTime) -> Problem {
        let wait = (window_start + self.window - now).max(Duration::SECOND);
        let detail = "Too many attempts to sign in; wait a little.";
        Problem::new(ErrorCode::RateLimited, detail).retry_after(wait.unsigned_abs())
    }
}

/// A person who forgot a password needs fewer; 240 guesses an hour find no password worth its name.
const PAIR: Limit = Limit {
    attempts: 20,
    window: Duration::minutes(5),
};
/// A whole office may sign in on Monday morning.
const ADDRESS: Limit = Limit {
    attempts: 100,
    window: Duration::minutes(5),
};
/// More than one network address can use up by itself, which has 60 in that time; 9,600 guesses a day.
const ACCOUNT: Limit = Limit {
    attempts: 100,
    window: Duration::minutes(15),
};
/// With right passwords: one a second, which is 3 % of a core. More than every script of a person needs.
const RIGHT: Limit = Limit {
    attempts: 300,
    window: Duration::minutes(5),
};
/// After this no count matters any more.
pub(crate) const LONGEST_WINDOW: Duration = ACCOUNT.window;

/// Who is trying to sign in as whom.
pub(crate) struct Attempt<'a> {
    email: &'a str,
    address: &'a str,
    pair: Vec<u8>,
    network: Vec<u8>,
    account: Vec<u8>,
    right: Vec<u8>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(email: &'a str, headers: &'a HeaderMap) -> Self {
        let address = client_address(headers).unwrap_or_default();
        let network = network(address);
        Self {
            email,
            address,
            pair: secrets::digest_of(&[email.as_bytes(), network.as_bytes()]),
            network: secrets::digest_of(&[b"address", network.as_bytes(), b""]),
            account: secrets::digest_of(&[b"account", email.as_bytes(), b""]),
            right: secrets::digest_of(&[b"right", email.as_bytes(), b""]),
        }
    }

    /// Counts the attempt, before its work is done; refuses it if there were too many.
    pub(crate) async fn begin(&self, pool: &PgPool, now: OffsetDateTime) -> Result<(), Problem> {
        check(pool, &self.right, &RIGHT, now).await?;
        count(pool, &self.pair, &PAIR, now).await?;
        count(pool, &self.network, &ADDRESS, now).await?;
        if self.is_known(pool).await? {
            return Ok(());
        }
        count(pool, &self.account, &ACCOUNT, now).await
    }

    /// Forgets the attempt: this one was right, and counts as that. What others have tried meanwhile still counts.
    pub(crate) async fn succeeded(
        &self,
        pool: &PgPool,
        now: OffsetDateTime,
    ) -> Result<(), Problem> {
        let forget = sqlx::query!("DELETE FROM sign_in_failures WHERE who = $1", self.pair);
        traced("sign_in_failure.forget", forget.execute(pool)).await?;
        let forgive = sqlx::query!(
            "UPDATE sign_in_failures SET failures = greatest(failures - 1, 0) WHERE who = ANY($1)",
            &[self.network.clone(), self.account.clone()],
        );
        traced("sign_in_failure.forgive", forgive.execute(pool)).await?;
        count(pool, &self.right, &RIGHT, now).await
    }

    /// Whether the user has begun or renewed a session from this network in the last weeks.
    async fn is_known(&self, pool: &PgPool) -> Result<bool, DatabaseError> {
        let select = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM sessions JOIN users ON users.id = sessions.user_id
                   WHERE users.email = $1
                       AND ($2 IN (sessions.first_network, sessions.network) OR sessions.address = $3)) AS "known!""#,
            self.email,
            network(self.address),
            self.address,
        );
        traced("session.is_known", select.fetch_one(pool)).await
    }
}

/// Counts a sign-in that begins here and is done at a provider, which has a brake of its own.
pub(crate) async fn begin_elsewhere(
    pool: &PgPool,
    headers: &HeaderMap,
    now: OffsetDateTime,
) -> Result<(), Problem> {
    let network = network(client_address(headers).unwrap_or_default());
    let who = secrets::digest_of(&[b"provider", network.as_bytes(), b""]);
    count(pool, &who, &ADDRESS, now).await
}

async fn count(
    pool: &PgPool,
    who: &[u8],
    limit: &Limit,
    now: OffsetDateTime,
) -> Result<(), Problem> {
    let count = sqlx::query!(
        "INSERT INTO sign_in_failures AS f (who, failures, window_start) VALUES ($1, 1, $2)
         ON CONFLICT (who) DO UPDATE SET
             failures = CASE WHEN f.window_start > $3 THEN f.failures + 1 ELSE 1 END,
             window_start = CASE WHEN f.window_start > $3 THEN f.window_start ELSE $2 END
         RETURNING failures, window_start",
        who,
        now,
        now - limit.window,
    );
    let row = traced("sign_in_failure.count", count.fetch_one(pool)).await?;
    if row.failures <= limit.attempts {
        return Ok(());
    }
    Err(limit.refusal(row.window_start, now))
}

/// Refuses what has been counted too often already.
async fn check(
    pool: &PgPool,
    who: &[u8],
    limit: &Limit,
    now: OffsetDateTime,
) -> Result<(), Problem> {
    let select = sqlx::query_scalar!(
        "SELECT window_start FROM sign_in_failures
         WHERE who = $1 AND failures >= $2 AND window_start > $3",
        who,
        limit.attempts,
        now - limit.window,
    );
    let full = traced("sign_in_failure.get", select.fetch_optional(pool)).await?;
    full.map_or(Ok(()), |since| Err(limit.refusal(since, now)))
}

/// The address that the gateway saw: it writes the last entry and drops what clients invent.
pub(crate) fn client_address(headers: &HeaderMap) -> Option<&str> {
    let forwarded = headers.get("x-forwarded-for")?.to_str().ok()?;
    let last = forwarded.rsplit(',').next()?.trim();
    (!last.is_empty()).then_some(last)
}

/// What counts as one address: of IPv6 the first 64 bits, for whoever has one has them all.
pub(crate) fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => address.segments()[..4]
            .iter()
            .fold(String::new(), |text, part| format!("{text}{part:x}:")),
        _ => address.to_owned(),
    }
}
