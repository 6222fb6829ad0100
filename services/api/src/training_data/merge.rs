//! Adding one set of training data to another.

use std::collections::{HashMap, HashSet};

use stoa_contracts::training_data::{EntityAnnotation, Example, Hint, TrainingData};

use super::hints;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The data, what was there before first.
    pub data: TrainingData,
    /// What may be worth a look in it because of what was added.
    pub hints: Vec<Hint>,
    /// Whether anything was added.
    pub is_new: bool,
    /// Utterances that were added.
    pub added: usize,
    /// Utterances that stood there already, with the same intent and entities.
    pub skipped: usize,
    /// Added utterances that stand there with another intent, too.
    pub contradictions: usize,
}

/// Adds `more` to `data`: utterances that are not there yet, and values of synonyms, lookups and patterns that are not. What is noted
/// beside an utterance or an intent that is there stays.
pub fn merge(mut data: TrainingData, more: &TrainingData) -> Merged {
    let (before, size) = (data.examples.len(), items(&data));
    let mut known: HashSet<_> = data.examples.iter().map(said).collect();
    let new = more.examples.iter();
    let new = new.filter(|example| known.insert(said(example)));
    let new: Vec<Example> = new.cloned().collect();
    drop(known);
    let added = new.len();
    data.examples.extend(new);
    let synonyms = more.synonyms.iter();
    extend(
        &mut data.synonyms,
        synonyms.cloned(),
        |synonym| &synonym.value,
        |synonym| &mut synonym.variants,
    );
    let lookups = more.lookups.iter();
    extend(
        &mut data.lookups,
        lookups.cloned(),
        |lookup| &lookup.entity,
        |lookup| &mut lookup.values,
    );
    let mut patterns: HashSet<_> = data.regexes.iter().cloned().collect();
    let new = more.regexes.iter().cloned();
    data.regexes
        .extend(new.filter(|pattern| patterns.insert(pattern.clone())));
    let mut noted: HashSet<_> = data.intents.iter().map(|of| of.intent.clone()).collect();
    let new = more.intents.iter().cloned();
    data.intents
        .extend(new.filter(|of| noted.insert(of.intent.clone())));
    let remarks = hints::of(&data, before);
    Merged {
        is_new: items(&data) > size,
        data,
        hints: remarks.hints,
        added,
        skipped: more.examples.len() - added,
        contradictions: remarks.contradictions,
    }
}

/// What makes two utterances the same, whatever is noted beside them.
fn said(example: &Example) -> (&str, Option<&str>, &[EntityAnnotation]) {
    (&example.text, example.intent.as_deref(), &example.entities)
}

/// How much there is in it.
fn items(data: &TrainingData) -> usize {
    let synonyms = data
        .synonyms
        .iter()
        .map(|synonym| 1 + synonym.variants.len());
    let lookups = data.lookups.iter().map(|lookup| 1 + lookup.values.len());
    let lists = data.examples.len() + data.regexes.len() + data.intents.len();
    lists + synonyms.chain(lookups).sum::<usize>()
}

/// Adds named lists of values to others: a name that is there gets the values that it has not.
fn extend<T>(
    lists: &mut Vec<T>,
    more: impl Iterator<Item = T>,
    name: impl Fn(&T) -> &String,
    values: impl Fn(&mut T) -> &mut Vec<String>,
) {
    let numbered = lists.iter().enumerate();
    let mut places: HashMap<String, usize> = numbered
        .map(|(at, list)| (name(list).clone(), at))
        .collect();
    for mut list in more {
        let at = *places.entry(name(&list).clone()).or_insert(lists.len());
        if at == lists.len() {
            lists.push(list);
            continue;
        }
        let mut known: HashSet<String> = values(&mut lists[at]).iter().cloned().collect();
        let new = std::mem::take(values(&mut list)).into_iter();
        values(&mut lists[at]).extend(new.filter(|value| known.insert(value.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn data(value: Value) -> TrainingData {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_new_is_added_and_exact_doubles_are_skipped() {
        let there = data(json!({"examples": [
            {"text": "to Rome", "intent": "go"}, {"text": "hi", "intent": "greet"}]}));
        let more = data(json!({"examples": [
            {"text": "hi", "intent": "greet"},
            {"text": "to Rome", "intent": "go", "entities": [{"start": 3, "end": 7, "entity": "city"}]},
            {"text": "bye", "intent": "leave"}, {"text": "bye", "intent": "leave"},
            {"text": "Hi", "intent": "leave"}]}));
        let merged = merge(there, &more);
        let texts: Vec<_> = merged.data.examples.iter().map(|e| &e.text).collect();
        assert_eq!(texts, ["to Rome", "hi", "to Rome", "bye", "Hi"]);
        assert_eq!(
            (merged.added, merged.skipped, merged.contradictions),
            (3, 2, 1)
        );
        assert_eq!(
            merged.hints[0].message,
            "\"Hi\" is both `greet` and `leave`."
        );
        let again = merge(merged.data.clone(), &more);
        assert_eq!((again.added, again.skipped, again.is_new), (0, 5, false));
        assert_eq!(again.data, merged.data);
    }

    #[test]
    fn what_is_noted_beside_something_stays() {
        let there = data(
            json!({"examples": [{"text": "hi", "intent": "greet", "metadata": {"by": "Ada"}}],
            "intents": [{"intent": "greet", "metadata": {"team": 1}}]}),
        );
        let more = data(json!({"examples": [{"text": "hi", "intent": "greet"}],
            "intents": [{"intent": "greet", "metadata": {"team": 2}}, {"intent": "leave", "metadata": 3}]}));
        let merged = merge(there.clone(), &more);
        assert_eq!((merged.added, merged.skipped, merged.is_new), (0, 1, true));
        assert_eq!(merged.data.examples, there.examples);
        let noted: Vec<_> = merged.data.intents.iter().map(|of| &of.metadata).collect();
        assert_eq!(noted, [&json!({"team": 1}), &json!(3)]);
    }

    #[test]
    fn lists_of_one_name_become_one_without_doubles() {
        let there = data(json!({"examples": [],
            "synonyms": [{"value": "Rome", "variants": ["roma"]}],
            "lookups": [{"entity": "city", "values": ["Rome"]}],
            "regexes": [{"entity": "zip", "pattern": "[0-9]{5}"}]}));
        let more = data(json!({"examples": [],
            "synonyms": [{"value": "Rome", "variants": ["roma", "rom"]}, {"value": "Oslo", "variants": ["os"]}],
            "lookups": [{"entity": "city", "values": ["Oslo", "Rome"]}],
            "regexes": [{"entity": "zip", "pattern": "[0-9]{5}"}, {"entity": "zip", "pattern": "[0-9]{4}"}]}));
        let merged = merge(there, &more).data;
        assert_eq!(merged.synonyms[0].variants, ["roma", "rom"]);
        assert_eq!(merged.synonyms[1].value, "Oslo");
        assert_eq!(merged.lookups[0].values, ["Rome", "Oslo"]);
        assert_eq!(merged.regexes.len(), 2);
    }
}
