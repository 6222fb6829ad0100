//! The programs that the machine has to bring, and the Debian packages that they are in.

use anyhow::bail;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The oldest Node that runs the console's tools: `engines` in its package.json.
const NODE: (u32, u32) = (20, 19);

/// The programs, found.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    /// The folder of `postgres`, `initdb` and `psql`.
    pub(super) postgres: PathBuf,
    /// `redis-server`.
    pub(super) redis: PathBuf,
    /// Whether the console's development server can run.
    pub(super) node: bool,
}

impl Tools {
    /// Finds every program, or says at once which packages are missing.
    pub(super) fn find(console: bool) -> anyhow::Result<Self> {
        let postgres = newest_postgres(Path::new("/usr/lib/postgresql"))
            .or_else(|| on_path("postgres").and_then(|path| path.parent().map(Path::to_owned)));
        let redis = on_path("redis-server").or_else(|| on_path("valkey-server"));
        let node = on_path("npm").is_some() && node_version() >= Some(NODE);
        let mut packages = Vec::new();
        if postgres.is_none() {
            packages.push("postgresql");
        }
        if redis.is_none() {
            packages.push("redis-server");
        }
        if console && !node {
            packages.extend(["nodejs", "npm"]);
        }
        let cargo = std::env::var_os("CARGO").is_some() || on_path("cargo").is_some();
        match (postgres, redis) {
            (Some(postgres), Some(redis)) if packages.is_empty() && cargo => Ok(Self {
                postgres,
                redis,
                node: console,
            }),
            _ => bail!("{}", advice(&packages, cargo)),
        }
    }
}

/// The version of the `node` on `PATH`.
fn node_version() -> Option<(u32, u32)> {
    let output = std::process::Command::new("node").arg("--version").output();
    parse_version(&String::from_utf8_lossy(&output.ok()?.stdout))
}

/// `v20.19.2` is 20.19.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// What to do about everything that is missing, at once.
fn advice(packages: &[&str], cargo: bool) -> String {
    let mut steps = Vec::new();
    if !packages.is_empty() {
        steps.push(format!("apt-get install {}", packages.join(" ")));
    }
    if packages.contains(&"nodejs") {
        let (major, minor) = NODE;
        steps.push(format!(
            "(Node {major}.{minor} or newer; `stoa dev --no-web` does without the console)"
        ));
    }
    if !cargo {
        let version = env!("CARGO_PKG_RUST_VERSION");
        steps.push(format!("Rust {version} or newer from https://rustup.rs"));
    }
    format!("this machine lacks programs: {}", steps.join(" "))
}

/// The program of this name on `PATH`.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| is_program(file))
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Debian keeps each major version in a folder of its own and off the `PATH`.
fn newest_postgres(folder: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let newest = versions
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max()?;
    let bin = folder.join(newest.to_string()).join("bin");
    is_program(&bin.join("initdb")).then_some(bin)
}

/// Whether this process is root, whom PostgreSQL refuses to run as.
pub(super) fn is_root() -> bool {
    Path::new("/proc/self")
        .metadata()
        .is_ok_and(|meta| meta.uid() == 0)
}

/// Whom a server runs as when this process is root: the packages' own user, or nobody.
pub(super) fn unprivileged_user() -> anyhow::Result<(String, u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(str::parse::<u32>);
        Some((name.to_owned(), ids.next()?.ok()?, ids.next()?.ok()?))
    };
    match find("postgres").or_else(|| find("nobody")) {
        Some(user) => Ok(user),
        None => bail!("there is neither a user `postgres` nor `nobody` to run the servers as"),
    }
}

/// Whether somebody who is not the owner can reach the folder.
pub(super) fn reachable_by_others(folder: &Path) -> bool {
    let open = |path: &Path| {
        path.metadata()
            .is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0)
    };
    folder.ancestors().filter(|path| path.exists()).all(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_postgres_wins_by_number() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "15", "17"] {
            let bin = root.path().join(version).join("bin");
            std::fs::create_dir_all(&bin).unwrap();
            std::fs::write(bin.join("initdb"), "").unwrap();
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(bin.join("initdb"), mode).unwrap();
        }
        assert_eq!(
            newest_postgres(root.path()),
            Some(root.path().join("17/bin"))
        );
        assert_eq!(newest_postgres(Path::new("/nowhere")), None);
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let said = advice(&["postgresql", "redis-server"], false);
        assert!(said.contains("apt-get install postgresql redis-server"));
        assert!(said.contains("rustup.rs"));
        assert!(!advice(&["redis-server"], true).contains("rustup"));
    }

    #[test]
    fn versions_of_node_compare_by_number() {
        assert!(parse_version("v20.9.0\n") < Some(NODE));
        assert!(parse_version("v20.19.2\n") >= Some(NODE));
        assert!(parse_version("v100.0.0\n") >= Some(NODE));
        assert_eq!(parse_version(""), None);
    }

    #[test]
    fn a_closed_ancestor_keeps_others_out() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!reachable_by_others(&inner));
    }
}
