//! The pool of connections and its limits.

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use stoa_config::{Env, ExposeSecret as _, SecretString, Settings};

use crate::{DatabaseError, query};

/// More than a server is set up for; the pool allots room for all of them at once.
const LARGEST_POOL: u32 = 1000;

/// A time limit of a statement beyond weeks is none to PostgreSQL, and one of zero means that there is no limit.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

/// A transaction that nobody has gone on with for so long ends, and its connection with it: it holds locks, and keeps
/// `VACUUM` from what others have deleted, for who is gone or has lost sight of it. No request and no job has so much
/// else to do between two statements.
const IDLE_IN_TRANSACTION: &str = "1min";

/// Where the database is and how much of it one process may hold.
#[derive(Debug, Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`.
    pub url: SecretString,
    /// The most connections that the pool opens; the readiness check has one beside it.
    pub pool_size: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    /// How long the server works on one statement.
    pub statement_timeout: Duration,
}

impl PostgresSettings {
    /// The default limits, for tests and tools.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into().into(),
            pool_size: 10,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(5),
        }
    }
}

impl Settings for PostgresSettings {
    fn read(env: &mut Env) -> Option<Self> {
        let url = env
            .secret("DATABASE_URL", "postgres:// URL of the service's database")
            .required();
        let size = env.parse(
            "DATABASE_POOL_SIZE",
            "most connections that one process opens",
        );
        let pool_size = size.default("10").read();
        let acquire = env.duration("DATABASE_ACQUIRE_TIMEOUT", "longest wait for a connection");
        let acquire_timeout = acquire.default("3s").read();
        let statement = env.duration(
            "DATABASE_STATEMENT_TIMEOUT",
            "longest work on one statement",
        );
        let statement_timeout = statement.default("5s").read();
        refuse_url(env, url.as_ref());
        if pool_size.is_some_and(|size| !(1..=LARGEST_POOL).contains(&size)) {
            env.refuse("DATABASE_POOL_SIZE", "must be from 1 to 1000");
        }
        refuse_timeout(env, "DATABASE_ACQUIRE_TIMEOUT", acquire_timeout);
        refuse_timeout(env, "DATABASE_STATEMENT_TIMEOUT", statement_timeout);
        Some(Self {
            url: url?,
            pool_size: pool_size?,
            acquire_timeout: acquire_timeout?,
            statement_timeout: statement_timeout?,
        })
    }
}

/// Nothing of the URL is told: it holds a password.
fn refuse_url(env: &mut Env, url: Option<&SecretString>) {
    let is_postgres = |url: &str| {
        let mut schemes = ["postgres://", "postgresql://"].into_iter();
        schemes.any(|scheme| url.starts_with(scheme)) && url.parse::<PgConnectOptions>().is_ok()
    };
    if url.is_some_and(|url| !is_postgres(url.expose_secret())) {
        let form = "expected `postgres://user:password@host:port/database`, special characters percent-encoded";
        env.refuse("DATABASE_URL", form);
    }
}

fn refuse_timeout(env: &mut Env, key: &str, timeout: Option<Duration>) {
    if timeout.is_some_and(|timeout| timeout.is_zero() || timeout > LONGEST_TIMEOUT) {
        env.refuse(key, "must be from `1ms` to `1d`");
    }
}

/// Connects, and fails if the server does not answer for as long as a request waits for a connection.
pub async fn connect(settings: &PostgresSettings) -> Result<PgPool, DatabaseError> {
    query::describe();
    let statement_timeout = settings.statement_timeout.as_millis().to_string();
    let options: PgConnectOptions = settings.url.expose_secret().parse()?;
    let options = options.options([
        ("statement_timeout", statement_timeout.as_str()),
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
        // Compiling takes longer than any statement of a service runs.
        ("jit", "off"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(settings.pool_size)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(Duration::from_mins(5))
        .max_lifetime(Duration::from_mins(30))
        .connect_lazy_with(options);
    drop(pool.acquire().await?);
    Ok(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) = ("DATABASE_URL", "postgres://me:secret@host/mine");

    fn refused(pairs: &[(&str, &str)]) -> Vec<String> {
        let read = Env::from_pairs(pairs.iter().copied()).load::<PostgresSettings>();
        read.err()
            .map_or_else(Vec::new, |told| told.lines().to_vec())
    }

    #[test]
    fn a_url_that_is_none_of_a_database_is_refused_by_name_and_not_told() {
        assert!(refused(&[URL]).is_empty());
        assert!(refused(&[("DATABASE_URL", "postgresql:///mine")]).is_empty());
        for url in [
            "secret",
            "host:5432/secret",
            "mysql://me:secret@host/mine",
            "postgres://me:sec/ret@host/mine",
            "postgres://me:secret@host:port/mine",
            "postgres://me:secret@host/mine?sslmode=secret",
        ] {
            let told = refused(&[("DATABASE_URL", url)]).join("");
            assert!(told.starts_with("DATABASE_URL "), "{told}");
            assert!(!told.contains("sec"), "{told}");
        }
    }

    #[test]
    fn limits_with_which_nothing_works_or_nothing_is_limited_are_refused_by_name() {
        for (key, value) in [
            ("DATABASE_POOL_SIZE", "0"),
            ("DATABASE_POOL_SIZE", "1001"),
            ("DATABASE_ACQUIRE_TIMEOUT", "0s"),
            ("DATABASE_STATEMENT_TIMEOUT", "0s"),
            ("DATABASE_STATEMENT_TIMEOUT", "25d"),
        ] {
            let told = refused(&[URL, (key, value)]);
            assert_eq!(told.len(), 1, "{key}={value}");
            assert!(told[0].starts_with(key), "{told:?}");
        }
    }
}
