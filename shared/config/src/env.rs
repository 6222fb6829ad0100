//! The environment as it was at start, and what reading it has found so far.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use secrecy::SecretString;

use crate::{Problems, Setting, Settings, parse, reference::Entry};

/// The variables to read from, and everything that was declared or wrong.
#[derive(Debug, Default)]
pub struct Env {
    variables: BTreeMap<String, String>,
    pub(crate) problems: Vec<String>,
    pub(crate) entries: Vec<Entry>,
}

impl Env {
    /// The environment of this process. A value that is not UTF-8 counts as a problem of its key.
    pub fn from_process() -> Self {
        let mut env = Self::default();
        for (key, value) in std::env::vars_os() {
            let Some(key) = key.to_str().map(str::to_owned) else {
                continue;
            };
            let value = value
                .to_str()
                .map_or_else(|| "\u{FFFD}".to_owned(), str::to_owned);
            env.variables.insert(key, value);
        }
        env
    }

    /// An environment of its own, for tests.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = pairs
            .into_iter()
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        Self {
            variables,
            ..Self::default()
        }
    }

    /// Reads `S`, or says everything that is wrong with it.
    pub fn load<S: Settings>(mut self) -> Result<S, Problems> {
        match S::read(&mut self) {
            Some(settings) if self.problems.is_empty() => Ok(settings),
            _ => Err(Problems(self.problems)),
        }
    }

    /// Declares a text.
    pub fn text(&mut self, key: &'static str, help: &'static str) -> Setting<'_, String> {
        Setting::new(self, key, help, |text| Ok(text.to_owned()))
    }

    /// Declares anything that parses from text: a number, an address, an enum with `FromStr`.
    pub fn parse<T>(&mut self, key: &'static str, help: &'static str) -> Setting<'_, T>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        Setting::new(self, key, help, |text| {
            text.parse().map_err(|e: T::Err| e.to_string())
        })
    }

    /// Declares a duration with its unit: `250ms`, `10s`, `5m`, `2h`, `1d`.
    pub fn duration(&mut self, key: &'static str, help: &'static str) -> Setting<'_, Duration> {
        Setting::new(self, key, help, parse::duration)
    }

    /// Declares a size in bytes with its unit: `512B`, `64KiB`, `5MiB`, `1GiB`.
    pub fn size(&mut self, key: &'static str, help: &'static str) -> Setting<'_, usize> {
        Setting::new(self, key, help, parse::size)
    }

    /// Declares a secret: `KEY` holds it, or `KEY_FILE` names the file that does (not both).
    pub fn secret(&mut self, key: &'static str, help: &'static str) -> Setting<'_, SecretString> {
        Setting::new(self, key, help, |text| Ok(text.to_owned().into())).with_file_twin()
    }

    /// The variables whose keys end so, for keys that the data of a service names: `_URL`. They are
    /// in no reference.
    pub fn ending(&self, suffix: &str) -> BTreeMap<String, String> {
        let found = self
            .variables
            .iter()
            .filter(|(key, value)| key.ends_with(suffix) && !value.is_empty());
        found
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// Refuses what a key says although it can be read: out of its range, or at odds with another key.
    pub fn refuse(&mut self, key: &str, reason: &str) {
        self.problems.push(format!("{key} is not valid: {reason}"));
    }

    /// The text of a key that another part of the configuration has declared by now, or its default; nothing if none has.
    pub fn declared(&self, key: &str) -> Option<&str> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        self.get(key).or(Some(entry.default.as_str()))
    }

    /// The value of a variable; an empty one counts as not set, as Compose passes `${X:-}` so.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.variables
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}
