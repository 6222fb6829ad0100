//! One declared key on its way to its value.

use crate::{
    Env,
    env::NOT_UTF8,
    reference::{Entry, Without},
};

type Parse<T> = fn(&str) -> Result<T, String>;

/// A declared key; say what holds without it: [`required`](Self::required),
/// [`optional`](Self::optional) or [`default`](Self::default).
#[must_use = "a declared key does nothing until it is read"]
pub struct Setting<'e, T> {
    env: &'e mut Env,
    key: &'static str,
    help: &'static str,
    parse: Parse<T>,
    file_twin: bool,
}

/// A declared key with its default.
#[must_use = "a declared key does nothing until it is read"]
pub struct Defaulted<'e, T> {
    setting: Setting<'e, T>,
    default: String,
}

impl<'e, T> Setting<'e, T> {
    pub(crate) fn new(
        env: &'e mut Env,
        key: &'static str,
        help: &'static str,
        parse: Parse<T>,
    ) -> Self {
        Self {
            env,
            key,
            help,
            parse,
            file_twin: false,
        }
    }

    pub(crate) fn with_file_twin(mut self) -> Self {
        self.file_twin = true;
        self
    }

    /// Reads the value; not set is a problem.
    pub fn required(mut self) -> Option<T> {
        self.declare(Without::Refused);
        match self.raw() {
            Ok(Some(raw)) => self.parsed(&raw),
            Ok(None) => {
                let help = self.help;
                self.problem(&format!("is required: {help}"))
            }
            Err(problem) => self.problem(&problem),
        }
    }

    /// Reads the value if it is set. The outer `None` is a problem, the inner one "not set".
    pub fn optional(mut self) -> Option<Option<T>> {
        self.declare(Without::Nothing);
        match self.raw() {
            Ok(Some(raw)) => self.parsed(&raw).map(Some),
            Ok(None) => Some(None),
            Err(problem) => self.problem(&problem),
        }
    }

    /// Gives the value, as text, that holds when the key is not set.
    pub fn default(self, default: impl Into<String>) -> Defaulted<'e, T> {
        Defaulted {
            setting: self,
            default: default.into(),
        }
    }

    fn declare(&mut self, without: Without) {
        self.env.entries.push(Entry {
            key: self.key,
            file_twin: self.file_twin,
            without,
            help: self.help,
        });
    }

    /// The text of the variable, or of the file that its twin names.
    fn raw(&self) -> Result<Option<String>, String> {
        if self.env.is_unreadable(self.key) {
            return Err(NOT_UTF8.to_owned());
        }
        let value = self.env.get(self.key).map(str::to_owned);
        if !self.file_twin {
            return Ok(value);
        }
        let twin = format!("{}_FILE", self.key);
        if self.env.is_unreadable(&twin) {
            return Err(format!("({twin}) {NOT_UTF8}"));
        }
        match (value, self.env.get(&twin)) {
            (Some(_), Some(_)) => Err(format!("and {twin} are both set: choose one")),
            (value, None) => Ok(value),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) if text.trim().is_empty() => Err(format!("({twin}={path}) is empty")),
                Ok(text) => Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned())),
                Err(error) => Err(format!("({twin}={path}) cannot be read: {error}")),
            },
        }
    }

    fn parsed(self, raw: &str) -> Option<T> {
        match (self.parse)(raw) {
            Ok(value) => Some(value),
            // The value of a secret never shows, also not a wrong one.
            Err(reason) if self.file_twin => self.problem(&format!("is not valid: {reason}")),
            Err(reason) => self.problem(&format!("is not valid: `{raw}`: {reason}")),
        }
    }

    fn problem<V>(self, problem: &str) -> Option<V> {
        self.env.report(format!("{} {problem}", self.key));
        None
    }
}

impl<T> Defaulted<'_, T> {
    /// Reads the value, or the default.
    pub fn read(mut self) -> Option<T> {
        self.setting.declare(Without::Default(self.default.clone()));
        match self.setting.raw() {
            Ok(raw) => self.setting.parsed(raw.as_deref().unwrap_or(&self.default)),
            Err(problem) => self.setting.problem(&problem),
        }
    }
}
