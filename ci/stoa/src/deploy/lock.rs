//! The lock of a cluster: a lease in the Raft log of its managers, which a deployer that dies loses. It is a Swarm
//! config whose labels name the holder; every change names the version that it replaces, so two cannot both win.
//! No clock is shared: a contender takes over what it has seen unchanged for a while by its own.

use anyhow::{Context as _, bail, ensure};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::lease::{Holder, Lease, Seen};
use crate::cluster::Engine;

const NAME: &str = "stoa-lock";

/// How the two sides keep apart.
#[derive(Clone, Copy)]
struct Timing {
    /// From one beat of the holder to the next.
    beat: Duration,
    /// A holder that could not beat for so long stops. Shorter than `patience` by what stopping takes.
    trust: Duration,
    /// A contender takes over what it has seen unchanged for so long.
    patience: Duration,
    /// From one look of a contender to the next.
    poll: Duration,
}

const TIMING: Timing = Timing {
    beat: Duration::from_secs(3),
    // Managers that have lost their leader take up to 20 s to elect another, and hear nobody meanwhile.
    trust: Duration::from_secs(26),
    patience: Duration::from_secs(35),
    poll: Duration::from_secs(1),
};

/// The held lock. Dropped without `release`, it is free once its last beat is old.
pub(crate) struct Lock {
    number: watch::Sender<Option<u64>>,
    lost: CancellationToken,
    stop: CancellationToken,
    beating: JoinHandle<(Lease, Tenure)>,
}

/// What the holder knows of its own lease.
struct Tenure {
    holder: Holder,
    seen: Seen,
    /// When the last beat that arrived was sent.
    confirmed: Instant,
}

/// A contender's memory of the version that it waits to go stale.
#[derive(Default)]
struct Patience {
    seen: Option<(u64, Instant)>,
}

/// Takes the lock of a cluster for `by`, waiting at most `wait` for another holder. `number` is the release, where
/// it is known already.
pub(crate) async fn acquire(
    engine: &Engine,
    number: Option<u64>,
    by: &str,
    wait: Duration,
) -> anyhow::Result<Lock> {
    let lease = Lease::new(engine, NAME);
    acquire_lease(lease, Holder::new(number, by), wait, TIMING).await
}

/// Who holds the lock of a cluster, or held it when it died.
pub(crate) async fn holder(engine: &Engine) -> anyhow::Result<Option<Holder>> {
    let seen = Lease::new(engine, NAME).read().await?;
    Ok(seen.and_then(|seen| seen.holder))
}

async fn acquire_lease(
    lease: Lease,
    mine: Holder,
    wait: Duration,
    timing: Timing,
) -> anyhow::Result<Lock> {
    let deadline = Instant::now() + wait;
    let mut patience = Patience::default();
    let mut told = None;
    loop {
        let asked = Instant::now();
        let seen = lease.read().await?;
        let taken = match &seen {
            None => lease.create(&mine).await?,
            Some(seen) if seen.holder.is_none() || patience.is_over(seen.index, asked, timing) => {
                lease.swap(seen, Some(&mine)).await?
            }
            Some(_) => false,
        };
        if taken {
            return hold(lease, mine, asked, timing).await;
        }
        let other = seen.and_then(|seen| seen.holder);
        if Instant::now() >= deadline {
            bail!("{}", refusal(other.as_ref(), timing));
        }
        if let Some(other) = other.filter(|other| told.as_ref() != Some(&other.id)) {
            eprintln!("stoa: waiting for the lock: {other}");
            told = Some(other.id);
        }
        sleep(timing.poll).await;
    }
}

fn refusal(holder: Option<&Holder>, timing: Timing) -> String {
    let holder = holder.map_or_else(|| "somebody was faster".to_owned(), Holder::to_string);
    let seconds = timing.patience.as_secs();
    format!(
        "the cluster is locked: {holder}; if that died, its lock is free {seconds} seconds after"
    )
}

