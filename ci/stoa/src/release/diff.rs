//! What is different between two sets of stacks, a line each, for an operator to read.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

use super::StackRecord;

/// A value longer than this is cut.
const LONGEST: usize = 80;
/// Digits of a commit or a digest that tell it apart.
const SHORT: usize = 7;
/// Lists whose order is their meaning: shown whole.
const ORDERED: [&str; 3] = ["command", "entrypoint", "test"];
/// Sections whose entries carry a hash of a content in their names.
const FILES: [(&str, &str); 2] = [("configs", "config"), ("secrets", "secret")];

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The stack and the keys down to it.
    pub(crate) path: Vec<String>,
    /// The line.
    pub(crate) line: String,
}

/// The lines of `compare`.
pub(crate) fn changes(before: &[StackRecord], after: &[StackRecord]) -> Vec<String> {
    let changes = compare(before, after).into_iter();
    changes.map(|change| change.line).collect()
}

/// The differences of `after` to `before`, stack by stack.
pub(crate) fn compare(before: &[StackRecord], after: &[StackRecord]) -> Vec<Change> {
    let old = by_name(before);
    let new = by_name(after);
    let mut differences = Differences::default();
    // In the order of deployment; stacks that are gone come last.
    let gone = before
        .iter()
        .filter(|stack| !new.contains_key(stack.name.as_str()));
    for stack in after.iter().chain(gone) {
        let name = stack.name.as_str();
        differences.path = vec![name.to_owned()];
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => differences.values(old, new),
            (None, _) => differences.add("the whole stack added"),
            (_, None) => differences.add("the whole stack removed"),
        }
    }
    differences.found
}

fn by_name(stacks: &[StackRecord]) -> BTreeMap<&str, &Value> {
    let stacks = stacks.iter();
    stacks
        .map(|stack| (stack.name.as_str(), &stack.document))
        .collect()
}

#[derive(Default)]
struct Differences {
    path: Vec<String>,
    found: Vec<Change>,
}

impl Differences {
    fn values(&mut self, old: &Value, new: &Value) {
        match (old, new) {
            (old, new) if old == new => {}
            (Value::Object(old), Value::Object(new)) => self.maps(old, new),
            (Value::Array(old), Value::Array(new)) if !self.is_ordered() => self.lists(old, new),
            (old, new) => self.value(old, new),
        }
    }

    fn maps(&mut self, old: &Map<String, Value>, new: &Map<String, Value>) {
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            self.path.push(key.clone());
            self.entry(old.get(key), new.get(key));
            self.path.pop();
        }
    }

    fn entry(&mut self, old: Option<&Value>, new: Option<&Value>) {
        let place = self.place();
        match (old, new) {
            (Some(old), Some(new)) if old == new => {}
            (Some(_), Some(_)) if self.file().is_some() => {
                self.add(&format!("{place} content changed"));
            }
            (Some(old), Some(new)) => self.values(old, new),
            (None, Some(_)) if self.is_whole() => self.add(&format!("{place} added")),
            (None, Some(new)) => self.add(&format!("{place} added: {}", shown(new))),
            (Some(_), None) if self.is_whole() => self.add(&format!("{place} removed")),
            (Some(old), None) => self.add(&format!("{place} removed: {}", shown(old))),
            (None, None) => {}
        }
    }

    /// What only one of two lists has; the order alone, if that is the difference.
    fn lists(&mut self, old: &[Value], new: &[Value]) {
        let place = self.place();
        let before = self.found.len();
        for gone in old.iter().filter(|value| !new.contains(value)) {
            self.add(&format!("{place} without {}", shown(gone)));
        }
        for added in new.iter().filter(|value| !old.contains(value)) {
            self.add(&format!("{place} with {}", shown(added)));
        }
        if self.found.len() > before {
            return;
        }
        if old.len() == new.len() {
            self.add(&format!("{place} in another order"));
        } else {
            self.value(&old.into(), &new.into());
        }
    }

    fn value(&mut self, old: &Value, new: &Value) {
        let line = match (self.path.as_slice(), old.as_str(), new.as_str()) {
            ([_, section, service, key], Some(old), Some(new))
                if section == "services" && key == "image" =>
            {
                image(service, old, new)
            }
            _ => format!("{} {} -> {}", self.place(), shown(old), shown(new)),
        };
        self.add(&line);
    }

    fn add(&mut self, text: &str) {
        let stack = self.path.first().map_or("", String::as_str);
        self.found.push(Change {
            line: format!("{stack}: {text}"),
            path: self.path.clone(),
        });
    }

    /// `config` or `secret` at the entry of one.
    fn file(&self) -> Option<&'static str> {
        match self.path.as_slice() {
            [_, section, _] => FILES
                .iter()
                .find(|(key, _)| key == section)
                .map(|(_, word)| *word),
            _ => None,
        }
    }

    /// Whether an entry says all by its name.
    fn is_whole(&self) -> bool {
        self.path.len() == 3 && (self.file().is_some() || self.path[1] == "services")
    }

    fn is_ordered(&self) -> bool {
        self.path
            .last()
            .is_some_and(|key| ORDERED.contains(&key.as_str()))
    }

    fn place(&self) -> String {
        let keys = self.path.get(1..).unwrap_or_default();
        match (self.file(), keys) {
            (Some(word), [_, name]) => format!("{word} {name}"),
            (None, [section, name]) if section == "services" => format!("service {name}"),
            _ => keys.join("."),
        }
    }
}

/// `api image 1a2b3c4 -> 5d6e7f8`: the part that differs, if it is not the repository.
fn image(service: &str, old: &str, new: &str) -> String {
    let (old, new) = (Parts::of(old), Parts::of(new));
    if old.repository != new.repository {
        return format!("{service} image {} -> {}", old.whole(), new.whole());
    }
    if old.tag == new.tag {
        return format!(
            "{service} image {} {} -> {}",
            old.tag, old.digest, new.digest
        );
    }
    let same = if old.digest == new.digest && !old.digest.is_empty() {
        " (the same content)"
    } else {
        ""
    };
    format!("{service} image {} -> {}{same}", old.tag, new.tag)
}

struct Parts<'a> {
    repository: &'a str,
    tag: &'a str,
    digest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(image: &'a str) -> Self {
        let (name, digest) = image.split_once('@').unwrap_or((image, ""));
        let tagged = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
        let (repository, tag) = tagged.unwrap_or((name, ""));
        Self {
            repository,
            tag: short(tag),
            digest: short(digest.trim_start_matches("sha256:")),
        }
    }

    fn whole(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

/// The first digits of what is nothing but a long hash.
pub(super) fn short(hash: &str) -> &str {
    let is_hash = hash.len() >= 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { &hash[..SHORT] } else { hash }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
