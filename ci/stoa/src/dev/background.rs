//! One platform per state folder; started in the background and stopped by a later command.

use super::supervisor::{say, told_to_end};
use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const POLL: Duration = Duration::from_millis(200);
/// Longer than the drain of all services and the shutdown of PostgreSQL.
const STOP_DEADLINE: Duration = Duration::from_mins(1);

/// The state folder is in use by this process, until it ends.
pub(super) struct Claim {
    files: [PathBuf; 2],
}

impl Claim {
    /// Writes the process's id.
    pub(super) fn new(state: &Path) -> anyhow::Result<Self> {
        drop(std::fs::remove_file(state.join("ready")));
        std::fs::write(state.join("pid"), std::process::id().to_string())?;
        Ok(Self {
            files: ["pid", "ready"].map(|name| state.join(name)),
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        for file in &self.files {
            drop(std::fs::remove_file(file));
        }
    }
}

/// Says that everything runs, and where.
pub(super) fn write_ready(state: &Path, url: &str) -> anyhow::Result<()> {
    Ok(std::fs::write(state.join("ready"), format!("{url}\n"))?)
}

/// The platform that uses the state folder now.
fn running(state: &Path) -> Option<Pid> {
    let id: i32 = std::fs::read_to_string(state.join("pid"))
        .ok()?
        .trim()
        .parse()
        .ok()?;
    // The id may be another process's by now.
    let command = std::fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?;
    let program = command.split('\0').next().unwrap_or_default();
    Path::new(program)
        .ends_with("stoa")
        .then(|| Pid::from_raw(id))
        .flatten()
}

/// Refuses to run two platforms over the same data.
pub(super) fn refuse_second(state: &Path) -> anyhow::Result<()> {
    match running(state) {
        Some(id) => bail!(
            "it runs already (process {}); `make down` ends it",
            id.as_raw_nonzero()
        ),
        None => Ok(()),
    }
}

/// Runs the same command in the background, shows what it says until everything is ready, and
/// leaves it running. One that runs already is just as well.
pub(super) async fn detach(state: &Path) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt as _;
    if running(state).is_some() && state.join("ready").exists() {
        say("stoa", "it runs already");
        return Ok(());
    }
    refuse_second(state)?;
    let log_path = state.join("dev.log");
    // The demo's login stands in it.
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let log = options.open(&log_path)?;
    let mut said = BufReader::new(File::open(&log_path)?);
    let log_name = log_path.display();
    say(
        "stoa",
        &format!("starting in the background; log in {log_name}"),
    );
    let mut child = Command::new(std::env::current_exe()?)
        .args(
            std::env::args_os()
                .skip(1)
                .filter(|argument| argument != "--detach"),
        )
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()?;
    let end = told_to_end();
    tokio::pin!(end);
    loop {
        let status = child.try_wait()?;
        show(&mut said)?;
        if let Some(status) = status {
            bail!("the platform did not start ({status})");
        }
        if state.join("ready").exists() {
            say("stoa", "it runs in the background; `make down` ends it");
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            () = &mut end => {
                stop(state).await?;
                bail!("interrupted");
            }
        }
    }
}

/// Shows the lines that were written since.
fn show(log: &mut BufReader<File>) -> anyhow::Result<()> {
    let mut line = String::new();
    while log.read_line(&mut line)? > 0 {
        super::supervisor::print(line.trim_end());
        line.clear();
    }
    Ok(())
}

/// Stops the platform that uses the state folder.
pub(super) async fn stop(state: &Path) -> anyhow::Result<()> {
    let Some(id) = running(state) else {
        say("stoa", "nothing runs");
        return Ok(());
    };
    kill_process(id, Signal::TERM).context("cannot stop it")?;
    let gone = async {
        while running(state).is_some() {
            tokio::time::sleep(POLL).await;
        }
    };
    let waited = tokio::time::timeout(STOP_DEADLINE, gone).await;
    ensure!(waited.is_ok(), "it does not stop");
    say("stoa", "stopped");
    Ok(())
}
