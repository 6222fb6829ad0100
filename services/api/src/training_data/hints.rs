//! What may be worth a look in training data that is accepted.

use std::collections::{BTreeMap, HashMap};

use stoa_contracts::training_data::{Example, Hint, HintKind, TrainingData};

/// Utterances below which an intent is rarely understood: Rasa and Dialogflow advise ten and
/// more; five is where held-out accuracy of the linear models collapses.
const FEW: usize = 5;
/// Hints of one kind that are told.
const TOLD: usize = 20;
/// Characters of an utterance that a hint repeats.
const QUOTED: usize = 80;

/// What may be worth a look in data.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// At most a few of each kind.
    pub(super) hints: Vec<Hint>,
    /// Utterances that stand before with another intent.
    pub(super) contradictions: usize,
}

/// What is to be said about `data`; what was there `before` is looked at only as far as the rest repeats it.
pub(super) fn of(data: &TrainingData, before: usize) -> Remarks {
    let mut remarks = repetitions(&data.examples, before);
    remarks.hints.extend(few_examples(data));
    remarks
}

fn repetitions(examples: &[Example], before: usize) -> Remarks {
    let mut seen: HashMap<String, Option<&str>> = HashMap::new();
    let mut duplicates = Told::new(HintKind::Duplicate);
    let mut contradictions = Told::new(HintKind::Contradiction);
    for (at, example) in examples.iter().enumerate() {
        let intent = example.intent.as_deref();
        let key = normalised(&example.text);
        let Some(first) = seen.get(&key) else {
            seen.insert(key, intent);
            continue;
        };
        if at < before {
            continue;
        }
        let text = quoted(&example.text);
        if *first == intent {
            duplicates.add(|| format!("{text} stands twice in {}.", named(intent)));
        } else {
            contradictions
                .add(|| format!("{text} is both {} and {}.", named(*first), named(intent)));
        }
    }
    Remarks {
        contradictions: contradictions.messages.len() + contradictions.more,
        hints: contradictions
            .into_hints()
            .chain(duplicates.into_hints())
            .collect(),
    }
}

fn few_examples(data: &TrainingData) -> Vec<Hint> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for intent in data
        .examples
        .iter()
        .filter_map(|example| example.intent.as_deref())
    {
        *counts.entry(intent).or_default() += 1;
    }
    let mut few = Told::new(HintKind::FewExamples);
    for (intent, count) in counts.into_iter().filter(|(_, count)| *count < FEW) {
        let noun = if count == 1 {
            "utterance"
        } else {
            "utterances"
        };
        few.add(|| format!("`{intent}` has {count} {noun}; give it ten or more."));
    }
    few.into_hints().collect()
}

/// An utterance as it is compared: neither upper and lower case nor how much space there is makes another one.
pub(crate) fn normalised(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

fn named(intent: Option<&str>) -> String {
    intent.map_or_else(|| "out of scope".to_owned(), |intent| format!("`{intent}`"))
}

fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("\"{short}\"")
}

/// Hints of one kind: the first of them, and a last one that counts the rest.
struct Told {
    kind: HintKind,
    messages: Vec<String>,
    more: usize,
}

impl Told {
    fn new(kind: HintKind) -> Self {
        Self {
            kind,
            messages: Vec::new(),
            more: 0,
        }
    }

    fn add(&mut self, message: impl FnOnce() -> String) {
        if self.messages.len() < TOLD {
            self.messages.push(message());
        } else {
            self.more += 1;
        }
    }

    fn into_hints(self) -> impl Iterator<Item = Hint> {
        let Self {
            kind,
            messages,
            more,
        } = self;
        let rest = (more > 0).then(|| format!("{more} more of this kind."));
        messages
            .into_iter()
            .chain(rest)
            .map(move |message| Hint { kind, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, Option<&str>)]) -> TrainingData {
        let example = |&(text, intent): &(&str, Option<&str>)| Example {
            text: text.to_owned(),
            intent: intent.map(str::to_owned),
            ..Example::default()
        };
        TrainingData {
            examples: pairs.iter().map(example).collect(),
            ..TrainingData::default()
        }
    }

    #[test]
    fn duplicates_and_contradictions_are_told_apart() {
        let data = data(&[
            ("Hi", Some("greet")),
            ("hi ", Some("greet")),
            ("HI", Some("bye")),
        ]);
        let Remarks {
            hints,
            contradictions,
        } = of(&data, 0);
        assert_eq!(contradictions, 1);
        let kinds: Vec<_> = hints.iter().map(|hint| hint.kind).collect();
        assert_eq!(
            kinds,
            [
                HintKind::Contradiction,
                HintKind::Duplicate,
                HintKind::FewExamples,
                HintKind::FewExamples
            ]
        );
        assert_eq!(hints[0].message, "\"HI\" is both `greet` and `bye`.");
        assert_eq!(
            hints[2].message,
            "`bye` has 1 utterance; give it ten or more."
        );
    }

    #[test]
    fn what_stood_there_before_is_not_told_again() {
        let data = data(&[("a", None), ("a", Some("x")), ("a", Some("y"))]);
        assert_eq!(of(&data, 0).contradictions, 2);
        let remarks = of(&data, 2);
        assert_eq!(remarks.contradictions, 1);
        assert_eq!(
            remarks.hints[0].message,
            "\"a\" is both out of scope and `y`."
        );
    }

    #[test]
    fn hints_have_a_bound() {
        let many = vec![("same", None); 500];
        let Remarks { hints, .. } = of(&data(&many), 0);
        assert_eq!(hints.len(), TOLD + 1);
        assert_eq!(hints[TOLD].message, "479 more of this kind.");
    }
}
