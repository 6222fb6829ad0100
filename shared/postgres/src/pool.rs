//! The pool of connections and its limits.

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use stoa_config::{Env, ExposeSecret as _, SecretString, Settings};

use crate::{DatabaseError, query};

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
        Some(Self {
            url: url?,
            pool_size: pool_size?,
            acquire_timeout: acquire_timeout?,
            statement_timeout: statement_timeout?,
        })
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
