//! `stoa lock`: runs a command while nobody deploys to the cluster, nor can.

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use std::path::Path;
use std::time::Duration;
use tokio::process::{Child, Command};

use super::attempt::Interrupts;
use super::lock::{self, Lock};
use super::{duration, who};
use crate::cluster::Cluster;

/// Which command, and on which cluster.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LockOptions {
    /// One of `stacks/clusters/`.
    #[arg(long)]
    pub(crate) cluster: String,
    /// How long to wait for a deployer. Less than 40s never takes over from one that died.
    #[arg(long, default_value = "45s", value_parser = duration)]
    pub(crate) wait: Duration,
    /// The command and its arguments.
    #[arg(required = true, last = true)]
    pub(crate) command: Vec<String>,
}

/// Runs the command under the cluster's lock.
pub(crate) async fn run(options: &LockOptions, root: &Path) -> anyhow::Result<()> {
    let engine = Cluster::load(root, &options.cluster)?.connect().await?;
    let lock = lock::acquire(&engine, None, &who(), options.wait).await?;
    let done = under(&lock, &options.command).await;
    lock.free_after(done).await
}

/// Runs a command, and tells it to end when this is to end or the lock is lost. The lock is held until it has ended:
/// it may have something to put right.
async fn under(lock: &Lock, command: &[String]) -> anyhow::Result<()> {
    let (program, arguments) = command.split_first().context("no command")?;
    let mut interrupts = Interrupts::listen()?;
    // A group of its own: Ctrl-C comes to it by way of this, and once.
    let mut child = Command::new(program)
        .args(arguments)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot run `{program}`"))?;
    let lost = lock.lost();
    let reason = tokio::select! {
        status = child.wait() => {
            let status = status?;
            return if status.success() { Ok(()) } else { bail!("`{program}`: {status}") };
        }
        cause = interrupts.next() => cause.detail,
        () = lost.cancelled() => "the lock is not ours any more".to_owned(),
    };
    terminate(&child)?;
    let status = child.wait().await?;
    bail!("`{program}` was told to end, because {reason}: {status}")
}

fn terminate(child: &Child) -> anyhow::Result<()> {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(group) = id.and_then(Pid::from_raw) {
        kill_process_group(group, Signal::TERM)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fake::FakeManager;
    use serde_json::json;

    /// Far more than anything here takes that does not hang.
    const LONG: Duration = Duration::from_mins(1);

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn a_command_holds_the_lock_and_its_failure_is_told() {
        let manager = FakeManager::start().await;
        let engine = manager.cluster().connect().await.unwrap();
        let take = |by| lock::acquire(&engine, None, by, Duration::ZERO);
        let lock = take("alice").await.unwrap();
        assert!(take("bob").await.is_err());
        under(&lock, &shell("exit 0")).await.unwrap();
        let failed = under(&lock, &shell("exit 3")).await.unwrap_err();
        assert!(failed.to_string().contains('3'), "{failed}");
        lock.free_after(()).await;
        take("bob").await.unwrap();
    }

    #[tokio::test]
    async fn a_command_is_told_to_end_when_the_lock_is_lost_and_is_waited_for() {
        let manager = FakeManager::start().await;
        let engine = manager.cluster().connect().await.unwrap();
        let lock = lock::acquire(&engine, None, "alice", Duration::ZERO)
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready");
        let script = format!(
            "trap 'exit 7' TERM; touch {}; while true; do sleep 1; done",
            ready.display()
        );
        let steal = async {
            while !ready.exists() {
                tokio::task::yield_now().await;
            }
            manager.configs.relabel("stoa-lock", json!({}));
        };
        let command = shell(&script);
        let both = async { tokio::join!(under(&lock, &command), steal) };
        let (ended, ()) = tokio::time::timeout(LONG, both).await.expect("it ends");
        let ended = ended.unwrap_err().to_string();
        assert!(
            ended.contains("not ours any more") && ended.contains('7'),
            "{ended}"
        );
    }
}
