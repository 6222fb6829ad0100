//! What a trial stands on: the record, another database and a broker, each behind a proxy.

use crate::servers::Server;
use crate::trial::Fault;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use std::any::Any;
use std::time::Duration;
use stoa_config::ExposeSecret as _;
use stoa_queue::store::{MIGRATIONS, Store};
use stoa_queue::{Payload as _, Queue, QueueSettings};
use stoa_testing::proxy::Proxy;
use stoa_testing::{amqp, eventually, postgres, redis};
use tokio::time::{Instant, sleep, sleep_until};

/// How long a server that was restarted may take until it answers.
const ANSWER: Duration = Duration::from_mins(1);
/// How long RabbitMQ is left alone after its queues were taken from it. One that it makes when it is killed has no leader
/// afterwards, and takes nothing until the next start (4.0).
const MAKING: Duration = Duration::from_secs(5);
/// The part that must have ended before the faults end.
const NEARLY: i64 = 10;

/// The brokers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Broker {
    Redis,
    Amqp,
}

pub(crate) struct World {
    pub(crate) record: Proxy,
    pub(crate) parts: Proxy,
    pub(crate) broker: Proxy,
    pub(crate) namespace: String,
    /// Past the proxies.
    pub(crate) of_record: PgPool,
    pub(crate) of_parts: PgPool,
    settings: QueueSettings,
    /// The trial's own servers, if there are.
    postgres: Option<Server>,
    carrier: Option<Server>,
    /// When the broker had no queues.
    bare_at: Instant,
    _kept: Kept,
}

/// Parts of shared servers, and what own ones need: there until it is dropped.
type Kept = Vec<Box<dyn Any>>;

impl World {
    /// `is_long`: also with what takes its time.
    pub(crate) async fn start(kind: Broker, is_long: bool) -> Self {
        let mut kept = Kept::new();
        let (postgres, [record, parts]) = databases(&mut kept).await;
        let (carrier, url, namespace) = broker(kind, is_long, &mut kept).await;
        let [of_record, of_parts] = [pool(&record).await, pool(&parts).await];
        make(&of_record, &of_parts).await;
        Self {
            record: Proxy::start(&record).await,
            parts: Proxy::start(&parts).await,
            broker: Proxy::start(&url).await,
            namespace: namespace.clone(),
            of_record,
            of_parts,
            settings: QueueSettings {
                url: url.into(),
                namespace,
            },
            postgres,
            carrier,
            bare_at: Instant::now(),
            _kept: kept,
        }
    }

    /// Shared servers are not restarted.
    pub(crate) fn is_possible(&self, fault: Fault) -> bool {
        match fault {
            Fault::BrokerKilled | Fault::BrokerRestarted => self.carrier.is_some(),
            Fault::RecordKilled => self.postgres.is_some(),
            _ => true,
        }
    }

    pub(crate) fn proxy(&self, fault: Fault) -> &Proxy {
        match fault {
            Fault::RecordCut | Fault::RecordHeld => &self.record,
            Fault::PartsCut | Fault::PartsHeld => &self.parts,
            _ => &self.broker,
        }
    }

    /// Ends a server, and starts it again.
    pub(crate) async fn restart(&mut self, fault: Fault, away: Duration) {
        if fault != Fault::RecordKilled && !self.is_redis() {
            sleep_until(self.bare_at + MAKING).await;
        }
        let server = match fault {
            Fault::RecordKilled => &mut self.postgres,
            _ => &mut self.carrier,
        };
        let server = server.as_mut().expect("only own servers are restarted");
        if fault == Fault::BrokerRestarted {
            server.stop().await;
        } else {
            server.kill().await;
        }
        sleep(away).await;
        server.start().await;
    }

    /// Takes everything from the broker that it has.
    pub(crate) async fn wipe(&mut self) {
        eventually(ANSWER, || async { self.try_wipe().await.ok() }).await;
        self.bare_at = Instant::now();
    }

    fn is_redis(&self) -> bool {
        self.settings.url.expose_secret().starts_with("redis")
    }

    async fn try_wipe(&self) -> Result<(), Box<dyn std::error::Error>> {
        let url = self.settings.url.expose_secret();
        if self.is_redis() {
            let client = ::redis::Client::open(url)?;
            let mut link = client.get_multiplexed_async_connection().await?;
            return Ok(::redis::cmd("FLUSHDB").exec_async(&mut link).await?);
        }
        let mark = "SELECT mark FROM queue_broker";
        let mark: Option<String> = sqlx::query_scalar(mark)
            .fetch_optional(&self.of_record)
            .await?;
        let queue = Queue::connect(&self.settings).await?;
        queue.remove(&[crate::orders::Work::QUEUE]).await?;
        let options = lapin::ConnectionProperties::default();
        let connection = lapin::Connection::connect(url, options).await?;
        let channel = connection.create_channel().await?;
        let name = format!("{}.mark.{}", self.namespace, mark.unwrap_or_default());
        let options = lapin::options::QueueDeleteOptions::default();
        channel.queue_delete(name.as_str().into(), options).await?;
        Ok(())
    }

    /// Cancels what would go on for ever, some of it before it has started.
    pub(crate) async fn cancel_some(&self) {
        let store = Store::new(self.of_record.clone());
        let endless = "SELECT id FROM queue_jobs JOIN orders ON job = id
                       WHERE expected = 'cancelled' AND flow IS NULL AND NOT cancel_requested
                         AND state NOT IN ('succeeded', 'failed', 'cancelled') AND random() < 0.7";
        let Ok(endless) = sqlx::query_scalar(endless).fetch_all(&self.of_record).await else {
            return;
        };
        for job in endless {
            // If the server is away, it is cancelled the next time.
            let _ = store.cancel(job).await;
        }
    }

