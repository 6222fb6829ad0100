//! A PostgreSQL database for one test.

use crate::containers;
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use std::{str::FromStr, thread, time::SystemTime};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Databases of runs that were killed are dropped after this many seconds: longer than any run.
const STALE_SECONDS: u64 = 3600;

/// An empty database; dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    /// Where it is, as `DATABASE_URL` takes it.
    pub url: String,
    name: String,
    server: String,
}

/// Creates an empty database on the server of `TEST_POSTGRES_URL`, or else on one in a container.
pub async fn database() -> TestDatabase {
    let server = containers::postgres_url().await;
    sweep_once(&server).await;
    let name = format!("test_{}_{}", now(), Uuid::new_v4().simple());
    execute(&server, format!("CREATE DATABASE {name}"))
        .await
        .expect("the test database is created");
    let url = with_database(&server, &name);
    TestDatabase { url, name, server }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let server = self.server.clone();
        // Drop is not async and may run inside a runtime: the statement gets a thread of its own.
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.map(|runtime| runtime.block_on(execute(&server, statement)))
        });
        // A failure leaves a stale database, which a later run sweeps.
        drop(dropped.join());
    }
}

async fn execute(server: &str, statement: String) -> Result<(), sqlx::Error> {
    let options = PgConnectOptions::from_str(server)?;
    let mut connection = PgConnection::connect_with(&options).await?;
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await?;
    connection.close().await
}

/// The server's URL with another database, keeping its parameters.
fn with_database(server: &str, name: &str) -> String {
    let (base, parameters) = server
        .split_once('?')
        .map_or((server, None), |(base, rest)| (base, Some(rest)));
    let authority_at = base.find("://").map_or(0, |at| at + 3);
    let end = base[authority_at..]
        .find('/')
        .map_or(base.len(), |at| authority_at + at);
    let parameters = parameters
        .map(|rest| format!("?{rest}"))
        .unwrap_or_default();
    format!("{}/{name}{parameters}", &base[..end])
}

async fn sweep_once(server: &str) {
    static SWEPT: OnceCell<()> = OnceCell::const_new();
    SWEPT
        .get_or_init(|| async { sweep(server).await.expect("stale databases are dropped") })
        .await;
}

async fn sweep(server: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server).await?;
    let names: Vec<String> =
        sqlx::query_scalar(r"SELECT datname FROM pg_database WHERE datname LIKE 'test\_%'")
            .fetch_all(&mut connection)
            .await?;
    for name in names.iter().filter(|name| is_stale(name)) {
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await?;
    }
    connection.close().await
}

fn is_stale(name: &str) -> bool {
    let created = name
        .split('_')
        .nth(1)
        .and_then(|seconds| seconds.parse::<u64>().ok());
    created.is_some_and(|seconds| seconds + STALE_SECONDS < now())
}

fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    elapsed.expect("the clock stands after 1970").as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_replaces_the_servers_own() {
        let url = with_database("postgres://me@host:5432/postgres?sslmode=disable", "test_1");
        assert_eq!(url, "postgres://me@host:5432/test_1?sslmode=disable");
        assert_eq!(
            with_database("postgres://me@host", "test_1"),
            "postgres://me@host/test_1"
        );
    }

    #[test]
    fn only_old_databases_are_stale() {
        assert!(is_stale("test_1000000000_abc"));
        assert!(!is_stale(&format!("test_{}_abc", now())));
        assert!(!is_stale("test_mine"));
    }
}
