//! The brokers and programs of a run, and how far a system is with its jobs.

use crate::job::Job;
use crate::system::{Peers, System};
use crate::{ours, proc, raw};
use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use redis::AsyncCommands as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sqlx::PgPool;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use stoa_contracts::jobs::Payload as _;
use stoa_queue::Queue;
use tempfile::TempDir;
use tokio::time::sleep;

/// How long a broker may take to start.
const BROKER_START: Duration = Duration::from_secs(90);
/// How long a command of the driver may take: the server is busy with others, or drops a million jobs.
const ANSWER: Duration = Duration::from_secs(30);

/// A part of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// CPU, rates and memory.
    Cost,
    /// From enqueue to start.
    Latency,
    /// A killed worker.
    Crash,
    /// A large backlog, many jobs due at once, cut connections.
    Robust,
}

/// What is measured, and where things are.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// A Redis server of the benchmark's own: all of its data is removed.
    #[arg(long, env = "BENCH_REDIS", default_value = "redis://127.0.0.1:6379")]
    redis: String,
    /// A RabbitMQ server; without it that part is left out.
    #[arg(long, env = "BENCH_RABBITMQ")]
    rabbitmq: Option<String>,
    /// A database of the benchmark's own for the record; without it that part is left out.
    #[arg(long, env = "BENCH_POSTGRES")]
    postgres: Option<String>,
    /// The parts.
    #[arg(
        long,
        env = "PARTS",
        value_delimiter = ',',
        default_value = "cost,latency,crash,robust"
    )]
    pub(crate) parts: Vec<Part>,
    /// The systems, where not all of them.
    #[arg(long, env = "SYSTEMS", value_delimiter = ',')]
    systems: Vec<System>,
    /// How often costs are measured; the median counts.
    #[arg(long, env = "ROUNDS", default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Hundredths of the usual number of jobs.
    #[arg(long, env = "PERCENT", default_value_t = 100)]
    pub(crate) percent: u64,
    /// Jobs whose latency is measured, at 20 a second.
    #[arg(long, env = "PACED", default_value_t = 300)]
    pub(crate) paced: u64,
    /// Tries the crash of those too whose recovery takes minutes.
    #[arg(long, env = "CRASH", default_value_t = 0)]
    pub(crate) crash: u8,
    /// Jobs that wait for a worker at a time.
    #[arg(long, env = "BACKLOG", default_value_t = 1_000_000)]
    pub(crate) backlog: u64,
    /// Jobs that become due in one second.
    #[arg(long, env = "DUE", default_value_t = 100_000)]
    pub(crate) due: u64,
    /// The peer over apalis.
    #[arg(long, env = "BENCH_APALIS", default_value = "apalis-peer")]
    apalis: String,
    /// The folder of the peers' sources; `BullMQ`'s has its modules in it.
    #[arg(long, env = "BENCH_PEERS", default_value = "ci/bench/queue/peers")]
    peers: PathBuf,
    /// The Python that has Celery.
    #[arg(long, env = "BENCH_PYTHON", default_value = "python3")]
    python: String,
}

/// A run.
pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) peers: Peers,
    /// Journals and what the peers say on stderr.
    pub(crate) folder: TempDir,
    redis: ConnectionManager,
    ours: Queue,
    ours_rabbit: Option<Queue>,
    record: Option<PgPool>,
    redis_pid: u32,
}

