//! After a change of the sources: what came out different is restarted, the rest is left alone.

use super::build::Binaries;
use super::platform::Platform;
use super::supervisor::say;
use super::watch::Watch;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Notify;

/// How to restart each service, and what it was started from.
pub(super) struct Restarts {
    pub(super) binaries: Binaries,
    pub(super) notify: BTreeMap<String, Arc<Notify>>,
}

impl Restarts {
    /// Nothing runs yet.
    pub(super) fn new(binaries: Binaries) -> Self {
        Self {
            binaries,
            notify: BTreeMap::new(),
        }
    }
}

impl Platform<'_> {
    /// Rebuilds after every change and restarts what came out different.
    pub(super) async fn follow_changes(&self, mut watch: Watch, mut restarts: Restarts) {
        loop {
            let files = watch.changed().await;
            say("stoa", &format!("changed: {}", self.names(&files)));
            match self.rebuild(&files, &mut restarts).await {
                Ok(names) if names.is_empty() => say("stoa", "nothing came out different"),
                Ok(names) => say("stoa", &format!("restarted {}", names.join(", "))),
                Err(error) => say("stoa", &format!("{error:#}; what runs stays as it is")),
            }
        }
    }

    async fn rebuild(
        &self,
        files: &[PathBuf],
        restarts: &mut Restarts,
    ) -> anyhow::Result<Vec<&str>> {
        let now = self.build().await?;
        let routes = files.iter().any(|file| file.ends_with("routes.toml"));
        let mut names = Vec::new();
        for service in &self.layout.services {
            let different = now.differs(&restarts.binaries, &service.name);
            if different {
                self.migrate(service, &now).await?;
            }
            if different || (routes && service.name == "gateway") {
                restarts.notify[&service.name].notify_one();
                names.push(service.name.as_str());
            }
        }
        restarts.binaries = now;
        Ok(names)
    }

    /// The first files, from the workspace's folder on.
    fn names(&self, files: &[PathBuf]) -> String {
        const SHOWN: usize = 3;
        let names = files.iter().take(SHOWN).map(|file| {
            let inside = file.strip_prefix(&self.layout.root).unwrap_or(file);
            inside.display().to_string()
        });
        let more = if files.len() > SHOWN { ", ..." } else { "" };
        format!("{}{more}", names.collect::<Vec<_>>().join(", "))
    }
}
