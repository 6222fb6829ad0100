//! What Alertmanager keeps to itself, because another alert tells of it already: both have to be there, or the one that
//! is meant to be silent is not.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;

use crate::yaml;

/// Where it says so.
const FILE: &str = "monitoring/alertmanager.yml";

#[derive(Deserialize)]
struct Alertmanager {
    #[serde(default)]
    inhibit_rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    source_matchers: Vec<String>,
    target_matchers: Vec<String>,
}

/// The alerts that its rules name and nobody has.
pub(super) fn check(root: &Path, alerts: &BTreeSet<String>) -> anyhow::Result<Vec<String>> {
    let path = root.join(FILE);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let read: Alertmanager = yaml::read(&path)?;
    let rules = read.inhibit_rules.iter();
    let matchers = rules.flat_map(|rule| rule.source_matchers.iter().chain(&rule.target_matchers));
    let unknown = matchers.filter(|matcher| {
        let name = matcher.strip_prefix("alertname=");
        name.is_some_and(|name| !alerts.iter().any(|alert| is_named(alert, name)))
    });
    Ok(unknown
        .map(|matcher| format!("{FILE}: {matcher}: there is no such alert"))
        .collect())
}

/// Whether an alert is the quoted one, or after a tilde one that ends so.
fn is_named(alert: &str, name: &str) -> bool {
    match name.strip_prefix("~\".+") {
        Some(end) => alert.ends_with(end.trim_end_matches('"')),
        None => alert == name.trim_matches('"'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_is_about_alerts_that_there_are() {
        let root = tempfile::tempdir().unwrap();
        let found = |source: &str, target: &str| {
            let path = root.path().join(FILE);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let rule = format!("source_matchers: ['{source}'], target_matchers: ['{target}']");
            std::fs::write(path, format!("inhibit_rules: [{{{rule}}}]\n")).unwrap();
            let alerts = ["NodeDown", "ApiDependencyDown"].map(str::to_owned);
            check(root.path(), &BTreeSet::from(alerts)).unwrap()
        };
        let known = r#"alertname="NodeDown""#;
        for source in [
            known,
            r#"alertname=~".+DependencyDown""#,
            r#"severity="page""#,
        ] {
            assert_eq!(found(source, known), [""; 0]);
        }
        for gone in [r#"alertname="Down""#, r#"alertname=~".+Late""#] {
            let breach = format!("{FILE}: {gone}: there is no such alert");
            for found in [found(gone, known), found(known, gone)] {
                assert_eq!(found.join(", "), breach);
            }
        }
    }
}
