//! HOUSE rules 1 to 3: one service, one folder, one name, and in it what others find by convention.

use super::operations::Operations;
use super::outbound;
use anyhow::Context as _;
use std::path::Path;

/// What every service brings: build, run, routes, and how to live with it.
const EVERY_SERVICE: [&str; 4] = ["README.md", "Dockerfile", "compose.yml", "routes.toml"];
/// What a service in Rust brings as well.
const EVERY_RUST_SERVICE: [&str; 6] = [
    "src/main.rs",
    "src/lib.rs",
    "tests",
    "alerts.yml",
    "alerts.test.yml",
    "dashboard.json",
];
/// Says how large a body may be that reaches the gateway, which then asks the routes.
const EDGE: &str = "stacks/edge/edge.conf";
/// A `main.rs` fits on a screen.
const MAIN_LINES: usize = 25;

/// Everything that a service folder lacks.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let services = root.join("services");
    let mut operations = Operations::read(root)?;
    let edge = std::fs::read_to_string(root.join(EDGE)).ok();
    let mut breaches = Vec::new();
    let entries = std::fs::read_dir(&services)
        .with_context(|| format!("cannot read {}", services.display()))?;
    for entry in entries {
        let folder = entry?.path();
        if folder.is_dir() {
            check_service(&folder, &mut operations, &mut breaches)?;
            breaches.extend(edge.as_ref().and_then(|edge| stopped_by(edge, &folder)));
        }
    }
    breaches.extend(operations.check_cluster(root)?);
    breaches.extend(operations.check_runbook());
    breaches.sort();
    Ok(breaches)
}

fn check_service(
    folder: &Path,
    operations: &mut Operations,
    breaches: &mut Vec<String>,
) -> anyhow::Result<()> {
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .context("a name in UTF-8")?;
    let mut report = |what: String| breaches.push(format!("services/{name}: {what}"));
    let missing = |files: &[&str]| -> Vec<String> {
        let absent = files.iter().filter(|file| !folder.join(file).exists());
        absent.map(|file| format!("{file} is missing")).collect()
    };
    missing(&EVERY_SERVICE).into_iter().for_each(&mut report);
    if !folder.join("Cargo.toml").exists() {
        return Ok(());
    }
    missing(&EVERY_RUST_SERVICE)
        .into_iter()
        .for_each(&mut report);
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml"))?;
    if !manifest
        .lines()
        .any(|line| line.trim() == format!("name = \"{name}\""))
    {
        report("Cargo.toml: the package is not called like the folder".into());
    }
    outbound::check(folder, name, &manifest)
        .into_iter()
        .for_each(&mut report);
    let main = std::fs::read_to_string(folder.join("src/main.rs")).unwrap_or_default();
    if main.lines().count() > MAIN_LINES {
        report(format!("src/main.rs has more than {MAIN_LINES} lines"));
    }
    // A database whose only tables are those of a kit is asked by the kit.
    if folder.join("migrations").exists() && asks(&folder.join("src"))? {
        missing(&["sqlx.toml", ".sqlx"])
            .into_iter()
            .for_each(&mut report);
    }
    operations
        .check(folder, name)?
        .into_iter()
        .for_each(&mut report);
    Ok(())
}

/// A route of the service allows bodies that the edge does not let pass.
fn stopped_by(edge: &str, folder: &Path) -> Option<String> {
    let mib = |line: &str, before: &str, after: &str| -> Option<u64> {
        let size = line.trim().strip_prefix(before)?.split_once(after)?.0;
        size.parse().ok()
    };
    let passes = edge
        .lines()
        .find_map(|line| mib(line, "client_max_body_size ", "m;"));
    let routes = std::fs::read_to_string(folder.join("routes.toml")).ok()?;
    let allows = routes
        .lines()
        .filter_map(|line| mib(line, "body_limit = \"", "MiB\""))
        .max();
    (allows > passes).then(|| format!("{}: larger bodies than {EDGE} lets pass", folder.display()))
}

