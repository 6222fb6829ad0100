//! HOUSE rule 14: the previous release must run on today's schema, so a migration only adds.
//!
//! What takes away or tightens is refused, unless the first line of the file (`-- contract: N`) names the migration
//! since whose release nobody needs it: the second half of "expand, then contract". That one says so itself, in the
//! comment that it begins with (`-- retires: what`): releases are told apart by their newest migration, and the release
//! that stopped without one could not be told from the one before it, which still needs what is taken away.

mod statement;

use anyhow::Context as _;
use std::path::{Path, PathBuf};

use self::statement::{Seen, statements};
use crate::render::{CONTRACT, RETIRES};

/// Contracts from before there was a line for their first half; what has run somewhere cannot be changed.
const FROM_BEFORE: [&str; 1] = ["20261127000501"];

/// Every place of a migration that the previous release could not bear.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut breaches = Vec::new();
    for service in sorted(&root.join("services"))? {
        let folder = service.join("migrations");
        if !folder.is_dir() {
            continue;
        }
        let mut seen = Seen::default();
        let mut earlier = Vec::new();
        for path in sorted(&folder)? {
            let name = path.strip_prefix(root).unwrap_or(&path).display();
            let text = std::fs::read_to_string(&path).with_context(|| name.to_string())?;
            let found = match contract(&text) {
                None => refused(&text, &mut seen),
                Some(since) => {
                    // What it makes is known to the ones that follow.
                    refused(&text, &mut seen);
                    let is_old = FROM_BEFORE.contains(&number(&path));
                    unfounded(since, &earlier, is_old).into_iter().collect()
                }
            };
            breaches.extend(found.iter().map(|breach| format!("{name}:{breach}")));
            earlier.push(Earlier {
                number: number(&path).to_owned(),
                retires: retires(&text),
            });
        }
    }
    Ok(breaches)
}

fn sorted(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The number that a migration's name begins with.
fn number(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.split('_').next())
        .unwrap_or_default()
}

/// What the first line names, if it is a contract.
fn contract(text: &str) -> Option<&str> {
    let first = text.lines().next()?;
    Some(first.strip_prefix(CONTRACT)?.trim())
}

/// A migration that a contract may lean on.
struct Earlier {
    number: String,
    /// Whether its release is the one that stopped using something.
    retires: bool,
}

/// Whether the comment that a migration begins with says what its release stops using.
fn retires(text: &str) -> bool {
    let mut comment = text.lines().take_while(|line| line.starts_with("--"));
    comment.any(|line| {
        line.strip_prefix(RETIRES)
            .is_some_and(|what| !what.trim().is_empty())
    })
}

/// Why a contract cannot be: it leans on a migration that is not there, or whose release may still use what goes.
fn unfounded(since: &str, earlier: &[Earlier], is_old: bool) -> Option<String> {
    let Some(found) = earlier.iter().find(|earlier| earlier.number == since) else {
        return Some(format!(
            "1: `{CONTRACT} {since}`: no earlier migration of the service has that number"
        ));
    };
    (!found.retires && !is_old).then(|| {
        format!(
            "1: `{CONTRACT} {since}`: that one does not begin with `{RETIRES} what`: the release that stops using \
             something brings a migration which says so, if only of that line"
        )
    })
}

