//! The job that every system runs, and the journal of its starts and ends.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;
use stoa_contracts::jobs::Payload;

/// Bytes of a job as JSON.
const SIZE: usize = 200;
/// Where a worker writes its journal, if it shall.
pub(crate) const JOURNAL: &str = "BENCH_JOURNAL";

/// A job that does nothing, or sleeps.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Job {
    id: u64,
    /// Milliseconds that it takes.
    sleep: u64,
    /// When it was made, on the machine's monotonic clock.
    sent: u64,
    pad: String,
}

impl Payload for Job {
    const KIND: &'static str = "noop";
    const QUEUE: &'static str = "bench";
    const TIME_LIMIT: Duration = Duration::from_mins(1);
}

impl Job {
    /// A job of now, filled up to its size.
    pub(crate) fn new(id: u64, sleep: u64) -> Self {
        let mut job = Self {
            id,
            sleep,
            sent: monotonic_ns(),
            pad: String::new(),
        };
        let bare = serde_json::to_vec(&job).map_or(SIZE, |json| json.len());
        job.pad = "x".repeat(SIZE.saturating_sub(bare));
        job
    }

    /// Does the job, and writes its start and end down.
    pub(crate) async fn run(&self, journal: &Journal) -> std::io::Result<()> {
        journal.write('s', self)?;
        if self.sleep > 0 {
            tokio::time::sleep(Duration::from_millis(self.sleep)).await;
        }
        journal.write('e', self)
    }
}

/// A file that gets a line for every start and end; none where only the cost counts.
#[derive(Debug)]
pub(crate) struct Journal(Option<File>);

impl Journal {
    pub(crate) fn from_env() -> std::io::Result<Self> {
        let path = std::env::var_os(JOURNAL);
        let open = |path| File::options().create(true).append(true).open(path);
        Ok(Self(path.map(open).transpose()?))
    }

    fn write(&self, event: char, job: &Job) -> std::io::Result<()> {
        let Some(mut file) = self.0.as_ref() else {
            return Ok(());
        };
        // One write: appending is then atomic, also over the processes of a worker.
        let line = format!("{event} {} {} {}\n", job.id, job.sent, monotonic_ns());
        file.write_all(line.as_bytes())
    }
}

/// What a journal says about one job.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) starts: u32,
    pub(crate) ends: u32,
    /// From its making to its first start.
    pub(crate) wait: Duration,
}

/// Reads a journal; a line that is still being written waits for the next reading.
pub(crate) fn read_journal(path: &Path) -> anyhow::Result<HashMap<u64, Entry>> {
    let mut entries: HashMap<u64, Entry> = HashMap::new();
    if !path.exists() {
        return Ok(entries);
    }
    let text = std::fs::read_to_string(path)?;
    for line in text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [event, id, sent, at] = words[..] else {
            anyhow::bail!("no line of a journal: {line}");
        };
        let (sent, at): (u64, u64) = (sent.parse()?, at.parse()?);
        let entry = entries.entry(id.parse().context("id")?).or_default();
        if event == "e" {
            entry.ends += 1;
            continue;
        }
        if entry.starts == 0 {
            entry.wait = Duration::from_nanos(at.saturating_sub(sent));
        }
        entry.starts += 1;
    }
    Ok(entries)
}

/// The clock that all processes of a machine share.
pub(crate) fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_has_its_size_whatever_its_number() {
        for id in [0, 7, 123_456, u64::MAX] {
            let json = serde_json::to_vec(&Job::new(id, 50)).expect("a job is JSON");
            assert_eq!(json.len(), SIZE);
        }
    }
}
