//! Runs a process: its lines with its name before them, again after it failed, gone at the end.

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How long a process may take to end after its signal.
const PATIENCE: Duration = Duration::from_secs(25);
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(15);
/// A process that ran this long had no trouble starting.
const HEALTHY: Duration = Duration::from_secs(30);

/// A process to run.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// The name before its lines.
    pub(super) name: String,
    /// What to run.
    pub(super) program: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<OsString>,
    /// What is added to the environment; a `KEY_FILE` takes `KEY` out and the other way round.
    pub(super) environment: Vec<(String, String)>,
    /// Where it runs.
    pub(super) folder: PathBuf,
    /// Whom it runs as, if not as the caller.
    pub(super) user: Option<(u32, u32)>,
    /// The signal that ends it well.
    pub(super) stop: Signal,
}

impl Spec {
    /// The command. `setpriv` changes the user, and ends the process should its parent be killed.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        let parting = if self.stop == Signal::INT {
            "INT"
        } else {
            "TERM"
        };
        command.arg("--pdeathsig").arg(parting);
        if let Some((user, group)) = self.user {
            command.args([format!("--reuid={user}"), format!("--regid={group}")]);
            command.arg("--clear-groups");
        }
        command
            .arg("--")
            .arg(&self.program)
            .args(&self.arguments)
            .current_dir(&self.folder);
        for (key, value) in &self.environment {
            let twin = key
                .strip_suffix("_FILE")
                .map_or(format!("{key}_FILE"), str::to_owned);
            command.env_remove(twin).env(key, value);
        }
        // A group of its own: Ctrl-C reaches this process alone, which then stops the others.
        command.stdin(Stdio::null()).process_group(0);
        command
    }

    /// Runs it to its end; anything but success is an error.
    pub(super) async fn run_once(&self) -> anyhow::Result<()> {
        let mut child = self.spawn()?;
        let status = child.wait().await?;
        anyhow::ensure!(status.success(), "{} failed: {status}", self.name);
        Ok(())
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let mut command = self.command();
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", self.name))?;
        if let Some(lines) = child.stdout.take() {
            tokio::spawn(forward(self.name.clone(), lines));
        }
        if let Some(lines) = child.stderr.take() {
            tokio::spawn(forward(self.name.clone(), lines));
        }
        Ok(child)
    }
}

/// A line with the name of who says it.
pub(super) fn say(name: &str, line: &str) {
    print(&format!("{name:>12} | {line}"));
}

/// A line as it is.
pub(super) fn print(line: &str) {
    // A closed terminal is no reason to stop the platform.
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}

/// Waits for Ctrl-C or SIGTERM.
pub(super) async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

/// Ends with the process, whose end of the pipe it reads.
async fn forward(name: String, from: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        say(&name, &line);
    }
}

/// Keeps a process running until `stop`; `restart` ends it and starts it anew.
pub(super) async fn keep(spec: Spec, restart: Arc<Notify>, stop: CancellationToken) {
    let mut backoff = FIRST_BACKOFF;
    while !stop.is_cancelled() {
        let started = Instant::now();
        let outcome = match spec.spawn() {
            Ok(mut child) => tokio::select! {
                status = child.wait() => status.map_or_else(|e| e.to_string(), |s| s.to_string()),
                () = restart.notified() => {
                    end(&spec, &mut child).await;
                    backoff = FIRST_BACKOFF;
                    continue;
                }
                () = stop.cancelled() => return end(&spec, &mut child).await,
            },
            Err(error) => format!("{error:#}"),
        };
        if started.elapsed() > HEALTHY {
            backoff = FIRST_BACKOFF;
        }
        say(
            "stoa",
            &format!(
                "{} ended: {outcome}; starting it again in {backoff:?}",
                spec.name
            ),
        );
        tokio::select! {
            () = tokio::time::sleep(backoff) => backoff = (backoff * 2).min(LONGEST_BACKOFF),
            () = restart.notified() => backoff = FIRST_BACKOFF,
            () = stop.cancelled() => return,
        }
    }
}

/// Asks a process to end, and makes it.
async fn end(spec: &Spec, child: &mut Child) {
    let id = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(id) = id {
        // It may have ended by itself just now.
        let _ = kill_process(id, spec.stop);
    }
    if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
        say("stoa", &format!("{} does not end; killing it", spec.name));
        drop(child.kill().await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoa_testing::eventually;

    fn shell(script: &str, folder: &std::path::Path) -> Spec {
        Spec {
            name: "test".into(),
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("GREETING_FILE".into(), "x".into())],
            folder: folder.to_owned(),
            user: None,
            stop: Signal::TERM,
        }
    }

    fn lines(path: &std::path::Path) -> usize {
        std::fs::read_to_string(path)
            .unwrap_or_default()
            .lines()
            .count()
    }

    #[tokio::test]
    async fn a_process_that_fails_is_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let stop = CancellationToken::new();
        let spec = shell("echo $GREETING_FILE >> log; exit 1", folder.path());
        let task = tokio::spawn(keep(spec, Arc::default(), stop.clone()));
        eventually(Duration::from_secs(10), || async {
            (lines(&log) >= 2).then_some(())
        })
        .await;
        stop.cancel();
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_process_is_asked_to_end_and_restarted_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let (started, ended) = (folder.path().join("started"), folder.path().join("ended"));
        let stop = CancellationToken::new();
        let restart = Arc::new(Notify::new());
        let script =
            "trap 'echo >> ended; exit 0' TERM; echo >> started; while :; do sleep 0.05; done";
        let spec = shell(script, folder.path());
        let task = tokio::spawn(keep(spec, Arc::clone(&restart), stop.clone()));
        let limit = Duration::from_secs(10);
        eventually(limit, || async { (lines(&started) == 1).then_some(()) }).await;
        restart.notify_one();
        eventually(limit, || async { (lines(&started) == 2).then_some(()) }).await;
        stop.cancel();
        task.await.unwrap();
        assert_eq!(lines(&ended), 2);
    }
}
