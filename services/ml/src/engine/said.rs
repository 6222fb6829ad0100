//! What the intent classifier learns from: the utterances of the examples, and behind them the names of the intents.

use super::intents::OUT_OF_SCOPE;
use super::ngrams;
use super::progress::{Cancelled, Progress};
use super::text::Text;
use stoa_contracts::training_data::Example;

/// Labelled utterances. They are folded when they are looked at: all at a time would take some ten times the memory.
pub(super) struct Said<'a> {
    examples: &'a [Example],
    /// The labels in order.
    labels: Vec<String>,
    /// The number of each example's label.
    label_of: Vec<u32>,
    /// The names of the intents, as a person would say them, each with the number of its label.
    names: Vec<(u32, String)>,
}

impl<'a> Said<'a> {
    /// Numbers the labels: the intent of each example, none where it is out of scope.
    pub(super) fn new(examples: &'a [Example], intents: &[Option<&str>]) -> Self {
        let (labels, label_of) = number(intents);
        let intents = (0..).zip(&labels).filter(|(_, name)| *name != OUT_OF_SCOPE);
        let names = intents.map(|(number, name)| (number, spoken(name)));
        let names = names.collect();
        Self {
            examples,
            labels,
            label_of,
            names,
        }
    }

    /// The labels in order.
    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The number of each example's label.
    pub(super) fn label_of(&self) -> &[u32] {
        &self.label_of
    }

    /// A key of each example, the same where the utterance is.
    pub(super) fn keys(&self, progress: &Progress) -> Result<Vec<u64>, Cancelled> {
        let key = |index| {
            progress.advance(0)?;
            Ok(ngrams::whole(&self.text(index)))
        };
        (0..self.examples.len()).map(key).collect()
    }

    /// How many utterances there are, with the names.
    pub(super) const fn len(&self) -> usize {
        self.examples.len() + self.names.len()
    }

    /// The numbers of the names: always learned, never asked.
    pub(super) const fn names(&self) -> std::ops::Range<usize> {
        self.examples.len()..self.len()
    }

    /// An utterance as it is.
    pub(super) fn original(&self, index: usize) -> &str {
        match self.examples.get(index) {
            Some(example) => &example.text,
            None => &self.names[index - self.examples.len()].1,
        }
    }

    /// An utterance, folded.
    pub(super) fn text(&self, index: usize) -> Text {
        Text::new(self.original(index))
    }

    /// The number of an utterance's label.
    pub(super) fn label(&self, index: usize) -> u32 {
        match self.label_of.get(index) {
            Some(label) => *label,
            None => self.names[index - self.examples.len()].0,
        }
    }
}

/// The labels in order, and the number of each utterance's.
fn number<'i>(intents: &[Option<&'i str>]) -> (Vec<String>, Vec<u32>) {
    let label = |intent: Option<&'i str>| intent.unwrap_or(OUT_OF_SCOPE);
    let intents = intents.iter().copied().map(label);
    let mut labels: Vec<&str> = intents.clone().collect();
    labels.sort_unstable();
    labels.dedup();
    let number = |label: &'i str| {
        let number = labels.binary_search(&label).unwrap_or_default();
        u32::try_from(number).unwrap_or_default()
    };
    let label_of = intents.map(number).collect();
    (labels.into_iter().map(str::to_owned).collect(), label_of)
}

/// The name of an intent as a person would say it: `order_pizza`, `order-pizza` and
/// `OrderPizza` all say what is wanted.
fn spoken(name: &str) -> String {
    let mut spoken = String::with_capacity(name.len() + 4);
    let mut lower = false;
    for character in name.chars() {
        if lower && character.is_uppercase() {
            spoken.push(' ');
        }
        lower = character.is_lowercase();
        spoken.push(if character.is_alphanumeric() {
            character
        } else {
            ' '
        });
    }
    spoken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_intent_is_read_as_words() {
        for name in ["order_pizza", "order-pizza", "order.pizza"] {
            assert_eq!(spoken(name), "order pizza");
        }
        assert_eq!(spoken("OrderPizza"), "Order Pizza");
        assert_eq!(spoken("FAQ"), "FAQ");
    }
}
