//! Waits for a worker to come through its jobs.

use crate::bench::Bench;
use crate::peer::Peer;
use crate::system::System;
use anyhow::bail;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How often the broker is asked; little beside what it does for the jobs.
const INTERVAL: Duration = Duration::from_millis(20);
/// The same where the answer is a count of rows.
const SELDOM: Duration = Duration::from_millis(200);
/// A worker that does nothing for so long is stuck. A poller may rest for 30 s.
const STUCK: Duration = Duration::from_secs(45);

/// Waits until at most `left` jobs remain, and returns how many do.
pub(crate) async fn until(
    bench: &Bench,
    system: System,
    worker: &mut Peer,
    left: u64,
    limit: Duration,
) -> anyhow::Result<u64> {
    let start = Instant::now();
    let (mut least, mut since) = (u64::MAX, start);
    loop {
        let remaining = bench.remaining(system, left).await?;
        if remaining <= left {
            return Ok(remaining);
        }
        worker.ensure_alive()?;
        if remaining < least {
            (least, since) = (remaining, Instant::now());
        }
        // Of a record is told whether much is left, not how much.
        let is_stuck = !system.is_recorded() && since.elapsed() > STUCK;
        if is_stuck || start.elapsed() > limit {
            bail!("{remaining} jobs remain after {:.0?}", start.elapsed());
        }
        sleep(if system.is_recorded() {
            SELDOM
        } else {
            INTERVAL
        })
        .await;
    }
}
