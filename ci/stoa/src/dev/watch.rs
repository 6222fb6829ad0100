//! Notices when a source file has changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Soon enough for a person, and a few milliseconds of work over some hundred files.
const INTERVAL: Duration = Duration::from_secs(1);

/// Folders of a member whose files make its binary, beside the files at its top.
const SOURCES: [&str; 5] = ["src", "migrations", ".sqlx", "demo", "benches"];

type Snapshot = BTreeMap<PathBuf, (SystemTime, u64)>;

/// The sources of the Rust members, as they were when last looked at.
pub(super) struct Watch {
    root: PathBuf,
    seen: Snapshot,
}

impl Watch {
    /// Starts from how the sources are now.
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            seen: snapshot(root),
        }
    }

    /// Waits for a change and until it has come to rest; gives the files that differ.
    pub(super) async fn changed(&mut self) -> Vec<PathBuf> {
        let mut last = self.seen.clone();
        loop {
            tokio::time::sleep(INTERVAL).await;
            let now = snapshot(&self.root);
            if now == last && now != self.seen {
                let files = difference(&self.seen, &now);
                self.seen = now;
                return files;
            }
            last = now;
        }
    }
}

fn difference(old: &Snapshot, new: &Snapshot) -> Vec<PathBuf> {
    let mut files: Vec<_> = new
        .iter()
        .filter(|(path, stamp)| old.get(*path) != Some(stamp))
        .map(|(p, _)| p)
        .collect();
    files.extend(old.keys().filter(|path| !new.contains_key(*path)));
    files.into_iter().cloned().collect()
}

fn snapshot(root: &Path) -> Snapshot {
    let mut files = Snapshot::new();
    for file in ["Cargo.toml", "Cargo.lock"] {
        add(&root.join(file), &mut files);
    }
    for group in ["services", "shared"] {
        for member in entries(&root.join(group)).filter(|path| path.join("Cargo.toml").is_file()) {
            entries(&member).for_each(|path| add(&path, &mut files));
            for folder in SOURCES {
                walk(&member.join(folder), &mut files);
            }
        }
    }
    files
}

fn walk(folder: &Path, files: &mut Snapshot) {
    for path in entries(folder) {
        if path.is_dir() {
            walk(&path, files);
        } else {
            add(&path, files);
        }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
}

fn add(path: &Path, files: &mut Snapshot) {
    if let Ok(meta) = path.metadata()
        && meta.is_file()
        && let Ok(modified) = meta.modified()
    {
        files.insert(path.to_owned(), (modified, meta.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn new_changed_and_removed_files_are_named() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("services/nlu/src");
        std::fs::create_dir_all(&source).unwrap();
        for file in [
            "services/nlu/Cargo.toml",
            "services/nlu/src/a.rs",
            "services/nlu/src/b.rs",
        ] {
            std::fs::write(root.path().join(file), "").unwrap();
        }
        let mut watch = Watch::new(root.path());
        std::fs::write(source.join("a.rs"), "changed").unwrap();
        std::fs::remove_file(source.join("b.rs")).unwrap();
        std::fs::write(source.join("c.rs"), "").unwrap();
        std::fs::write(root.path().join("services/other.txt"), "").unwrap();
        let mut changed = watch.changed().await;
        changed.sort();
        assert_eq!(
            changed,
            ["a.rs", "b.rs", "c.rs"].map(|name| source.join(name))
        );
    }
}
