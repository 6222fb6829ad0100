//! The ceiling: the bare client, in batches of 100, without anything that a queue is for.

use crate::cli::Role;
use crate::job::{Job, Journal};
use crate::orders::{Order, Orders, url};
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands as _, AsyncConnectionConfig, Client};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// The stream; the driver looks at its length to see how far a worker is.
pub(crate) const STREAM: &str = "bench-raw";
const GROUP: &str = "workers";
/// Entries of one round trip.
const BATCH: u64 = 100;

pub(crate) async fn run(role: Role) -> anyhow::Result<()> {
    // The default of 500 ms would cut off reads that wait for a job.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let mut link = Client::open(url()?)?
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    match role {
        Role::Producer => produce(&mut link).await,
        Role::Worker => work(&mut link).await,
    }
}

async fn produce(link: &mut MultiplexedConnection) -> anyhow::Result<()> {
    let mut orders = Orders::ready();
    while let Some((order, ids)) = orders.next().await? {
        match order {
            Order::Burst { sleep, .. } => {
                let mut from = ids.start;
                while from < ids.end {
                    let upto = ids.end.min(from + BATCH);
                    let mut batch = redis::pipe();
                    for id in from..upto {
                        let body = serde_json::to_vec(&Job::new(id, sleep))?;
                        batch.xadd(STREAM, "*", &[("body", body)]).ignore();
                    }
                    let () = batch.query_async(link).await?;
                    from = upto;
                }
            }
            Order::Pace { rate, .. } => {
                let mut tick = interval(Duration::from_secs(1) / rate);
                tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
                for id in ids {
                    tick.tick().await;
                    let body = serde_json::to_vec(&Job::new(id, 0))?;
                    let _: String = link.xadd(STREAM, "*", &[("body", body)]).await?;
                }
            }
            Order::Due { .. } => anyhow::bail!("a stream has no delay"),
        }
        orders.done();
    }
    Ok(())
}

async fn work(link: &mut MultiplexedConnection) -> anyhow::Result<()> {
    let journal = Journal::from_env()?;
    // It is there already when the worker was started again.
    let _: redis::RedisResult<()> = link.xgroup_create_mkstream(STREAM, GROUP, "0").await;
    let batch = usize::try_from(BATCH)?;
    let options = StreamReadOptions::default()
        .group(GROUP, "one")
        .count(batch)
        .block(2000);
    loop {
        let read: Option<StreamReadReply> = link.xread_options(&[STREAM], &[">"], &options).await?;
        let entries: Vec<_> = read
            .into_iter()
            .flat_map(|read| read.keys)
            .flat_map(|key| key.ids)
            .collect();
        if entries.is_empty() {
            continue;
        }
        for entry in &entries {
            let body: Vec<u8> = entry.get("body").unwrap_or_default();
            serde_json::from_slice::<Job>(&body)?.run(&journal).await?;
        }
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        let mut settle = redis::pipe();
        settle.xack(STREAM, GROUP, &ids).ignore();
        settle.xdel(STREAM, &ids).ignore();
        let () = settle.query_async(link).await?;
    }
}
