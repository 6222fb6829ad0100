//! A Redis database for one test.
//!
//! A server has a few numbered databases (16 by default). Database 0 keeps who holds which:
//! the holder is named by the id of an open connection, so a killed test frees its database
//! by dying.

use crate::containers;
use redis::{Client, Connection, RedisResult};
use std::{thread, time::Duration};

/// How long to wait for a database when all are taken.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long to wait between two rounds over all databases.
const INTERVAL: Duration = Duration::from_millis(50);

/// An empty Redis database, held until this value is dropped.
pub struct TestRedis {
    /// Where it is, as `REDIS_URL` takes it.
    pub url: String,
    /// Being open is what holds the database.
    _holder: Connection,
}

impl std::fmt::Debug for TestRedis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestRedis")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Takes an empty database of the server of `TEST_REDIS_URL`, or else of one in a container.
pub async fn database() -> TestRedis {
    let server = containers::redis_url().await;
    let taken = tokio::task::spawn_blocking(move || take(&server)).await;
    taken
        .expect("the thread runs to its end")
        .expect("a Redis database is taken")
}

fn take(server: &str) -> RedisResult<TestRedis> {
    let server = server.trim_end_matches('/');
    let mut holder = Client::open(server)?.get_connection()?;
    let id: u64 = redis::cmd("CLIENT").arg("ID").query(&mut holder)?;
    let (_, databases): (String, u32) = redis::cmd("CONFIG")
        .arg(&["GET", "databases"])
        .query(&mut holder)?;
    for _ in 0..PATIENCE.as_millis() / INTERVAL.as_millis() {
        for index in 1..databases {
            if !hold(&mut holder, index, id)? {
                continue;
            }
            let url = format!("{server}/{index}");
            let mut connection = Client::open(url.as_str())?.get_connection()?;
            redis::cmd("FLUSHDB").exec(&mut connection)?;
            return Ok(TestRedis {
                url,
                _holder: holder,
            });
        }
        thread::sleep(INTERVAL);
    }
    panic!("every one of the {databases} Redis databases was held for {PATIENCE:?}");
}

/// Whether database `index` is now held by connection `id`.
fn hold(connection: &mut Connection, index: u32, id: u64) -> RedisResult<bool> {
    let key = format!("test-database:{index}");
    if set_if_free(connection, &key, id)? {
        return Ok(true);
    }
    let holder: Option<u64> = redis::cmd("GET").arg(&key).query(connection)?;
    let Some(holder) = holder else {
        return Ok(false);
    };
    let alive: String = redis::cmd("CLIENT")
        .arg("LIST")
        .arg("ID")
        .arg(holder)
        .query(connection)?;
    if !alive.trim().is_empty() {
        return Ok(false);
    }
    // Only the entry of the dead holder is removed: somebody else may have been faster.
    redis::cmd("EVAL")
        .arg("return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1])")
        .arg(1)
        .arg(&key)
        .arg(holder)
        .exec(connection)?;
    set_if_free(connection, &key, id)
}

fn set_if_free(connection: &mut Connection, key: &str, id: u64) -> RedisResult<bool> {
    let set: Option<String> = redis::cmd("SET")
        .arg(key)
        .arg(id)
        .arg("NX")
        .query(connection)?;
    Ok(set.is_some())
}
