//! The level of each service's schema, as its migrations say.
//!
//! A migration that takes something away (HOUSE rule 14: only after every release that runs has stopped using it)
//! begins with `-- contract: N`, where N is the migration since whose release the code does without it. Only a release
//! that brings a migration of its own can be told from the one before it by its level, so N says in its first line
//! (`-- retires: what`) that its release is the one that stopped; `stoa lint migrations` holds it to that.

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The first line of a migration that takes something away.
pub(crate) const CONTRACT: &str = "-- contract:";

/// The first line of a migration whose release stops using something.
pub(crate) const RETIRES: &str = "-- retires:";

/// Where a service's schema stands after a release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Migration {
    /// The newest migration.
    pub(crate) level: i64,
    /// The least level of code that can still run on the schema.
    pub(crate) runs_on_from: i64,
}

/// By service, where one has migrations.
pub(super) fn levels(root: &Path) -> anyhow::Result<BTreeMap<String, Migration>> {
    let mut levels = BTreeMap::new();
    for path in super::compose_files(root)? {
        let folder = path.with_file_name("migrations");
        if !folder.is_dir() {
            continue;
        }
        let service = path
            .parent()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str());
        let service = service.context("a service's name is not UTF-8")?;
        levels.insert(service.to_owned(), level(&folder)?);
    }
    Ok(levels)
}

fn level(folder: &Path) -> anyhow::Result<Migration> {
    let mut found = Migration::default();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let place = path.display();
        let number = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.split('_').next());
        let number: i64 = number
            .and_then(|number| number.parse().ok())
            .with_context(|| format!("{place}: a migration's name begins with its number"))?;
        found.level = found.level.max(number);
        let text = std::fs::read_to_string(&path).with_context(|| place.to_string())?;
        if let Some(since) = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix(CONTRACT))
        {
            let since: i64 = since.trim().parse().with_context(|| {
                format!(
                    "{place}:1: `{CONTRACT} N` names the migration since which nobody needs this"
                )
            })?;
            ensure!(
                since < number,
                "{place}:1: {since} is not an earlier migration"
            );
            found.runs_on_from = found.runs_on_from.max(since);
        }
    }
    Ok(found)
}
