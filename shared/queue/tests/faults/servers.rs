//! Servers of the trial's own, which can be restarted and killed: processes of this machine's packages, which end
//! with it.

use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use std::env;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::Duration;
use stoa_testing::eventually;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// How long a server may take until it listens: RabbitMQ on a busy machine.
const STARTING: Duration = Duration::from_mins(2);

/// A server, on a free port of 127.0.0.1, with a folder of its own.
pub(crate) struct Server {
    pub(crate) port: u16,
    user: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    /// By which it dies at once, with all that belongs to it.
    death: Signal,
    process: Option<Child>,
    folder: TempDir,
}

impl Server {
    /// A Redis that writes down what it has once a second: killed, it loses the last one.
    pub(crate) async fn redis() -> Option<Self> {
        let mut redis = Self::new("redis", "redis-server", Signal::KILL)?;
        let port = redis.port.to_string();
        let listening = ["--port", &port, "--bind", "127.0.0.1", "--save", ""];
        let writing = ["--appendonly", "yes", "--appendfsync", "everysec"];
        redis.arguments = owned(&[&listening[..], &writing].concat());
        redis.start().await;
        Some(redis)
    }

    /// A PostgreSQL with two databases, `record` and `parts`.
    pub(crate) async fn postgres() -> Option<Self> {
        let mut postgres = Self::new("postgres", "postgres", Signal::QUIT)?;
        let (folder, port) = (postgres.path("data"), postgres.port.to_string());
        let made = ["-D", &folder, "--auth", "trust", "--username", "postgres"];
        let mut made = postgres.command(&found("initdb")?, &owned(&made));
        let made = made.status().await.expect("initdb is there");
        assert!(made.success(), "initdb makes a folder for PostgreSQL");
        let listening = ["-D", &folder, "-p", &port, "-k", &folder, "-h", "127.0.0.1"];
        // The machine does not fail, only the process.
        let settings = ["-c", "fsync=off", "-c", "max_connections=200"];
        postgres.arguments = owned(&[&listening[..], &settings].concat());
        postgres.start().await;
        Some(postgres)
    }

    /// A RabbitMQ; its name server is another process, which it needs.
    pub(crate) async fn rabbitmq() -> Option<[Self; 2]> {
        let mut names = Self::new("rabbitmq", "epmd", Signal::KILL)?;
        let port = names.port.to_string();
        names.arguments = owned(&["-port", &port, "-address", "127.0.0.1"]);
        names.start().await;
        let mut rabbitmq = Self::new("rabbitmq", "rabbitmq-server", Signal::KILL)?;
        let folder = rabbitmq.path("");
        rabbitmq.environment = vec![
            ("ERL_EPMD_PORT", port),
            ("HOME", folder.clone()),
            ("RABBITMQ_MNESIA_BASE", folder.clone()),
            ("RABBITMQ_LOG_BASE", folder),
            ("RABBITMQ_NODENAME", "stoa-faults@localhost".into()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".into()),
            ("RABBITMQ_NODE_PORT", rabbitmq.port.to_string()),
            ("RABBITMQ_DIST_PORT", free_port().to_string()),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "/dev/null".into()),
            ("RABBITMQ_CONFIG_FILE", rabbitmq.path("none")),
            ("RABBITMQ_ALLOW_INPUT", "1".into()),
            ("RABBITMQ_SERVER_START_ARGS", "-noinput".into()),
        ];
        rabbitmq.start().await;
        Some([rabbitmq, names])
    }

    /// None if this machine has not the program, or cannot start it so that it ends with this process.
    fn new(user: &'static str, program: &str, death: Signal) -> Option<Self> {
        found("setpriv")?;
        let program = found(program)?;
        let folder = tempfile::tempdir().expect("a folder for a server");
        if geteuid().is_root() {
            // Servers refuse to run as root.
            let mut giving = std::process::Command::new("chown");
            giving.arg(user).arg(folder.path());
            giving.status().ok().filter(ExitStatus::success)?;
        }
        Some(Self {
            port: free_port(),
            user,
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            death,
            process: None,
            folder,
        })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn command(&self, program: &Path, arguments: &[String]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", self.death_name()]);
        if geteuid().is_root() {
            command.args(["--reuid", self.user, "--regid", self.user, "--clear-groups"]);
        }
        command.arg(program).args(arguments);
        command.envs(self.environment.iter().cloned());
        command.current_dir(self.folder.path()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        command
    }

    fn death_name(&self) -> &'static str {
        if self.death == Signal::QUIT {
            "QUIT"
        } else {
            "KILL"
        }
    }

    /// Starts it; returns when it listens.
    pub(crate) async fn start(&mut self) {
        let mut command = self.command(&self.program, &self.arguments);
        self.process = Some(command.spawn().expect("the program was found"));
        let port = self.port;
        eventually(STARTING, || async move {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) async fn kill(&mut self) {
        self.signal(self.death).await;
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        self.signal(Signal::TERM).await;
    }

    async fn signal(&mut self, signal: Signal) {
        if let Some(mut process) = self.process.take() {
            send(&process, signal);
            // PostgreSQL waits for its clients if it is asked.
            let ended = tokio::time::timeout(Duration::from_secs(3), process.wait());
            if ended.await.is_err() {
                send(&process, self.death);
                process.wait().await.expect("a process can be waited for");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            send(process, self.death);
        }
        if thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("what {} has written stays in {}", self.user, self.path(""));
        }
    }
}

fn send(process: &Child, signal: Signal) {
    let pid = process.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // It may have ended.
        let _ = kill_process_group(pid, signal);
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A program of the path, or of the folders where packages keep theirs.
fn found(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter();
    let versions = versions.flatten().flatten();
    let folders = [PathBuf::from("/usr/lib/rabbitmq/bin")].into_iter();
    let mut folders = folders
        .chain(versions.map(|version| version.path().join("bin")))
        .chain(env::split_paths(&path));
    folders.find_map(|folder| Some(folder.join(program)).filter(|program| program.is_file()))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}