async fn hold(
    lease: Lease,
    holder: Holder,
    confirmed: Instant,
    timing: Timing,
) -> anyhow::Result<Lock> {
    let seen = lease.read().await?.context("the lock vanished")?;
    ensure!(
        seen.is_held_by(&holder),
        "the lock was taken by somebody else"
    );
    let (number, numbers) = watch::channel(holder.number);
    let (lost, stop) = (CancellationToken::new(), CancellationToken::new());
    let tenure = Tenure {
        holder,
        seen,
        confirmed,
    };
    let beating = Beating {
        lease,
        timing,
        numbers,
        lost: lost.clone(),
        stop: stop.clone(),
    };
    Ok(Lock {
        number,
        lost,
        stop,
        beating: tokio::spawn(beating.run(tenure)),
    })
}

impl Lock {
    /// Cancelled once the lock is not ours any more: somebody took it, or no manager heard us for too long.
    pub(crate) fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Tells who waits which release this is about.
    pub(crate) fn announce(&self, number: u64) {
        self.number.send_replace(Some(number));
    }

    /// Frees the lock after what was done under it, whose result is what counts: a lock that cannot be freed is free
    /// once its last beat is old.
    pub(crate) async fn free_after<T>(self, done: T) -> T {
        if let Err(error) = self.release().await {
            let seconds = TIMING.patience.as_secs();
            eprintln!("stoa: {error:#}; others may take it {seconds} s from now");
        }
        done
    }

    /// Frees the lock. One that was lost is left to whoever has it.
    async fn release(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        let (lease, mut tenure) = (&mut self.beating).await.context("the lock's task died")?;
        if self.lost.is_cancelled() {
            return Ok(());
        }
        let freed = tenure.write(&lease, None).await;
        freed.context("cannot free the lock").map(drop)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The task that keeps a lease.
struct Beating {
    lease: Lease,
    timing: Timing,
    numbers: watch::Receiver<Option<u64>>,
    lost: CancellationToken,
    stop: CancellationToken,
}

impl Beating {
    async fn run(mut self, mut tenure: Tenure) -> (Lease, Tenure) {
        let mut beats = interval(self.timing.beat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return (self.lease, tenure),
                _ = beats.tick() => {}
            }
            tenure.holder.number = *self.numbers.borrow();
            let asked = Instant::now();
            let limit = tenure.confirmed + self.timing.trust;
            let answer = limit.min(asked + self.timing.beat);
            let kept = match timeout_at(answer, self.beat(&mut tenure)).await {
                Ok(Ok(kept)) => kept,
                Ok(Err(_)) | Err(_) if Instant::now() < limit => {
                    // This manager may be gone; another one knows the lease as well.
                    if let Ok(Ok(lease)) = timeout_at(limit, self.lease.elsewhere()).await {
                        self.lease = lease;
                    }
                    continue;
                }
                Ok(Err(_)) | Err(_) => false,
            };
            if !kept {
                self.lost.cancel();
                return (self.lease, tenure);
            }
            tenure.confirmed = asked;
        }
    }

    /// One beat; false if the lease is another's.
    async fn beat(&self, tenure: &mut Tenure) -> anyhow::Result<bool> {
        tenure.holder.beat += 1;
        let holder = tenure.holder.clone();
        if !tenure.write(&self.lease, Some(&holder)).await? {
            return Ok(false);
        }
        tenure.refresh(&self.lease).await
    }
}

impl Tenure {
    /// Changes our own lease; false if it is another's.
    async fn write(&mut self, lease: &Lease, holder: Option<&Holder>) -> anyhow::Result<bool> {
        if lease.swap(&self.seen, holder).await? {
            return Ok(true);
        }
        // Still ours, if an earlier change arrived though its answer did not.
        Ok(self.refresh(lease).await? && lease.swap(&self.seen, holder).await?)
    }

    /// Learns the newest version; false if it is another's.
    async fn refresh(&mut self, lease: &Lease) -> anyhow::Result<bool> {
        let seen = lease.read().await?;
        let ours = seen.filter(|seen| seen.is_held_by(&self.holder));
        let is_ours = ours.is_some();
        if let Some(seen) = ours {
            self.seen = seen;
        }
        Ok(is_ours)
    }
}

impl Patience {
    /// Whether the version `index`, seen at `now`, has been there for too long.
    fn is_over(&mut self, index: u64, now: Instant, timing: Timing) -> bool {
        match self.seen {
            Some((same, since)) if same == index => now.duration_since(since) >= timing.patience,
            _ => {
                self.seen = Some((index, now));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
