//! The programs that the machine has to bring, and the Debian packages that they are in.

use anyhow::bail;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

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
        let node = on_path("node").is_some() && on_path("npm").is_some();
        let mut missing = Vec::new();
        if postgres.is_none() {
            missing.push("postgresql");
        }
        if redis.is_none() {
            missing.push("redis-server");
        }
        if console && !node {
            missing.extend(["nodejs", "npm"]);
        }
        match (postgres, redis) {
            (Some(postgres), Some(redis)) if missing.is_empty() => Ok(Self {
                postgres,
                redis,
                node: console,
            }),
            _ => bail!(
                "packages are missing: apt-get install {}",
                missing.join(" ")
            ),
        }
    }
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
    fn a_closed_ancestor_keeps_others_out() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!reachable_by_others(&inner));
    }
}
