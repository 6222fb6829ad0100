//! A producer or worker as a process, and the processes that it starts.

use crate::bench::Bench;
use crate::cli::Role;
use crate::orders::Order;
use crate::proc;
use crate::system::System;
use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long a peer may take to start: an interpreter loads its packages on a busy machine.
const START: Duration = Duration::from_mins(1);
/// How long a worker may take to end when it is asked to.
const STOP: Duration = Duration::from_secs(20);
/// The lines of a peer's stderr that an error shows.
const SHOWN: usize = 5;

/// A process in a group of its own; the group is killed when this is dropped.
pub(crate) struct Peer {
    child: Child,
    pid: u32,
    stdin: Option<ChildStdin>,
    stdout: Option<Lines<BufReader<ChildStdout>>>,
    stderr: PathBuf,
}

/// What a worker does beside its jobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    /// How many jobs run at a time; the system's own number for jobs that do nothing otherwise.
    pub(crate) concurrency: Option<usize>,
    /// Where starts and ends are written down.
    pub(crate) journal: Option<PathBuf>,
}

impl Peer {
    /// A worker, which reads the queue from now on.
    pub(crate) fn worker(bench: &Bench, system: System, work: &Work) -> anyhow::Result<Self> {
        Self::start(bench, system, Role::Worker, work)
    }

    /// A producer that takes orders.
    pub(crate) async fn producer(bench: &Bench, system: System) -> anyhow::Result<Self> {
        let mut peer = Self::start(bench, system, Role::Producer, &Work::default())?;
        peer.hears("ready", START).await?;
        Ok(peer)
    }

    fn start(bench: &Bench, system: System, role: Role, work: &Work) -> anyhow::Result<Self> {
        let words = system.command(role, &bench.peers);
        let (program, arguments) = words.split_first().context("no command")?;
        let concurrency = work.concurrency.unwrap_or(system.concurrency());
        let stderr = bench
            .folder
            .path()
            .join(format!("{system:?}-{}", role.name()));
        let is_producer = role == Role::Producer;
        let piped = |piped: bool| if piped { Stdio::piped() } else { Stdio::null() };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("BENCH_URL", bench.url(system))
            .env("BENCH_CONCURRENCY", concurrency.to_string())
            .env("RUST_BACKTRACE", "0")
            .envs(system.environment())
            .envs(bench.record(system).map(|url| (crate::ours::RECORD, url)))
            .envs(work.journal.iter().map(|path| (crate::job::JOURNAL, path)))
            .stdin(piped(is_producer))
            .stdout(piped(is_producer))
            .stderr(File::create(&stderr)?)
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().with_context(|| words.join(" "))?;
        Ok(Self {
            pid: child.id().context("it has ended at once")?,
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map(|out| BufReader::new(out).lines()),
            child,
            stderr,
        })
    }

    /// Gives a producer an order and waits until the broker has the jobs.
    pub(crate) async fn obey(&mut self, order: Order, limit: Duration) -> anyhow::Result<()> {
        let stdin = self
            .stdin
            .as_mut()
            .context("only a producer takes orders")?;
        stdin.write_all(format!("{order}\n").as_bytes()).await?;
        self.hears("done", limit)
            .await
            .with_context(|| order.to_string())
    }

    async fn hears(&mut self, word: &str, limit: Duration) -> anyhow::Result<()> {
        let stdout = self.stdout.as_mut().context("only a producer answers")?;
        let line = timeout(limit, stdout.next_line())
            .await
            .with_context(|| format!("no `{word}` within {limit:?}"))??;
        match line {
            Some(line) if line == word => Ok(()),
            Some(line) => bail!("`{line}` instead of `{word}`"),
            None => bail!("it has ended: {}", self.last_words()),
        }
    }

    /// The process that its group is named by.
    pub(crate) fn leader(&self) -> u32 {
        self.pid
    }

    /// The processes of its group.
    pub(crate) fn processes(&self) -> Vec<u32> {
        proc::group(self.pid)
    }

    /// An error with the last lines of its stderr, if it has ended.
    pub(crate) fn ensure_alive(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the worker ended with {status}: {}", self.last_words());
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.stderr).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(SHOWN).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }

    /// Asks it to end, and kills it when it does not.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.stdin = None;
        self.signal(Signal::TERM);
        let ended = timeout(STOP, self.child.wait()).await;
        self.kill();
        ensure!(ended.is_ok(), "it does not end");
        Ok(())
    }

    /// Ends the whole group as a lost machine would.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        // Nobody is left in it: that is what was wanted.
        let _ = group.map(|group| kill_process_group(group, signal));
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
    }
}
