//! apalis over Redis: a producer that takes orders on stdin, or a worker.
//!
//! The README of the benchmark says what every peer answers to.

mod job;

use anyhow::{Context as _, bail};
use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use job::{Job, Journal, monotonic_ns};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// The name of the queue; the benchmark looks at its keys to see how far a worker is.
const QUEUE: &str = "bench";
/// Jobs of one `push_bulk`.
const BATCH: u64 = 100;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("producer") => produce(storage().await?).await,
        Some("worker") => work(storage().await?).await,
        other => bail!("expected `producer` or `worker`, not {other:?}"),
    }
}

/// Defaults, or with `BENCH_TUNED` what costs least: larger batches, no events, no locks.
async fn storage() -> anyhow::Result<RedisStorage<Job>> {
    let url = std::env::var("BENCH_URL").context("BENCH_URL")?;
    let mut config = Config::default().queue(QUEUE);
    if std::env::var_os("BENCH_TUNED").is_some() {
        config = config.batch_size(100).emit_events(false).lock_tasks(false);
    }
    let connection = apalis_redis::connect(url).await?;
    Ok(RedisStorage::new(connection).with_config(config))
}

async fn produce(mut storage: RedisStorage<Job>) -> anyhow::Result<()> {
    println!("ready");
    let mut next = 0;
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        let words: Vec<&str> = order.split_whitespace().collect();
        match *words.as_slice() {
            ["burst", count, sleep] => {
                burst(&mut storage, &mut next, count.parse()?, sleep.parse()?).await?
            }
            ["pace", count, rate] => {
                pace(&mut storage, &mut next, count.parse()?, rate.parse()?).await?
            }
            _ => bail!("unknown order: {order}"),
        }
        println!("done");
    }
    Ok(())
}

async fn burst(
    storage: &mut RedisStorage<Job>,
    next: &mut u64,
    count: u64,
    sleep: u64,
) -> anyhow::Result<()> {
    let end = *next + count;
    while *next < end {
        let upto = end.min(*next + BATCH);
        let jobs = (*next..upto).map(|id| Job::new(id, sleep)).collect();
        storage.push_bulk(jobs).await?;
        *next = upto;
    }
    Ok(())
}

async fn pace(
    storage: &mut RedisStorage<Job>,
    next: &mut u64,
    count: u64,
    rate: u32,
) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / rate);
    for id in *next..*next + count {
        tick.tick().await;
        storage.push(Job::new(id, 0)).await?;
    }
    *next += count;
    Ok(())
}

async fn work(storage: RedisStorage<Job>) -> anyhow::Result<()> {
    let concurrency = std::env::var("BENCH_CONCURRENCY")?.parse()?;
    let journal = Arc::new(Journal::from_env()?);
    // A name that a killed predecessor had is refused for five minutes.
    let name = format!("{}-{}", std::process::id(), monotonic_ns());
    let worker = WorkerBuilder::new(name)
        .backend(storage)
        .concurrency(concurrency)
        .data(journal)
        .build(run);
    Ok(worker.run().await?)
}

async fn run(job: Job, journal: Data<Arc<Journal>>) -> Result<(), BoxDynError> {
    journal.started(&job)?;
    if job.sleep > 0 {
        tokio::time::sleep(Duration::from_millis(job.sleep)).await;
    }
    journal.ended(&job)?;
    Ok(())
}