    /// Whether all is ordered and most of it has ended.
    pub(crate) async fn is_nearly_done(&self, jobs: i64) -> bool {
        self.is_ordered(jobs).await
            && self
                .count_left()
                .await
                .is_some_and(|left| left < jobs / NEARLY)
    }

    /// Whether all is ordered and has ended.
    pub(crate) async fn is_done(&self, jobs: i64) -> bool {
        self.is_ordered(jobs).await && self.count_left().await == Some(0)
    }

    async fn is_ordered(&self, jobs: i64) -> bool {
        let last = "SELECT coalesce(max(number), 0) FROM orders";
        let last = sqlx::query_scalar::<_, i64>(last).fetch_one(&self.of_record);
        last.await.is_ok_and(|last| last + 1 >= jobs)
    }

    async fn count_left(&self) -> Option<i64> {
        let left = "SELECT count(*) FROM queue_jobs WHERE finished_at IS NULL";
        sqlx::query_scalar(left)
            .fetch_one(&self.of_record)
            .await
            .ok()
    }

    pub(crate) async fn count_ended(&self) -> i64 {
        let ended = "SELECT count(*) FROM queue_jobs WHERE finished_at IS NOT NULL";
        let ended = sqlx::query_scalar(ended).fetch_one(&self.of_record).await;
        ended.unwrap_or_default()
    }

    /// What has not ended, in words.
    pub(crate) async fn left(&self) -> String {
        let left = "SELECT coalesce(string_agg(format('%s %s attempt %s of copy %s by %s', id, state, attempts, sends, worker),
                                              E'\\n'), '')
                    FROM (SELECT * FROM queue_jobs WHERE finished_at IS NULL ORDER BY id LIMIT 20) AS few";
        let left = sqlx::query_scalar(left).fetch_one(&self.of_record).await;
        left.unwrap_or_else(|error| error.to_string())
    }

    /// What the broker still holds.
    pub(crate) async fn on_broker(&self) -> u64 {
        let queue = Queue::connect(&self.settings).await;
        let queue = queue.expect("the broker answers");
        let depth = queue.depth(crate::orders::Work::QUEUE).await;
        let depth = depth.expect("the broker answers");
        depth.ready + depth.running.unwrap_or_default() + depth.dead
    }

    /// Leaves nothing on a shared broker.
    pub(crate) async fn end(mut self) {
        self.wipe().await;
    }
}

async fn databases(kept: &mut Kept) -> (Option<Server>, [String; 2]) {
    if let Some(own) = Server::postgres().await {
        let url = |name: &str| format!("postgres://postgres@127.0.0.1:{}/{name}", own.port);
        let server = pool(&url("postgres")).await;
        for name in ["record", "parts"] {
            let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
            let created = sqlx::raw_sql(create).execute(&server).await;
            created.expect("the database is made");
        }
        let urls = [url("record"), url("parts")];
        return (Some(own), urls);
    }
    println!("PostgreSQL is not restarted: this machine has no postgres, initdb and setpriv");
    let databases = [postgres::database().await, postgres::database().await];
    let urls = databases.each_ref().map(|database| database.url.clone());
    kept.push(Box::new(databases));
    (None, urls)
}

async fn broker(kind: Broker, is_long: bool, kept: &mut Kept) -> (Option<Server>, String, String) {
    match kind {
        Broker::Redis => {
            if let Some(own) = Server::redis().await {
                let url = format!("redis://127.0.0.1:{}/0", own.port);
                return (Some(own), url, "test".into());
            }
            println!("Redis is not restarted: this machine has no redis-server and setpriv");
            let shared = redis::database().await;
            let url = shared.url.clone();
            kept.push(Box::new(shared));
            (None, url, "test".into())
        }
        Broker::Amqp => {
            let own = if is_long {
                Server::rabbitmq().await
            } else {
                None
            };
            if let Some([own, names]) = own {
                kept.push(Box::new(names));
                let url = format!("amqp://guest:guest@127.0.0.1:{}/%2f", own.port);
                return (Some(own), url, "test".into());
            }
            println!(
                "RabbitMQ is not restarted: that takes long, and a rabbitmq-server of this machine"
            );
            let shared = amqp::broker().await;
            (None, shared.url, shared.namespace)
        }
    }
}

async fn pool(url: &str) -> PgPool {
    let options = PgPoolOptions::new().max_connections(4);
    let pool = eventually(ANSWER, || async { options.clone().connect(url).await.ok() });
    pool.await
}

async fn make(record: &PgPool, parts: &PgPool) {
    for pool in [record, parts] {
        MIGRATIONS.run(pool).await.expect("the tables are made");
    }
    let orders =
        "CREATE TABLE orders (number bigint PRIMARY KEY, job uuid NOT NULL, expected text NOT NULL,
                                       flow uuid, step integer NOT NULL, delay float8 NOT NULL)";
    // No key but the order in which they were made: nothing but the queue keeps them from being doubled.
    let effects =
        "CREATE TABLE effects (position bigint GENERATED ALWAYS AS IDENTITY, job uuid NOT NULL,
                                         number bigint NOT NULL)";
    for table in [orders, effects] {
        let made = sqlx::raw_sql(table).execute(record).await;
        made.expect("the tables are made");
    }
    let made = sqlx::raw_sql("CREATE TABLE parts (job uuid NOT NULL)")
        .execute(parts)
        .await;
    made.expect("the table is made");
}
