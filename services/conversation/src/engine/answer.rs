//! Reads the value of a slot from what the user said.

use super::hearing::Utterance;
use super::number::only_number;
use super::program::Program;
use regex::Regex;
use serde_json::{Map, Value};
use stoa_contracts::flows::{Scalar, Slot, SlotKind};
use stoa_contracts::parse::Entity;

/// An intent that is surer than this interrupts a question that takes any text: people do not
/// answer "your address?" with a sentence that is so clearly something else.
const INTERRUPTING_CONFIDENCE: f64 = 0.8;

/// What an utterance is, as the answer to a question.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reading {
    /// A value that fits.
    Fits(Answer),
    /// A value that does not fit: too large, not in the pattern.
    Unfit,
    /// No value at all.
    Absent,
}

/// A value that fits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    /// The value.
    pub(super) value: Scalar,
    /// Whether the utterance is that value and little else, so that it means nothing but it.
    pub(super) bare: bool,
    /// The part of the text that it was read from, in Unicode scalar values.
    pub(super) span: (usize, usize),
}

/// Reads the answer to the question for a slot.
pub(super) fn read_answer(program: &Program, slot: &Slot, said: &Utterance) -> Reading {
    let whole = (0, said.text.chars().count());
    let mut reading = Reading::Absent;
    for entity in said.entities.iter().filter(|e| fills(slot, e)) {
        match fit(slot, &entity.value) {
            None => reading = Reading::Unfit,
            Some(value) => {
                let span = (entity.start, entity.end);
                let bare = said.is_payload() || covers_most(span, &said.text);
                return Reading::Fits(Answer { value, bare, span });
            }
        }
    }
    let intent = said.intent_above(program.flows.settings.min_confidence);
    if let Some(value) = intent.and_then(|intent| slot.fill.intents.get(intent)) {
        return fits(value.clone(), true, (0, 0));
    }
    if said.is_payload() {
        return reading;
    }
    match read_words(slot, said) {
        Some((value, bare)) => match fit(slot, &value) {
            Some(value) => fits(value, bare, whole),
            None => Reading::Unfit,
        },
        None => reading,
    }
}

/// The value of a slot that an entity carries, whether it was asked for or not.
pub(super) fn read_entity(slot: &Slot, entity: &Entity) -> Option<Scalar> {
    fills(slot, entity).then(|| fit(slot, &entity.value))?
}

/// The entities that were not the answer to the question for a slot, read from that part of the text.
pub(super) fn free_entities<'a>(
    said: &'a Utterance,
    asked: Option<(&Slot, (usize, usize))>,
) -> Vec<&'a Entity> {
    let mut free: Vec<&Entity> = said.entities.iter().collect();
    if let Some((slot, span)) = asked {
        // The entities of a payload stand nowhere in the text.
        if let Some(answer) = free.iter().position(|e| read_entity(slot, e).is_some()) {
            free.remove(answer);
        }
        free.retain(|entity| entity.end <= span.0 || span.1 <= entity.start);
    }
    free
}

fn fits(value: Scalar, bare: bool, span: (usize, usize)) -> Reading {
    Reading::Fits(Answer { value, bare, span })
}

fn fills(slot: &Slot, entity: &Entity) -> bool {
    slot.fill.entities.contains(&entity.entity)
}

/// Reads a value from the words themselves, and whether they are little else.
fn read_words(slot: &Slot, said: &Utterance) -> Option<(Value, bool)> {
    let calm = said.intent_above(INTERRUPTING_CONFIDENCE).is_none();
    match slot.kind {
        SlotKind::Number => only_number(&said.text).map(|(number, bare)| (number.into(), bare)),
        SlotKind::Choice => choice_within(slot, &said.text).map(|(c, bare)| (c.into(), bare)),
        SlotKind::Any => Some((said.text.trim().into(), calm)),
        SlotKind::Text if slot.fill.text => Some((said.text.trim().into(), calm)),
        SlotKind::Text | SlotKind::Boolean => None,
    }
}

