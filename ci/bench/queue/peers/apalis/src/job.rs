//! The job that every peer runs, and the journal of its starts and ends.

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write as _;

/// Bytes of a job as JSON.
const SIZE: usize = 200;

/// A job that does nothing, or sleeps.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Job {
    id: u64,
    /// Milliseconds that it takes.
    pub sleep: u64,
    /// When it was made, on the machine's monotonic clock.
    sent: u64,
    pad: String,
}

impl Job {
    /// A job of now, filled up to its size.
    pub fn new(id: u64, sleep: u64) -> Self {
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
}

/// A file that gets a line for every start and end; none where only the cost counts.
#[derive(Debug)]
pub struct Journal(Option<File>);

impl Journal {
    pub fn from_env() -> std::io::Result<Self> {
        let path = std::env::var_os("BENCH_JOURNAL");
        let open = |path| File::options().create(true).append(true).open(path);
        Ok(Self(path.map(open).transpose()?))
    }

    pub fn started(&self, job: &Job) -> std::io::Result<()> {
        self.write(|| format!("s {} {} {}\n", job.id, job.sent, monotonic_ns()))
    }

    pub fn ended(&self, job: &Job) -> std::io::Result<()> {
        self.write(|| format!("e {} {} {}\n", job.id, job.sent, monotonic_ns()))
    }

    fn write(&self, line: impl FnOnce() -> String) -> std::io::Result<()> {
        self.0
            .as_ref()
            .map_or(Ok(()), |mut file| file.write_all(line().as_bytes()))
    }
}

/// The clock that all processes of a machine share.
pub fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    (now.tv_sec as u64) * 1_000_000_000 + now.tv_nsec as u64
}
