//! The reference of `--help`, from the very reading that the start uses.

use std::fmt::Write as _;

use crate::{Env, Settings};

/// One declared key.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: &'static str,
    pub(crate) file_twin: bool,
    pub(crate) without: Without,
    pub(crate) help: &'static str,
}

/// What holds where a key is not set.
#[derive(Debug, Clone)]
pub(crate) enum Without {
    Refused,
    Nothing,
    Default(String),
}

/// The table of the keys that `S` declares when it is read from nothing.
pub(crate) fn table<S: Settings>() -> String {
    let mut env = Env::default();
    let _ = S::read(&mut env);
    let mut entries: Vec<Entry> = Vec::new();
    for entry in env.entries {
        if !entries.iter().any(|known| known.key == entry.key) {
            entries.push(entry);
        }
    }
    let names: Vec<String> = entries.iter().map(name).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    let mut table = String::new();
    for (name, entry) in names.iter().zip(&entries) {
        let note = match &entry.without {
            Without::Refused => " (required)".to_owned(),
            Without::Default(default) if !default.is_empty() => format!(" [{default}]"),
            Without::Nothing | Without::Default(_) => String::new(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(table, "  {name:width$}  {}{note}", entry.help);
    }
    table
}

fn name(entry: &Entry) -> String {
    let twin = if entry.file_twin { "[_FILE]" } else { "" };
    format!("{}{twin}", entry.key)
}