impl Bench {
    pub(crate) async fn connect(options: Options) -> anyhow::Result<Self> {
        let client = redis::Client::open(options.redis.as_str())?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(ANSWER))
            .set_response_timeout(Some(ANSWER));
        let mut redis = patiently(async || {
            ConnectionManager::new_with_config(client.clone(), config.clone()).await
        })
        .await?;
        let info: String = redis::cmd("INFO")
            .arg("server")
            .query_async(&mut redis)
            .await?;
        let pid = info
            .lines()
            .find_map(|line| line.strip_prefix("process_id:"));
        let redis_pid = pid.context("redis has no pid")?.trim().parse()?;
        ensure!(
            proc::named("redis-server").contains(&redis_pid) && !proc::cpu(&[redis_pid]).is_zero(),
            "what redis-server uses cannot be seen in /proc"
        );
        let ours_rabbit = match &options.rabbitmq {
            Some(url) => Some(patiently(async || ours::connect(url).await).await?),
            None => None,
        };
        let record = match &options.postgres {
            Some(url) => Some(patiently(async || ours::record(url).await).await?),
            None => None,
        };
        let source = |file| options.peers.join(file).display().to_string();
        let peers = Peers {
            own: std::env::current_exe()?.display().to_string(),
            apalis: options.apalis.clone(),
            bullmq: source("bullmq/peer.js"),
            python: options.python.clone(),
            celery: source("celery/peer.py"),
        };
        Ok(Self {
            ours: ours::connect(&options.redis).await?,
            folder: TempDir::new()?,
            options,
            peers,
            redis,
            ours_rabbit,
            record,
            redis_pid,
        })
    }

    /// The systems that can be measured here.
    pub(crate) fn systems(&self) -> Vec<System> {
        let wanted = &self.options.systems;
        let can = |system: &System| {
            (wanted.is_empty() || wanted.contains(system))
                && (!system.on_rabbitmq() || self.ours_rabbit.is_some())
                && (!system.is_recorded() || self.record.is_some())
        };
        System::ALL.into_iter().filter(can).collect()
    }

    pub(crate) fn jobs(&self, system: System) -> u64 {
        (system.jobs() * self.options.percent / 100).max(100)
    }

    pub(crate) fn url(&self, system: System) -> String {
        let rabbitmq = self.options.rabbitmq.as_ref();
        let rabbitmq = rabbitmq.filter(|_| system.on_rabbitmq());
        rabbitmq.unwrap_or(&self.options.redis).clone()
    }

    /// Where the record of a system is.
    pub(crate) fn record(&self, system: System) -> Option<&str> {
        let postgres = self.options.postgres.as_deref();
        postgres.filter(|_| system.is_recorded())
    }

    /// The processes of the broker; the virtual machine of Erlang is one.
    pub(crate) fn broker(&self, system: System) -> Vec<u32> {
        if system.on_rabbitmq() {
            proc::named("beam.smp")
        } else if system.is_recorded() {
            let mut all = proc::named("postgres");
            all.push(self.redis_pid);
            all
        } else {
            vec![self.redis_pid]
        }
    }

    /// Removes what earlier measurements have left, and keeps the server from writing to a disk.
    pub(crate) async fn clear(&self) -> anyhow::Result<()> {
        let mut redis = self.redis.clone();
        let mut server = redis::pipe();
        server.cmd("CONFIG").arg("SET").arg("save").arg("").ignore();
        server
            .cmd("CONFIG")
            .arg("SET")
            .arg("appendonly")
            .arg("no")
            .ignore();
        server.cmd("FLUSHALL").ignore();
        let () = server.query_async(&mut redis).await?;
        if let Some(record) = &self.record {
            sqlx::raw_sql("TRUNCATE queue_jobs CASCADE")
                .execute(record)
                .await?;
        }
        if let Some(queue) = &self.ours_rabbit {
            queue.remove(&[Job::QUEUE]).await?;
        }
        Ok(())
    }

    /// The jobs that are not done yet, where more than `many` need not be told apart; over `RabbitMQ` those that wait for a
    /// worker.
    pub(crate) async fn remaining(&self, system: System, many: u64) -> anyhow::Result<u64> {
        let mut redis = self.redis.clone();
        let mut counts = redis::pipe();
        match system {
            System::Ours | System::OursDefault => return depth(&self.ours).await,
            System::OursRabbit => {
                return depth(self.ours_rabbit.as_ref().context("no RabbitMQ")?).await;
            }
            System::OursRecorded | System::OursOnce => {
                let record = self.record.as_ref().context("no record")?;
                // By the indexes, and no further than must be: counting would cost the server as much as the queue does.
                let left = "SELECT (SELECT count(*) FROM (SELECT FROM queue_jobs WHERE stage = 'queued' LIMIT $1) AS few)
                            + (SELECT count(*) FROM (SELECT FROM queue_jobs WHERE stage = 'out' LIMIT $1) AS few)";
                let many = i64::try_from(many).unwrap_or(i64::MAX).saturating_add(1);
                let left = sqlx::query_scalar(left).bind(many);
                let left: i64 = left.fetch_one(record).await?;
                return Ok(u64::try_from(left)?);
            }
            System::Raw => return Ok(redis.xlen(raw::STREAM).await?),
            System::Apalis | System::ApalisTuned => {
                counts
                    .hlen("bench:data")
                    .scard("bench:done")
                    .scard("bench:dead");
                let (all, done, dead): (u64, u64, u64) = counts.query_async(&mut redis).await?;
                return Ok(all.saturating_sub(done + dead));
            }
            System::BullMq => {
                counts.llen("bull:bench:wait").llen("bull:bench:active");
                counts.zcard("bull:bench:delayed");
            }
            System::Celery => {
                counts.llen("celery").hlen("unacked");
            }
        }
        let counts: Vec<u64> = counts.query_async(&mut redis).await?;
        Ok(counts.iter().sum())
    }

    /// The connections that the Redis server has; later ones have larger numbers.
    pub(crate) async fn connections(&self) -> anyhow::Result<Vec<u64>> {
        let mut redis = self.redis.clone();
        let list: String = redis::cmd("CLIENT")
            .arg("LIST")
            .query_async(&mut redis)
            .await?;
        let id = |line: &str| line.strip_prefix("id=")?.split(' ').next()?.parse().ok();
        Ok(list.lines().filter_map(id).collect())
    }

    /// Cuts a connection; whether it was still there.
    pub(crate) async fn cut(&self, connection: u64) -> anyhow::Result<bool> {
        let mut redis = self.redis.clone();
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("ID").arg(connection);
        let killed: u64 = kill.query_async(&mut redis).await?;
        Ok(killed > 0)
    }
}

/// Tries for a while: a broker that has just been started does not answer yet.
async fn patiently<T, E: Into<anyhow::Error>>(
    connect: impl AsyncFn() -> Result<T, E>,
) -> anyhow::Result<T> {
    let start = Instant::now();
    loop {
        match connect().await {
            Ok(connected) => return Ok(connected),
            Err(error) if start.elapsed() > BROKER_START => {
                return Err(error.into()).context("the broker does not answer");
            }
            Err(_) => sleep(Duration::from_millis(500)).await,
        }
    }
}

async fn depth(queue: &Queue) -> anyhow::Result<u64> {
    let depth = queue.depth(Job::QUEUE).await?;
    Ok(depth.ready + depth.running.unwrap_or_default() + depth.delayed.unwrap_or_default())
}
