//! HOUSE rule 21: what a document points to is there, and what it says to `make` can be made.

use anyhow::Context as _;
use std::path::{Path, PathBuf};

/// Folders that hold no document of ours.
const FOREIGN: [&str; 4] = ["target", "node_modules", ".git", ".stoa"];

/// Every link and every `make` command that leads nowhere.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let makefile = std::fs::read_to_string(root.join("Makefile")).context("no Makefile")?;
    let targets: Vec<&str> = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', '.', '#']))
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect();
    let mut breaches = Vec::new();
    for document in documents(root)? {
        let text = std::fs::read_to_string(&document)?;
        let name = document.strip_prefix(root).unwrap_or(&document).display();
        for target in made(&text) {
            if !targets.contains(&target) {
                breaches.push(format!("{name}: `make {target}`: no such target"));
            }
        }
        for link in links(&text) {
            if !leads_somewhere(&document, link) {
                breaches.push(format!("{name}: {link} leads nowhere"));
            }
        }
    }
    breaches.sort();
    breaches.dedup();
    Ok(breaches)
}

fn documents(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            let is_foreign = FOREIGN.iter().any(|name| entry.file_name() == *name);
            if entry.file_type()?.is_dir() && !is_foreign {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// What is to be made: in a span of code, or on a line of an example.
fn made(text: &str) -> Vec<&str> {
    let commands = text.lines().flat_map(|line| {
        let spans = line.split('`').skip(1).step_by(2);
        spans.chain(line.starts_with("make ").then_some(line))
    });
    commands
        .filter_map(|command| command.strip_prefix("make ")?.split(' ').next())
        .collect()
}

/// The links of the prose that lead to files; an example may show anything.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("\n```").step_by(2);
    let ends = prose.flat_map(|prose| prose.split("](").skip(1));
    ends.filter_map(|rest| Some(rest.split_once(')')?.0))
        .filter(|link| !link.contains("://"))
        .collect()
}

/// Whether a link's file is there, and in a document its heading.
fn leads_somewhere(document: &Path, link: &str) -> bool {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let path = match file {
        "" => document.to_owned(),
        file => document.parent().unwrap_or(document).join(file),
    };
    if heading.is_empty() {
        return path.exists();
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let titles = text.lines().filter(|line| line.starts_with('#'));
    titles
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .any(|anchor| anchor == heading)
}

/// A heading as links spell it.
fn anchor(title: &str) -> String {
    let lower = title.to_lowercase();
    let kept = lower
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(readme: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("Makefile", "help: ## List\n\t@echo up: it\nup: help\n"),
            ("docs/guide.md", "# Guide\n\n## Start, stop, look\n"),
            ("node_modules/README.md", "[gone](gone.md)"),
            ("README.md", readme),
        ] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        check(root.path()).unwrap()
    }

    #[test]
    fn what_is_there_passes() {
        let readme = "`make up X=1`, we make do. [a](docs/guide.md#start-stop-look) [b](docs)\n\
                      [c](https://example.org/gone) [d](#top)\n# Top\n```sh\nmake help  # lists\n[e](gone)\n```\n";
        assert_eq!(found(readme), Vec::<String>::new());
    }

    #[test]
    fn what_leads_nowhere_is_named() {
        let readme = "`make down` [a](docs/guide.md#end) [b](gone.md)\n";
        assert_eq!(
            found(readme),
            [
                "README.md: `make down`: no such target",
                "README.md: docs/guide.md#end leads nowhere",
                "README.md: gone.md leads nowhere",
            ]
        );
    }
}
