//! A command as an operator runs it: the `stoa` binary, or what a guide says.

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longer than any deploy of a trial and its putting back.
const LIMIT: Duration = Duration::from_mins(6);

/// A command that runs.
pub struct Deployer {
    child: Child,
    started: Instant,
    output: Arc<Mutex<String>>,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Run {
    /// Its exit code; -1 if it was killed.
    pub code: i32,
    /// Everything that it printed.
    pub output: String,
    /// How long it took.
    pub took: Duration,
}

impl Deployer {
    pub(crate) fn start(root: &Path, cluster: Option<&str>, arguments: &[&str]) -> Result<Self> {
        let login = crate::clusters().join("registry");
        let cluster = cluster.into_iter().flat_map(|name| ["--cluster", name]);
        Self::spawn(
            Command::new(binary()?)
                .args(arguments)
                .args(cluster)
                .current_dir(root)
                .env("DOCKER_CONFIG", &login)
                .env("DOCKER_CERT", login.join("ca.crt"))
                .env("STOA_REGISTRY_ADDRESS", "10.99.0.2:5000")
                .env("GITLAB_USER_LOGIN", "trial"),
        )
    }

    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let output = Arc::default();
        if let Some(pipe) = child.stdout.take() {
            collect(pipe, &output);
        }
        if let Some(pipe) = child.stderr.take() {
            collect(pipe, &output);
        }
        Ok(Self {
            child,
            started: Instant::now(),
            output,
        })
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.clone()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Result<Run> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                // The pipes are read by threads, which end with them.
                crate::wait_until(Duration::from_secs(10), || {
                    Ok(Arc::strong_count(&self.output) == 1)
                })?;
                return Ok(Run {
                    code: status.code().unwrap_or(-1),
                    output: self.output(),
                    took: self.started.elapsed(),
                });
            }
            let late = self.started.elapsed() > LIMIT;
            if late {
                self.kill()?;
            }
            ensure!(!late, "it did not end within {LIMIT:?}:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Kills it without warning.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("kill")?;
        self.child.wait().context("wait")?;
        Ok(())
    }

    /// Asks it to end.
    pub fn terminate(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::TERM)?)
    }
}

impl Run {
    /// Fails with the output unless the exit code is `code`, and returns itself.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "exit code; the output:\n{}", self.output);
        self
    }

    /// Fails with the output unless that says `text`.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(
            self.output.contains(text),
            "`{text}` is not said:\n{}",
            self.output
        );
        self
    }

    /// Fails with the output unless it took less than `limit`.
    #[track_caller]
    pub fn within(&self, limit: Duration) -> &Self {
        assert!(
            self.took < limit,
            "{:?} is too long:\n{}",
            self.took,
            self.output
        );
        self
    }
}

fn collect(mut pipe: impl Read + Send + 'static, output: &Arc<Mutex<String>>) {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(count) = pipe.read(&mut chunk)
            && count > 0
        {
            let text = String::from_utf8_lossy(&chunk[..count]);
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            output.push_str(&text);
        }
    });
}

/// What a program prints, if it succeeds.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {complaint}");
    Ok(String::from_utf8(output.stdout)?)
}

/// The binary that was built with these tests, or the one that `STOA_BIN` names.
fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("STOA_BIN") {
        return Ok(PathBuf::from(path));
    }
    let test = std::env::current_exe()?;
    let folder = test
        .parent()
        .and_then(Path::parent)
        .context("no target folder")?;
    let path = folder.join("stoa");
    ensure!(
        path.is_file(),
        "{} is not built: cargo build -p stoa",
        path.display()
    );
    Ok(path)
}
