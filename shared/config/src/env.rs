//! The environment as it was at start, and what reading it has found so far.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    str::FromStr,
    time::Duration,
};

use secrecy::SecretString;

use crate::{
    Problems, Setting, Settings, parse,
    reference::{Entry, Without},
};

/// What is wrong with a value that is no text.
pub(crate) const NOT_UTF8: &str = "is not UTF-8";

/// The variables to read from, and everything that was declared or wrong.
#[derive(Debug, Default)]
pub struct Env {
    variables: BTreeMap<String, String>,
    /// The keys of values that are not UTF-8.
    unreadable: BTreeSet<String>,
    problems: Vec<String>,
    pub(crate) entries: Vec<Entry>,
}

impl Env {
    /// The environment of this process. A value that is not UTF-8 counts as a problem of its key.
    pub fn from_process() -> Self {
        Self::from_os(std::env::vars_os())
    }

    fn from_os(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut env = Self::default();
        for (key, value) in variables {
            // No key of ours is called so.
            let Ok(key) = key.into_string() else { continue };
            if let Ok(value) = value.into_string() {
                env.variables.insert(key, value);
            } else {
                env.unreadable.insert(key);
            }
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

    /// Declares a URL of `http` or `https`, which is taken as it is.
    pub fn http_url(&mut self, key: &'static str, help: &'static str) -> Setting<'_, String> {
        Setting::new(self, key, help, parse::http_url)
    }

    /// Declares a secret: `KEY` holds it, or `KEY_FILE` names the file that does (not both).
    pub fn secret(&mut self, key: &'static str, help: &'static str) -> Setting<'_, SecretString> {
        Setting::new(self, key, help, |text| Ok(text.to_owned().into())).with_file_twin()
    }

    /// The variables whose keys end so, for keys that the data of a service names: `_URL`. They are
    /// in no reference.
    pub fn ending(&mut self, suffix: &str) -> BTreeMap<String, String> {
        let unreadable = self.unreadable.iter().filter(|key| key.ends_with(suffix));
        let problems: Vec<_> = unreadable.map(|key| format!("{key} {NOT_UTF8}")).collect();
        for problem in problems {
            self.report(problem);
        }
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
        self.report(format!("{key} is not valid: {reason}"));
    }

    /// Holds a problem; once, also where several parts of the configuration read the key.
    pub(crate) fn report(&mut self, problem: String) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// The text of a key that another part of the configuration has declared by now, or its default; nothing if none has, or
    /// it has neither.
    pub fn declared(&self, key: &str) -> Option<&str> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        match &entry.without {
            Without::Default(default) => self.get(key).or(Some(default)),
            Without::Refused | Without::Nothing => self.get(key),
        }
    }

    /// Whether a variable is set to what is not UTF-8.
    pub(crate) fn is_unreadable(&self, key: &str) -> bool {
        self.unreadable.contains(key)
    }

    /// The value of a variable; an empty one counts as not set, as Compose passes `${X:-}` so.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.variables
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    /// A text, a secret, and what ends as the URLs of services do.
    struct Cup;

    impl Settings for Cup {
        fn read(env: &mut Env) -> Option<Self> {
            let urls = env.ending("_URL");
            let color = env.text("CUP_COLOR", "its color").default("blue").read();
            let code = env.secret("CUP_CODE", "what opens it").optional();
            let saucer = env.text("SAUCER_URL", "where its saucer is").optional();
            let is_read = urls.is_empty() && color.is_some() && code.is_some() && saucer.is_some();
            is_read.then_some(Self)
        }
    }

    fn told(pairs: &[(&str, &[u8])]) -> Vec<String> {
        let pairs = pairs
            .iter()
            .map(|(key, value)| (OsString::from(key), OsString::from_vec(value.to_vec())));
        let read = Env::from_os(pairs).load::<Cup>();
        read.err()
            .map_or_else(Vec::new, |problems| problems.lines().to_vec())
    }

    #[test]
    fn what_is_not_utf8_is_a_problem_of_its_key() {
        let latin: &[u8] = b"gr\xfcn";
        assert_eq!(
            told(&[("CUP_COLOR", latin), ("CUP_CODE", latin)]),
            ["CUP_COLOR is not UTF-8", "CUP_CODE is not UTF-8"]
        );
        assert_eq!(
            told(&[("CUP_CODE_FILE", latin)]),
            ["CUP_CODE (CUP_CODE_FILE) is not UTF-8"]
        );
        // Once, although two have asked for it.
        let told_of_urls = told(&[("SAUCER_URL", latin), ("SPOON_URL", latin)]);
        assert_eq!(
            told_of_urls,
            ["SAUCER_URL is not UTF-8", "SPOON_URL is not UTF-8"]
        );
        assert!(told(&[("TEAPOT", latin)]).is_empty(), "nobody reads it");
    }
}
