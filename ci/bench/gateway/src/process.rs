//! A process of the run, pinned to a core, in a group of its own.

use crate::proc;
use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::File;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a process may take until it listens.
const START: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(10);
/// The lines of a process's stderr that an error shows.
const SHOWN: usize = 5;

/// What is to be started.
pub(crate) struct Program<'a> {
    pub(crate) name: &'a str,
    pub(crate) core: usize,
    pub(crate) words: Vec<String>,
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Where what it says goes.
    pub(crate) stdout: Stdio,
}

/// It, and what it has started; killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    stderr: PathBuf,
}

impl Process {
    /// Starts a program. It ends with this process, even if that is killed.
    pub(crate) fn start(program: Program<'_>, folder: &Path) -> anyhow::Result<Self> {
        let stderr = folder.join(format!("{}.stderr", program.name));
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "taskset", "--cpu-list"])
            .arg(program.core.to_string())
            .args(&program.words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(program.environment)
            .stdin(Stdio::null())
            .stdout(program.stdout)
            .stderr(File::create(&stderr)?)
            .process_group(0)
            .spawn()
            .with_context(|| program.words.join(" "))?;
        Ok(Self { child, stderr })
    }

    /// Waits until it accepts connections there.
    pub(crate) fn listens(mut self, address: SocketAddr) -> anyhow::Result<Self> {
        let start = Instant::now();
        while let Err(error) = TcpStream::connect(address) {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}: {}", self.last_words());
            }
            if start.elapsed() > START {
                bail!(
                    "nothing listens on {address}: {error}; {}",
                    self.last_words()
                );
            }
            sleep(LOOK);
        }
        Ok(self)
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.stderr).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(SHOWN).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }

    /// The processes of its group.
    pub(crate) fn processes(&self) -> Vec<u32> {
        proc::group(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // Nobody is left in it: that is what was wanted.
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
        let _ = self.child.wait();
    }
}

/// A port on which nobody listens at these addresses.
pub(crate) fn free_port(addresses: &[&str]) -> anyhow::Result<u16> {
    let first = TcpListener::bind((addresses[0], 0))?;
    let port = first.local_addr()?.port();
    for address in &addresses[1..] {
        TcpListener::bind((*address, port))?;
    }
    Ok(port)
}

/// Writes a file of the run.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = File::create(path).with_context(|| path.display().to_string())?;
    Ok(file.write_all(text.as_bytes())?)
}
