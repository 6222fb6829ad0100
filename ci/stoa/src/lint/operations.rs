//! How a service is lived with: its alerts, what the runbook says to each, and its dashboard.

use super::runbook::{Runbook, capital};
use super::{promql, silences};
use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The one vocabulary: somebody has to come, or it can wait for the working day.
const SEVERITIES: [&str; 2] = ["page", "ticket"];
/// What a histogram is read by.
const HISTOGRAM_SUFFIXES: [&str; 3] = ["_bucket", "_count", "_sum"];
/// How an expression keeps the label of the service that its series are of: such an alert is about any service.
const OF_EACH: &str = "by (service, ";
/// The metric that Prometheus makes itself.
const UP: &str = "up";

#[derive(Deserialize)]
struct Alerts {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: String,
    expr: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// What the services share: the runbook, and the kits that count for them.
pub(super) struct Operations {
    runbook: Runbook,
    kits: String,
    /// The alerts that were checked.
    alerts: BTreeSet<String>,
}

impl Operations {
    /// Reads the runbook and the kits of the workspace at `root`.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            runbook: Runbook::read(root),
            kits: sources(&root.join("shared"))?,
            alerts: BTreeSet::new(),
        })
    }

    /// Everything that is wrong with the alerts and the dashboard of a service.
    pub(super) fn check(&mut self, folder: &Path, name: &str) -> anyhow::Result<Vec<String>> {
        let mut breaches = Vec::new();
        let code = sources(&folder.join("src"))?;
        if let Ok(text) = std::fs::read_to_string(folder.join("alerts.yml")) {
            let tests = std::fs::read_to_string(folder.join("alerts.test.yml"));
            match serde_saphyr::from_str::<Alerts>(&text) {
                Err(error) => breaches.push(format!("alerts.yml: {error}")),
                Ok(alerts) => {
                    let rules: Vec<Rule> =
                        alerts.groups.into_iter().flat_map(|g| g.rules).collect();
                    breaches.extend(missing_alerts(&rules, name, &code));
                    for rule in &rules {
                        let breach = |what| format!("alerts.yml: {}: {what}", rule.alert);
                        let tests = tests.as_deref().unwrap_or_default();
                        breaches.extend(self.check_rule(rule, name, &code, tests).map(breach));
                    }
                }
            }
        }
        if let Ok(text) = std::fs::read_to_string(folder.join("dashboard.json")) {
            let found = self.check_dashboard(&text, name, &code).into_iter();
            breaches.extend(found.map(|what| format!("dashboard.json: {what}")));
        }
        Ok(breaches)
    }

    /// Everything that is wrong with the alerts that hold for all, in `monitoring/rules`, and with what Alertmanager does
    /// about alerts, once every service is checked. What the former ask for is counted by programs that are not ours.
    pub(super) fn check_cluster(&mut self, root: &Path) -> anyhow::Result<Vec<String>> {
        let mut breaches = Vec::new();
        let tests = std::fs::read_to_string(root.join("monitoring/tests/alerts.test.yml"));
        let tests = tests.unwrap_or_default();
        for file in std::fs::read_dir(root.join("monitoring/rules"))
            .into_iter()
            .flatten()
        {
            let path = file?.path();
            let text = std::fs::read_to_string(&path)?;
            let alerts: Alerts =
                serde_saphyr::from_str(&text).with_context(|| path.display().to_string())?;
            for rule in alerts.groups.iter().flat_map(|group| &group.rules) {
                let found = self.check_words(rule, "", &tests).into_iter();
                breaches.extend(found.map(|what| format!("monitoring: {}: {what}", rule.alert)));
            }
        }
        breaches.extend(silences::check(root, &self.alerts)?);
        Ok(breaches)
    }

    /// What is wrong with the runbook, once every service and the cluster are checked.
    pub(super) fn check_runbook(&self) -> Vec<String> {
        self.runbook.check()
    }

    fn check_rule<'r>(
        &mut self,
        rule: &'r Rule,
        name: &str,
        code: &str,
        tests: &str,
    ) -> impl Iterator<Item = String> + use<'r> {
        let mut breaches = self.unknown_metrics(&rule.expr, code);
        match rule.labels.get("service") {
            None if rule.expr.contains(OF_EACH) => {}
            Some(_) if rule.expr.contains(OF_EACH) => {
                breaches.push("the label `service` hides whose series they are".into());
            }
            Some(service) if service == name => {}
            _ => breaches.push(format!("the label `service` is not {name}")),
        }
        breaches.extend(self.check_words(rule, name, tests));
        breaches.into_iter()
    }

    /// What holds for every alert, of a service or of all: its severity, its test, its paragraph.
    fn check_words(&mut self, rule: &Rule, name: &str, tests: &str) -> Vec<String> {
        let mut breaches = Vec::new();
        self.alerts.insert(rule.alert.clone());
        let severity = rule.labels.get("severity").map_or("", String::as_str);
        if !SEVERITIES.contains(&severity) {
            breaches.push(format!("the severity is one of {SEVERITIES:?}"));
        }
        if !tests.contains(&format!("alertname=\"{}\"", rule.alert)) {
            breaches.push("alerts.test.yml does not see it fire".into());
        }
        if !self.runbook.answers(&rule.alert, name) {
            breaches.push("docs/runbook.md has no heading for it".into());
        }
        breaches
    }

    fn check_dashboard(&self, text: &str, name: &str, code: &str) -> Vec<String> {
        let dashboard: Value = match serde_json::from_str(text) {
            Ok(dashboard) => dashboard,
            Err(error) => return vec![error.to_string()],
        };
        let mut breaches = Vec::new();
        // The name of a folder is no other service's: dashboards do not overwrite each other.
        if dashboard["uid"] != name {
            breaches.push(format!("the uid is not {name}"));
        }
        let mut asked = Vec::new();
        expressions(&dashboard, &mut asked);
        if asked.is_empty() {
            breaches.push("it shows nothing".into());
        }
        for expr in asked {
            breaches.extend(self.unknown_metrics(expr, code));
        }
        breaches
    }

    /// The metrics that neither the service nor a kit has.
    fn unknown_metrics(&self, expr: &str, code: &str) -> Vec<String> {
        let is_known = |metric: &String| {
            let mut names = HISTOGRAM_SUFFIXES
                .iter()
                .filter_map(|suffix| metric.strip_suffix(suffix))
                .chain([metric.as_str()])
                .map(|name| format!("\"{name}\""));
            metric == UP || names.any(|name| code.contains(&name) || self.kits.contains(&name))
        };
        let unknown = promql::metrics(expr).into_iter().filter(|m| !is_known(m));
        unknown
            .map(|metric| format!("{metric}: no such metric"))
            .collect()
    }
}

