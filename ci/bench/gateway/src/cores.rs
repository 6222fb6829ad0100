//! Two processor cores: one for the proxies, one for everything else.

use anyhow::Context as _;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Numbers of cores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// The proxies' own.
    pub(crate) proxies: usize,
    /// The client's, the upstreams', and that of what the proxies ask.
    pub(crate) others: usize,
}

impl Cores {
    /// The first two that this process may use; from now on it uses the second one only.
    pub(crate) fn share() -> anyhow::Result<Self> {
        let all = sched_getaffinity(None)?;
        let mut usable = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
        let (first, second) = (usable.next(), usable.next());
        let cores = Self {
            proxies: first.context("there is no core")?,
            others: second.context("this takes two cores")?,
        };
        let mut own = CpuSet::new();
        own.set(cores.others);
        sched_setaffinity(None, &own)?;
        Ok(cores)
    }
}
