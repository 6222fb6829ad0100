//! HOUSE rules 1 to 3: one service, one folder, one name, and in it what others find by convention.

use anyhow::Context as _;
use std::path::Path;

/// What every service brings: build, run, routes, and how to live with it.
const EVERY_SERVICE: [&str; 4] = ["README.md", "Dockerfile", "compose.yml", "routes.toml"];
/// What a service in Rust brings as well.
const EVERY_RUST_SERVICE: [&str; 3] = ["src/main.rs", "src/lib.rs", "tests"];
/// A `main.rs` fits on a screen.
const MAIN_LINES: usize = 25;

/// Everything that a service folder lacks.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let services = root.join("services");
    let mut breaches = Vec::new();
    let entries = std::fs::read_dir(&services)
        .with_context(|| format!("cannot read {}", services.display()))?;
    for entry in entries {
        let folder = entry?.path();
        if folder.is_dir() {
            check_service(&folder, &mut breaches)?;
        }
    }
    breaches.sort();
    Ok(breaches)
}

fn check_service(folder: &Path, breaches: &mut Vec<String>) -> anyhow::Result<()> {
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
    let main = std::fs::read_to_string(folder.join("src/main.rs")).unwrap_or_default();
    if main.lines().count() > MAIN_LINES {
        report(format!("src/main.rs has more than {MAIN_LINES} lines"));
    }
    if folder.join("migrations").exists() {
        missing(&["sqlx.toml", ".sqlx"])
            .into_iter()
            .for_each(&mut report);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join("services").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_complete_service_passes() {
        let root = workspace(&[
            ("billing/README.md", ""),
            ("billing/Dockerfile", ""),
            ("billing/compose.yml", ""),
            ("billing/routes.toml", ""),
            ("billing/Cargo.toml", "[package]\nname = \"billing\"\n"),
            ("billing/src/main.rs", "fn main() {}\n"),
            ("billing/src/lib.rs", ""),
            ("billing/tests/api.rs", ""),
        ]);
        assert_eq!(check(root.path()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let root = workspace(&[
            ("billing/Cargo.toml", "name = \"invoices\"\n"),
            ("billing/src/main.rs", &"\n".repeat(26)),
            ("billing/migrations/1.sql", ""),
            ("web/README.md", ""),
        ]);
        let found = check(root.path()).unwrap();
        assert_eq!(found.len(), 4 + 2 + 1 + 1 + 2 + 3, "{found:#?}");
        assert!(
            found
                .iter()
                .any(|line| line.contains("not called like the folder"))
        );
    }
}