/// What every service is woken for; a dependency only where readiness asks for one.
fn missing_alerts(rules: &[Rule], name: &str, code: &str) -> Vec<String> {
    let mut wanted = vec!["Errors", "Slow"];
    if code.contains(".ready_when(") {
        wanted.push("DependencyDown");
    }
    let there: BTreeSet<&str> = rules.iter().map(|rule| rule.alert.as_str()).collect();
    let wanted = wanted.iter().map(|what| format!("{}{what}", capital(name)));
    wanted
        .filter(|alert| !there.contains(alert.as_str()))
        .map(|alert| format!("alerts.yml: {alert} is missing"))
        .collect()
}

/// Every query of a dashboard, however deep its panel lies.
fn expressions<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("expr").and_then(Value::as_str));
            fields.values().for_each(|value| expressions(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

/// The Rust below a folder, in one text.
fn sources(folder: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = std::fs::read_to_string(&path);
                text += &file.with_context(|| format!("cannot read {}", path.display()))?;
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "
groups:
  - name: cluster
    rules:
      - {alert: NodeDown, expr: up == 0, labels: {severity: page}}
      - {alert: DiskFillsUp, expr: free < 1, labels: {severity: ticket}}
";

    const SILENCE: &str = "
inhibit_rules:
  - {source_matchers: ['alertname=\"NodeDown\"'], target_matchers: ['alertname=\"DiskFillsUp\"']}
";

    /// What is wrong with the alerts of a cluster whose runbook and tests are these.
    fn found(runbook: &str, tests: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("docs/runbook.md", runbook),
            ("monitoring/rules/cluster.rules.yml", RULES),
            ("monitoring/tests/alerts.test.yml", tests),
            ("monitoring/alertmanager.yml", SILENCE),
        ] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut operations = Operations::read(root.path()).unwrap();
        let breaches = operations.check_cluster(root.path()).unwrap();
        [breaches, operations.check_runbook()].concat()
    }

    #[test]
    fn the_runbook_answers_the_alerts_of_the_cluster_too() {
        let tests = r#"alertname="NodeDown" alertname="DiskFillsUp""#;
        assert_eq!(found("## NodeDown\n## DiskFillsUp\n", tests), [""; 0]);
        assert_eq!(
            found("## NodeDown\n", r#"alertname="NodeDown""#),
            [
                "monitoring: DiskFillsUp: alerts.test.yml does not see it fire",
                "monitoring: DiskFillsUp: docs/runbook.md has no heading for it",
            ]
        );
    }
}
