//! A node that is reached by SSH, as a real manager is.

use anyhow::{Context as _, Result, ensure};
use std::path::PathBuf;
use std::process::Command;

use crate::run::output;
use crate::swarm::docker_here;

/// A node whose SSH server lets this machine's user in, until this is dropped.
pub struct SshDoor {
    container: String,
    host: String,
    /// `~/.ssh`, which was not there.
    folder: PathBuf,
}

impl SshDoor {
    /// Starts an SSH server on a node and makes a key for it. Refuses to touch an `~/.ssh` that is there.
    pub fn open(node: &str) -> Result<Self> {
        let container = format!("stoa-{node}");
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = docker_here(&["container", "inspect", "--format", format, &container])?;
        let address = address.trim();
        let folder = std::env::home_dir().context("no home folder")?.join(".ssh");
        ensure!(
            !folder.exists(),
            "{} is in the way: `make test DELIVERY=all` runs this in a container",
            folder.display()
        );
        std::fs::create_dir(&folder)?;
        let door = Self {
            host: format!("ssh://root@{address}"),
            container,
            folder,
        };
        let key = door.folder.join("id_ed25519");
        let arguments = ["-q", "-t", "ed25519", "-N", "", "-f"];
        output(Command::new("ssh-keygen").args(arguments).arg(&key))?;
        let public = std::fs::read_to_string(key.with_extension("pub"))?;
        let script = "mkdir -p /run/sshd -m 755 && mkdir -p /root/.ssh -m 700 && echo \"$1\" >/root/.ssh/authorized_keys \
            && ssh-keygen -A >/dev/null && /usr/sbin/sshd && cat /etc/ssh/ssh_host_ed25519_key.pub";
        let server = docker_here(&["exec", &door.container, "sh", "-euc", script, "sh", &public])?;
        std::fs::write(
            door.folder.join("known_hosts"),
            format!("{address} {server}"),
        )?;
        Ok(door)
    }

    /// What a cluster's file calls it.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl Drop for SshDoor {
    fn drop(&mut self) {
        let script = "pkill -x sshd; rm -rf /root/.ssh";
        drop(docker_here(&["exec", &self.container, "sh", "-c", script]));
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