/// Whether Rust sources have a checked query.
fn asks(sources: &Path) -> anyhow::Result<bool> {
    if !sources.is_dir() {
        return Ok(false);
    }
    for entry in std::fs::read_dir(sources)? {
        let path = entry?.path();
        let found = if path.is_dir() {
            asks(&path)?
        } else {
            std::fs::read_to_string(&path)?.contains("sqlx::query")
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    const RUNBOOK: &str = "# Runbook\n\n## <Service>Errors\n\n## <Service>Slow\n\n## BillsWait\n";
    const ALERTS: &str = "
groups:
  - name: billing
    rules:
      - {alert: BillingErrors, expr: 'requests_seconds_count > 1', labels: {severity: page, service: billing}}
      - {alert: BillingSlow, expr: 'requests_seconds_sum > 1', labels: {severity: ticket, service: billing}}
      - {alert: BillsWait, expr: 'bills > 1', labels: {severity: ticket, service: billing}}
";
    const ALERT_TESTS: &str =
        r#"alertname="BillingErrors" alertname="BillingSlow" alertname="BillsWait""#;
    const DASHBOARD: &str =
        r#"{"uid": "billing", "panels": [{"targets": [{"expr": "sum(rate(bills[5m]))"}]}]}"#;

    /// A service that lacks nothing; what comes later in `changed` stands in its place.
    fn billing(changed: &[(&str, &str)]) -> Vec<String> {
        let complete = [
            ("docs/runbook.md", RUNBOOK),
            (
                "shared/service/src/lib.rs",
                r#"const A: &str = "requests_seconds";"#,
            ),
            ("services/billing/README.md", ""),
            ("services/billing/Dockerfile", ""),
            ("services/billing/compose.yml", ""),
            ("services/billing/routes.toml", ""),
            (
                "services/billing/Cargo.toml",
                "[package]\nname = \"billing\"\n",
            ),
            ("services/billing/src/main.rs", "fn main() {}\n"),
            ("services/billing/src/lib.rs", r#"counter!("bills");"#),
            ("services/billing/tests/api.rs", ""),
            ("services/billing/alerts.yml", ALERTS),
            ("services/billing/alerts.test.yml", ALERT_TESTS),
            ("services/billing/dashboard.json", DASHBOARD),
        ];
        let root = workspace(&[&complete, changed].concat());
        check(root.path()).unwrap()
    }

    #[test]
    fn a_complete_service_passes() {
        assert_eq!(billing(&[]), Vec::<String>::new());
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let root = workspace(&[
            ("services/billing/Cargo.toml", "name = \"invoices\"\n"),
            ("services/billing/src/main.rs", &"\n".repeat(26)),
            ("services/billing/src/bills.rs", "sqlx::query!"),
            ("services/billing/migrations/1.sql", ""),
            ("services/web/README.md", ""),
        ]);
        let found = check(root.path()).unwrap();
        assert_eq!(found.len(), 4 + 5 + 1 + 1 + 2 + 3, "{found:#?}");
        assert!(
            found
                .iter()
                .any(|line| line.contains("not called like the folder"))
        );
    }

    #[test]
    fn a_metric_that_nobody_counts_is_named() {
        let found = billing(&[("services/billing/src/lib.rs", "")]);
        assert_eq!(
            found,
            [
                "services/billing: alerts.yml: BillsWait: bills: no such metric",
                "services/billing: dashboard.json: bills: no such metric",
            ]
        );
    }

    #[test]
    fn an_alert_and_its_paragraph_in_the_runbook_need_each_other() {
        let found = billing(&[(
            "docs/runbook.md",
            "## <Service>Errors\n## <Service>Slow\n## Late\n",
        )]);
        assert_eq!(
            found,
            [
                "docs/runbook.md: Late: there is no such alert",
                "services/billing: alerts.yml: BillsWait: docs/runbook.md has no heading for it",
            ]
        );
    }

    #[test]
    fn an_alert_is_tested_names_its_service_and_speaks_the_one_vocabulary() {
        let alerts = ALERTS.replacen("page, service: billing", "critical, service: web", 1);
        let found = billing(&[
            ("services/billing/alerts.yml", &alerts),
            (
                "services/billing/alerts.test.yml",
                &ALERT_TESTS.replace("BillsWait", ""),
            ),
        ]);
        assert_eq!(
            found,
            [
                "services/billing: alerts.yml: BillingErrors: the label `service` is not billing",
                "services/billing: alerts.yml: BillingErrors: the severity is one of [\"page\", \"ticket\"]",
                "services/billing: alerts.yml: BillsWait: alerts.test.yml does not see it fire",
            ]
        );
    }

    #[test]
    fn an_alert_about_any_service_names_the_one_that_it_is_about() {
        let of_each = ALERTS.replace("bills > 1", "max by (service, queue) (bills) > 1");
        let hidden = "services/billing: alerts.yml: BillsWait: the label `service` hides whose series they are";
        assert_eq!(
            billing(&[("services/billing/alerts.yml", &of_each)]),
            [hidden]
        );
        let (others, last) = of_each.rsplit_once(", service: billing").unwrap();
        let told = format!("{others}{last}");
        assert_eq!(billing(&[("services/billing/alerts.yml", &told)]), [""; 0]);
    }

    #[test]
    fn a_service_that_waits_for_another_has_an_alert_for_it() {
        let lib = r#"counter!("bills"); app.ready_when("postgres", check)"#;
        assert_eq!(
            billing(&[("services/billing/src/lib.rs", lib)]),
            ["services/billing: alerts.yml: BillingDependencyDown is missing"]
        );
    }

    #[test]
    fn the_edge_lets_pass_what_a_route_allows() {
        let routes = (
            "services/billing/routes.toml",
            "body_limit = \"1MiB\"\nbody_limit = \"32MiB\"\n",
        );
        for (edge, breaches) in [
            ("  client_max_body_size 32m;\n", 0),
            ("  client_max_body_size 16m;\n", 1),
            ("", 1),
        ] {
            let found = billing(&[routes, (EDGE, edge)]);
            assert_eq!(found.len(), breaches, "{found:#?}");
        }
    }

    #[test]
    fn a_dashboard_has_the_uid_of_its_service() {
        let copied = DASHBOARD.replace("billing", "stub");
        for (dashboard, what) in [(&*copied, "the uid is not billing"), ("{", "EOF while")] {
            let found = billing(&[("services/billing/dashboard.json", dashboard)]);
            assert!(found.len() == 1 && found[0].contains(what), "{found:#?}");
        }
    }
}
