//! PostgreSQL and Redis of this platform alone, from the machine's packages.

use super::layout::Layout;
use super::secrets;
use super::supervisor::Spec;
use super::tools::{Tools, is_root, reachable_by_others, unprivileged_user};
use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use std::fmt::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// A server of the platform answers within this after its start, recovery included.
const START_DEADLINE: Duration = Duration::from_mins(1);

/// The two servers, ready to be started.
pub(super) struct Servers {
    /// PostgreSQL.
    pub(super) postgres: Spec,
    /// Redis.
    pub(super) redis: Spec,
    tools: Tools,
    password: PathBuf,
    port: u16,
}

impl Servers {
    /// Makes the data folders and the configuration.
    pub(super) async fn prepare(layout: &Layout, tools: &Tools) -> anyhow::Result<Self> {
        let user = is_root()
            .then(unprivileged_user)
            .transpose()?
            .map(|(_, uid, gid)| (uid, gid));
        let data = data_folder(layout, user)?;
        let password = layout.secret("postgres_password");
        if !data.join("postgres/PG_VERSION").exists() {
            init_postgres(&data, &password, tools, user).await?;
        }
        let redis = redis_configuration(layout, &data, user)?;
        let spec = |name: &str, program: PathBuf, stop| Spec {
            name: name.into(),
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: data.clone(),
            user,
            stop,
        };
        let mut postgres = spec("postgres", tools.postgres.join("postgres"), Signal::INT);
        postgres.arguments = postgres_arguments(&data, layout.postgres_port);
        let mut redis_spec = spec("redis", tools.redis.clone(), Signal::TERM);
        redis_spec.arguments = vec![redis.into()];
        let port = layout.postgres_port;
        Ok(Self {
            postgres,
            redis: redis_spec,
            tools: tools.clone(),
            password,
            port,
        })
    }

    /// Waits for PostgreSQL and gives every service that owns one its role and database.
    pub(super) async fn provision(&self, layout: &Layout) -> anyhow::Result<()> {
        let wait = async {
            while self.psql("SELECT 1;").await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let waited = tokio::time::timeout(START_DEADLINE, wait).await;
        waited.context("PostgreSQL does not answer; its lines above say why")?;
        let mut script = String::new();
        for service in layout
            .services
            .iter()
            .filter(|service| service.owns_database)
        {
            let password = layout.secret(&format!("{}_database_password", service.name));
            script.push_str(&provisioning(&service.name, &secrets::read(&password)?)?);
        }
        self.psql(&script).await
    }

    async fn psql(&self, script: &str) -> anyhow::Result<()> {
        let mut child = Command::new(self.tools.postgres.join("psql"))
            .args([
                "--no-psqlrc",
                "--quiet",
                "--set=ON_ERROR_STOP=1",
                "--host=127.0.0.1",
            ])
            .args([
                "--username=postgres",
                "--dbname=postgres",
                "--output=/dev/null",
            ])
            .arg(format!("--port={}", self.port))
            .env("PGPASSWORD", secrets::read(&self.password)?)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().context("psql has no input")?;
        stdin.write_all(script.as_bytes()).await?;
        drop(stdin);
        let output = child.wait_with_output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "psql: {}", said.trim());
        Ok(())
    }
}

/// Removes what a platform has left: data, secrets, log.
pub(super) fn wipe(root: &Path, state: &Path) -> anyhow::Result<()> {
    for folder in [state.to_owned(), outside(state)] {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
            let name = folder.strip_prefix(root).unwrap_or(&folder).display();
            super::supervisor::say("stoa", &format!("removed {name}"));
        }
    }
    Ok(())
}

/// Where the data is if the servers' user cannot reach the state folder.
fn outside(state: &Path) -> PathBuf {
    let name = state.display().to_string().replace('/', "-");
    PathBuf::from(format!("/var/tmp/stoa-dev{name}"))
}

/// Under the state folder, unless the servers run as somebody who cannot get there.
fn data_folder(layout: &Layout, user: Option<(u32, u32)>) -> anyhow::Result<PathBuf> {
    let inside = layout.state.join("data");
    std::fs::create_dir_all(&inside)?;
    let folder = match user {
        Some(_) if !reachable_by_others(&layout.state) => outside(&layout.state),
        _ => inside,
    };
    std::fs::create_dir_all(&folder)?;
    own(&folder, user)?;
    Ok(folder)
}

/// Gives a file or folder to the servers' user, and to nobody else.
fn own(path: &Path, user: Option<(u32, u32)>) -> anyhow::Result<()> {
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    if let Some((user, group)) = user {
        chown(path, Some(user), Some(group))
            .with_context(|| format!("cannot give {} away", path.display()))?;
    }
    Ok(())
}

async fn init_postgres(
    data: &Path,
    password: &Path,
    tools: &Tools,
    user: Option<(u32, u32)>,
) -> anyhow::Result<()> {
    super::supervisor::say("stoa", "creating the PostgreSQL data folder");
    secrets::keep(password, &secrets::random())?;
    let copy = data.join("initial-password");
    std::fs::copy(password, &copy)?;
    own(&copy, user)?;
    let initdb = Spec {
        name: "initdb".into(),
        program: tools.postgres.join("initdb"),
        arguments: vec![
            format!("--pgdata={}", data.join("postgres").display()).into(),
            format!("--pwfile={}", copy.display()).into(),
            "--username=postgres".into(),
            "--auth=scram-sha-256".into(),
            "--encoding=UTF8".into(),
            "--locale=C.UTF-8".into(),
        ],
        environment: Vec::new(),
        folder: data.to_owned(),
        user,
        stop: Signal::TERM,
    };
    let done = initdb.run_once().await;
    std::fs::remove_file(copy)?;
    done
}

fn postgres_arguments(data: &Path, port: u16) -> Vec<std::ffi::OsString> {
    let mut arguments = vec!["-D".into(), data.join("postgres").into()];
    let settings = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".into(),
        "unix_socket_directories=".into(),
        "max_connections=200".into(),
        // What a laptop loses in a power cut is a development database.
        "synchronous_commit=off".into(),
        "log_min_messages=warning".into(),
    ];
    for setting in settings {
        arguments.push("-c".into());
        arguments.push(setting.into());
    }
    arguments
}

fn redis_configuration(
    layout: &Layout,
    data: &Path,
    user: Option<(u32, u32)>,
) -> anyhow::Result<PathBuf> {
    let folder = data.join("redis");
    std::fs::create_dir_all(&folder)?;
    own(&folder, user)?;
    let password = secrets::read(&layout.secret("redis_password"))?;
    let configuration = format!(
        "bind 127.0.0.1\nport {}\nrequirepass {password}\ndir {}\nappendonly yes\nsave \"\"\n\
         loglevel warning\n",
        layout.redis_port,
        folder.display(),
    );
    let path = data.join("redis.conf");
    std::fs::write(&path, configuration)?;
    own(&path, user)?;
    Ok(path)
}

/// A role and a database of the same name, whether they exist or not. The password is ours:
/// letters and digits.
fn provisioning(name: &str, password: &str) -> anyhow::Result<String> {
    let mut script = String::new();
    writeln!(
        script,
        "SELECT 'CREATE ROLE \"{name}\" LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') \\gexec"
    )?;
    writeln!(script, "ALTER ROLE \"{name}\" PASSWORD '{password}';")?;
    writeln!(
        script,
        "SELECT 'CREATE DATABASE \"{name}\" OWNER \"{name}\"' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \\gexec"
    )?;
    writeln!(script, "REVOKE ALL ON DATABASE \"{name}\" FROM PUBLIC;")?;
    Ok(script)
}
