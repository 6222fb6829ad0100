//! Built-in entities: tables of phrases, with what they mean.

mod addresses;
mod amounts;
mod datetime;
mod foreign;
mod greek;
mod groups;
mod hostile;
mod phrases;

use super::support::energy_supplier;
use jiff::Zoned;
use ml::engine::{Model, Options, Progress, train};
use serde_json::Value;
use std::sync::LazyLock;
use stoa_contracts::parse::Entity;

/// A Friday morning.
const NOW: &str = "2026-11-27T10:15:00+02:00[Europe/Athens]";

static AMERICAN: LazyLock<Model> = LazyLock::new(|| model("en"));
static BRITISH: LazyLock<Model> = LazyLock::new(|| model("en-GB"));
static IRISH: LazyLock<Model> = LazyLock::new(|| model("en-IE"));
static GREEK: LazyLock<Model> = LazyLock::new(|| model("el"));
static GERMAN: LazyLock<Model> = LazyLock::new(|| model("de"));

static FRENCH: LazyLock<Model> = LazyLock::new(|| model("fr"));
static POLISH: LazyLock<Model> = LazyLock::new(|| model("pl"));
static SPANISH: LazyLock<Model> = LazyLock::new(|| model("es"));
static MEXICAN: LazyLock<Model> = LazyLock::new(|| model("es-MX"));
static LATVIAN: LazyLock<Model> = LazyLock::new(|| model("lv"));

/// Without lists, which would win over what is built in.
fn model(language: &str) -> Model {
    let mut data = energy_supplier();
    data.lookups.clear();
    data.regexes.clear();
    data.synonyms.clear();
    data.examples
        .iter_mut()
        .for_each(|example| example.entities.clear());
    let options = Options {
        language: language.into(),
        ..Options::default()
    };
    train(&data, &options, &Progress::new())
        .expect("the data is sound")
        .model
}

fn now(written: &str) -> Zoned {
    written.parse().expect("a time in a time zone")
}

/// The built-in entities of an utterance, each as its text, its kind and its value.
fn found(model: &Model, text: &str, at: &str) -> Vec<(String, String, Value)> {
    let entities = model.parse(text, 1, &now(at)).entities;
    let describe = |e: Entity| {
        assert_eq!(e.extractor, "builtin");
        let part = text.chars().skip(e.start).take(e.end - e.start).collect();
        (part, e.entity, e.value)
    };
    entities.into_iter().map(describe).collect()
}

/// A row of a table: an utterance, and of each entity its text and its value.
type Row<'a> = (&'a str, &'a [(&'a str, Value)]);

/// Compares all rows and tells of every one that is wrong.
fn check(model: &Model, kind: &str, rows: &[Row<'_>]) {
    let mut wrong = Vec::new();
    for (text, expected) in rows {
        let found = found(model, text, NOW);
        let is_right = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(found, expected)| {
                found.0 == expected.0 && found.1 == kind && found.2 == expected.1
            });
        if !is_right {
            wrong.push(format!("{text:?}: {found:?}, not {expected:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}