/// The statements of a migration that are refused, as `line: what; what to do instead`.
fn refused(text: &str, seen: &mut Seen) -> Vec<String> {
    seen.begin_file();
    match statements(text) {
        Err(error) => vec![format!("{}: {}", error.location.line, error.message)],
        Ok(statements) => {
            let found = statements
                .iter()
                .flat_map(|statement| seen.judge(statement));
            found
                .map(|(line, harm)| format!("{line}: {}", harm.explain()))
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said about `sql`, which comes after a migration that made a table, in a service of its own.
    fn said(sql: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("services/billing/migrations");
        std::fs::create_dir_all(&folder).unwrap();
        let first = "-- retires: bills.cents\nCREATE TABLE bills (id uuid PRIMARY KEY, cents bigint NOT NULL);\n\
                     CREATE UNIQUE INDEX bills_once ON bills (cents);\nCREATE INDEX bills_by ON bills (cents);\n";
        std::fs::write(folder.join("20270101000001_bills.sql"), first).unwrap();
        std::fs::write(folder.join("20270102000001_next.sql"), sql).unwrap();
        check(root.path()).unwrap()
    }

    #[test]
    fn what_only_adds_passes() {
        for sql in [
            "-- More.\nALTER TABLE bills ADD COLUMN note text;\nCREATE INDEX a ON bills (note);",
            "ALTER TABLE bills ADD COLUMN paid boolean NOT NULL DEFAULT false;",
            "ALTER TABLE bills ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY NOT NULL;",
            "ALTER TABLE bills ADD COLUMN n bigserial NOT NULL;",
            // The previous release does not write what it does not know.
            "ALTER TABLE bills ADD COLUMN key text; CREATE UNIQUE INDEX k ON bills (cents, key);",
            "CREATE TABLE lines (id uuid NOT NULL); ALTER TABLE lines ADD CONSTRAINT u UNIQUE (id);",
            "CREATE TABLE lines (id uuid NOT NULL); ALTER TABLE lines ALTER COLUMN id TYPE text;",
            "ALTER TABLE bills ALTER COLUMN cents DROP NOT NULL, ALTER COLUMN cents SET DEFAULT 0;",
            "ALTER TABLE bills ALTER COLUMN cents SET STORAGE EXTERNAL;",
            "ALTER TABLE bills DROP CONSTRAINT a_check, ADD CONSTRAINT a_check CHECK (cents > -9);",
            "DROP INDEX bills_by;",
            "DROP INDEX CONCURRENTLY IF EXISTS bills_by;",
            "DELETE FROM bills WHERE cents = 0; UPDATE bills SET cents = 1;",
            "INSERT INTO bills VALUES ('drop table bills', 1); -- DROP TABLE bills;",
            "ALTER TYPE kind ADD VALUE 'new';",
        ] {
            assert_eq!(said(sql), Vec::<String>::new(), "{sql}");
        }
    }

    #[test]
    fn what_takes_away_or_tightens_is_refused() {
        for sql in [
            "DROP TABLE bills;",
            "drop view if exists totals;",
            "DROP INDEX bills_once;",
            "ALTER TABLE bills DROP COLUMN cents;",
            "ALTER TABLE bills DROP CONSTRAINT bills_pkey;",
            "ALTER TABLE bills RENAME COLUMN cents TO pence;",
            "ALTER TABLE bills RENAME TO invoices;",
            "ALTER TYPE kind RENAME VALUE 'a' TO 'b';",
            "ALTER TABLE bills ALTER COLUMN cents TYPE integer USING cents::integer;",
            "ALTER TABLE bills ALTER COLUMN cents SET NOT NULL;",
            "ALTER TABLE bills ALTER cents DROP DEFAULT;",
            "ALTER TABLE bills ADD COLUMN note text NOT NULL;",
            "ALTER TABLE bills ADD COLUMN note text PRIMARY KEY;",
            "ALTER TABLE bills ADD CONSTRAINT c CHECK (cents > 0);",
            "CREATE UNIQUE INDEX u ON bills (id, cents);",
            "TRUNCATE bills;",
            "DELETE FROM bills;",
            "REVOKE ALL ON bills FROM billing;",
            "DO $$ BEGIN EXECUTE 'DROP TABLE bills'; END $$;",
        ] {
            assert_eq!(said(sql).len(), 1, "{sql}: {:?}", said(sql));
        }
    }

    #[test]
    fn a_refusal_names_file_and_line_and_says_what_to_do_instead() {
        let found = said(
            "ALTER TABLE bills\n  ADD COLUMN a text,\n  DROP COLUMN cents;\n\nDELETE FROM bills;",
        );
        assert_eq!(found.len(), 2, "{found:?}");
        let place = "services/billing/migrations/20270102000001_next.sql";
        assert!(found[0].starts_with(&format!("{place}:3: ")), "{found:?}");
        assert!(found[1].starts_with(&format!("{place}:5: ")), "{found:?}");
        assert!(found[0].contains("`-- contract: N`"), "{found:?}");
    }

    #[test]
    fn a_contract_may_take_away_what_an_earlier_release_stopped_using() {
        let drop = "ALTER TABLE bills DROP COLUMN cents;";
        assert!(said(&format!("-- contract: 20270101000001\n{drop}")).is_empty());
        let found = said(&format!("-- contract: 20260101000001\n{drop}"));
        assert!(
            found.len() == 1 && found[0].contains("no earlier migration"),
            "{found:?}"
        );
        assert_eq!(
            said(&format!("\n-- contract: 20270101000001\n{drop}")).len(),
            1
        );
    }

    #[test]
    fn a_contract_leans_on_a_migration_that_says_what_its_release_stopped_using() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("services/billing/migrations");
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, sql: &str| std::fs::write(folder.join(name), sql).unwrap();
        write("0001_bills.sql", "CREATE TABLE bills (cents bigint);\n");
        let drop = "ALTER TABLE bills DROP COLUMN cents;\n";
        write("0003_drop.sql", &format!("-- contract: 0001\n{drop}"));
        let found = check(root.path()).unwrap();
        assert!(
            found.len() == 1 && found[0].contains("`-- retires: what`"),
            "{found:?}"
        );
        write("0002_pence.sql", "-- Pence.\n-- retires: bills.cents\n");
        write("0003_drop.sql", &format!("-- contract: 0002\n{drop}"));
        assert!(check(root.path()).unwrap().is_empty());
        write("0002_pence.sql", "-- retires:\n");
        assert_eq!(check(root.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_file_that_is_no_sql_is_refused_with_its_line() {
        let found = said("SELECT 1;\nSELECT 'open;\n");
        assert!(
            found.len() == 1 && found[0].contains("next.sql:2: "),
            "{found:?}"
        );
    }
}