/// A value in the kind of a slot, if it fits.
fn fit(slot: &Slot, value: &Value) -> Option<Scalar> {
    let single = match value {
        Value::Object(parts) => single(slot.kind, parts)?,
        other => other.clone(),
    };
    let text = match &single {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(_) | Value::Bool(_) => single.to_string(),
        _ => return None,
    };
    match slot.kind {
        SlotKind::Any => Some(Scalar::Text(text)),
        SlotKind::Text => matches_pattern(slot, &text).then_some(Scalar::Text(text)),
        SlotKind::Boolean => text.parse().ok().map(Scalar::Boolean),
        SlotKind::Choice => choice_named(slot, &text).map(|c| Scalar::Text(c.to_owned())),
        SlotKind::Number => {
            let number = single.as_f64().or_else(|| Some(only_number(&text)?.0))?;
            let in_range = slot.min.is_none_or(|min| number >= min)
                && slot.max.is_none_or(|max| number <= max);
            in_range.then_some(Scalar::Number(number))
        }
    }
}

/// What a built-in entity says, as one value: money its amount, a duration its seconds, a time its begin, or its end where
/// only that is told. Where no number is wanted, money has its currency, and a duration is as ISO 8601 writes it.
fn single(kind: SlotKind, parts: &Map<String, Value>) -> Option<Value> {
    let told = |names: &[&str]| {
        let mut parts = names.iter().filter_map(|name| parts.get(*name));
        parts.find(|part| !part.is_null()).cloned()
    };
    match kind {
        SlotKind::Number => told(&["amount", "seconds", "value"]),
        _ => money(parts).or_else(|| told(&["amount", "iso", "value", "from", "to"])),
    }
}

/// An amount with its currency.
fn money(parts: &Map<String, Value>) -> Option<Value> {
    let (amount, currency) = (parts.get("amount")?, parts.get("currency")?.as_str()?);
    Some(format!("{amount} {currency}").into())
}

fn matches_pattern(slot: &Slot, text: &str) -> bool {
    let Some(pattern) = &slot.pattern else {
        return !text.is_empty();
    };
    // Compiled per answer: a question is asked once in seconds, and the crate bounds the size.
    Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(text))
}

/// The choice that a text names: as its button does, in another case, or with other marks between
/// the same words.
fn choice_named<'a>(slot: &'a Slot, text: &str) -> Option<&'a str> {
    let text = text.trim();
    if let Some(pressed) = slot.choices.keys().find(|name| name.trim() == text) {
        return Some(pressed);
    }
    let (folded, heard) = (text.to_lowercase(), words(text));
    only_choice(slot, |name| name.trim().to_lowercase() == folded)
        .or_else(|| only_choice(slot, |name| !heard.is_empty() && words(name) == heard))
}

/// The only choice that has a name, or other words for it, like that.
fn only_choice(slot: &Slot, is_it: impl Fn(&str) -> bool) -> Option<&str> {
    let mut found = slot
        .choices
        .iter()
        .filter(|(name, others)| is_it(name) || others.iter().any(|other| is_it(other)));
    let (only, None) = (found.next()?, found.next()) else {
        return None;
    };
    Some(only.0)
}

/// The only choice whose words stand in a text, and whether they are most of it.
fn choice_within<'a>(slot: &'a Slot, text: &str) -> Option<(&'a str, bool)> {
    if let Some(choice) = choice_named(slot, text) {
        return Some((choice, true));
    }
    let heard = words(text);
    let length = |name: &str| {
        let wanted = words(name);
        let found = !wanted.is_empty() && heard.windows(wanted.len()).any(|part| part == wanted);
        found.then_some(wanted.len())
    };
    let mut found = slot.choices.iter().filter_map(|(name, others)| {
        let longest = std::iter::once(name)
            .chain(others)
            .filter_map(|n| length(n))
            .max()?;
        Some((name.as_str(), longest * 2 >= heard.len()))
    });
    let (first, None) = (found.next()?, found.next()) else {
        return None;
    };
    Some(first)
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn covers_most((start, end): (usize, usize), text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
    let inside = text
        .chars()
        .skip(start)
        .take(end.saturating_sub(start))
        .filter(|c| c.is_alphanumeric())
        .count();
    inside * 2 >= letters
}
