//! The runbook: it answers every alert and nothing else, and asks the clusters that alerts come from.

use std::collections::BTreeMap;
use std::path::Path;

/// Stands in the runbook for any service that has the alert.
const ANY_SERVICE: &str = "<Service>";

/// `docs/runbook.md`.
pub(super) struct Runbook {
    /// Its headings; those that an alert has led to are true.
    headings: BTreeMap<String, bool>,
    /// Its commands that ask this machine, where no alert comes from.
    local: Vec<String>,
}

impl Runbook {
    /// Reads the runbook of the workspace at `root`.
    pub(super) fn read(root: &Path) -> Self {
        let text = std::fs::read_to_string(root.join("docs/runbook.md")).unwrap_or_default();
        let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
        Self {
            headings: headings
                .map(|name| (name.trim().to_owned(), false))
                .collect(),
            local: local(&text),
        }
    }

    /// Whether there is a heading for an alert of the service `name`; notes that it was needed.
    pub(super) fn answers(&mut self, alert: &str, name: &str) -> bool {
        let general = alert
            .strip_prefix(&capital(name))
            .map(|what| format!("{ANY_SERVICE}{what}"));
        let candidates = [Some(alert.to_owned()), general];
        let Some(heading) = candidates
            .into_iter()
            .flatten()
            .find(|one| self.headings.contains_key(one))
        else {
            return false;
        };
        self.headings.insert(heading, true);
        true
    }

    /// The paragraphs that no alert has led to, and what leads elsewhere than to a cluster.
    pub(super) fn check(&self) -> Vec<String> {
        let idle = self.headings.iter().filter(|(_, used)| !**used);
        let idle = idle.map(|(name, _)| format!("docs/runbook.md: {name}: there is no such alert"));
        let local = self.local.iter();
        let local = local.map(|command| format!("docs/runbook.md: `{command}` asks no cluster"));
        idle.chain(local).collect()
    }
}

/// The commands of a document that are about the platform on this machine.
fn local(text: &str) -> Vec<String> {
    let commands = text.split('`').skip(1).step_by(2);
    let local = commands.filter(|command| {
        let is_made = command.starts_with("make ") && !command.contains("CLUSTER=");
        is_made || command.starts_with("docker compose")
    });
    local.map(str::to_owned).collect()
}

/// A service as its alerts are named after it.
pub(super) fn capital(name: &str) -> String {
    let (first, rest) = name.split_at(name.len().min(1));
    first.to_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_ask_the_cluster_that_the_alert_comes_from() {
        let text = "`make status CLUSTER=production`, `make logs S=api`; `docker compose ps`, `docker node ls`";
        assert_eq!(local(text), ["make logs S=api", "docker compose ps"]);
    }
}
