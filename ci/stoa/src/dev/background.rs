//! One platform per state folder; started in the background and stopped by a later command.

use super::supervisor::say;
use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const POLL: Duration = Duration::from_millis(200);
/// Longer than the drain of all services and the shutdown of PostgreSQL.
const STOP_DEADLINE: Duration = Duration::from_mins(1);
/// How much of the log is shown when the start failed.
const LAST_LINES: usize = 40;

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

/// Says that everything runs.
pub(super) fn write_ready(state: &Path) -> anyhow::Result<()> {
    Ok(std::fs::write(state.join("ready"), "")?)
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
            "it runs already (process {}); `stoa dev --stop` ends it",
            id.as_raw_nonzero()
        ),
        None => Ok(()),
    }
}

/// Runs the same command in the background and waits until everything is ready.
pub(super) async fn detach(state: &Path) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt as _;
    let log_path = state.join("dev.log");
    let log = std::fs::File::create(&log_path)?;
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
    say(
        "stoa",
        &format!("starting in the background; log in {}", log_path.display()),
    );
    while !state.join("ready").exists() {
        if let Some(status) = child.try_wait()? {
            let log = std::fs::read_to_string(&log_path).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
            bail!(
                "the platform did not start ({status}):\n{}",
                last.join("\n")
            );
        }
        tokio::time::sleep(POLL).await;
    }
    say("stoa", "ready; `stoa dev --stop` ends it");
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
    waited.context("it does not stop")?;
    say("stoa", "stopped");
    Ok(())
}
