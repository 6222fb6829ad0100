//! From labelled utterances to the intent classifier, and how far it can be trusted.

use super::calibration::{Calibration, HeldOut};
use super::descent::{self, Context, Matter, Member};
use super::dictionary::Dictionary;
use super::examples::{Examples, Known};
use super::folds::{self, Fold};
use super::intents::{Intents, OUT_OF_SCOPE};
use super::network::{Meaning, Network};
use super::ngrams::{self, Feature};
use super::options::{IntentOptions, Options};
use super::parallel;
use super::progress::{Cancelled, Progress};
use super::random::Random;
use super::text::Text;
use super::weights::Quantised;

/// The utterances of examples, folded and as they are.
pub(super) struct Said<'a> {
    pub(super) texts: &'a [Text],
    pub(super) originals: &'a [&'a str],
}

/// Labelled utterances, prepared for learning.
pub(super) struct Prepared {
    labels: Vec<String>,
    label_of: Vec<u32>,
    dictionary: Dictionary,
    /// The utterances, and after them the names of the intents.
    examples: Examples,
    strides: Vec<f32>,
    /// What each of them means to the encoder; empty without one.
    meanings: Vec<f32>,
    epochs: usize,
}

impl Prepared {
    /// Numbers the labels and finds the features.
    pub(super) fn new(
        said: &Said<'_>,
        intents: &[Option<&str>],
        options: &Options,
        progress: &Progress,
    ) -> Result<Self, Cancelled> {
        let (labels, label_of) = number(intents);
        let mut features: Vec<Vec<Feature>> = said.texts.iter().map(ngrams::features).collect();
        let mut all = label_of.clone();
        let mut names = Vec::new();
        for (number, name) in (0..).zip(&labels).filter(|(_, name)| *name != OUT_OF_SCOPE) {
            names.push(spoken(name));
            all.push(number);
        }
        features.extend(names.iter().map(|name| ngrams::features(&Text::new(name))));
        let meanings = match &options.encoder {
            Some(encoder) => {
                let originals = said.originals.iter().copied();
                let all = originals.chain(names.iter().map(String::as_str));
                encoder.embed_all(all, options.threads, progress)?
            }
            None => Vec::new(),
        };
        let options = &options.intents;
        let limit = options.most_weights / (options.members * options.units).max(1);
        let limit = limit.min(Known::ROWS);
        let hashes = |features: &Vec<Feature>| {
            let hashes: Vec<u64> = features.iter().map(|feature| feature.hash).collect();
            hashes.into_iter()
        };
        let dictionary =
            Dictionary::count(features.iter().map(hashes), options.least_examples, limit);
        let mut examples = Examples::default();
        for (features, label) in features.iter().zip(all) {
            examples.push(features, |hash| dictionary.row(hash), label);
        }
        Ok(Self {
            strides: examples.strides(dictionary.len()),
            meanings,
            epochs: epochs(said.texts.len(), options),
            labels,
            label_of,
            dictionary,
            examples,
        })
    }

    fn matter(&self) -> Matter<'_> {
        Matter {
            examples: &self.examples,
            strides: &self.strides,
            meanings: &self.meanings,
            labels: self.labels.len(),
            epochs: self.epochs,
        }
    }

    /// The number of each utterance's label.
    pub(super) fn label_of(&self) -> &[u32] {
        &self.label_of
    }

    /// The numbers of the examples that are the intents' names: always learned, never asked.
    fn names(&self) -> std::ops::Range<usize> {
        self.label_of.len()..self.examples.len()
    }
}

/// The labels in order, and the number of each utterance's.
fn number(intents: &[Option<&str>]) -> (Vec<String>, Vec<u32>) {
    let label = |intent: Option<&str>| intent.unwrap_or(OUT_OF_SCOPE).to_owned();
    let mut labels: Vec<String> = intents.iter().copied().map(label).collect();
    labels.sort_unstable();
    labels.dedup();
    let number = |intent: Option<&str>| {
        let number = labels.binary_search(&label(intent)).unwrap_or_default();
        u32::try_from(number).unwrap_or_default()
    };
    let label_of = intents.iter().copied().map(number).collect();
    (labels, label_of)
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

/// How often each of this many examples is seen.
fn epochs(examples: usize, options: &IntentOptions) -> usize {
    let wanted = options.least_steps / examples.max(1);
    wanted.min(options.most_epochs).max(options.epochs)
}

/// What is to be learned: from all examples first, then from those that leave some out to be asked.
pub(super) fn plan(prepared: &Prepared, options: &Options, progress: &Progress) -> Vec<Fold> {
    let all = Fold {
        learned: (0..prepared.label_of.len()).collect(),
        asked: Vec::new(),
    };
    let mut folds = vec![all];
    folds.extend(folds::split(
        &prepared.label_of,
        &mut Random::new(options.seed),
    ));
    for fold in &mut folds {
        fold.learned.extend(prepared.names());
    }
    let work = folds.iter().map(|fold| {
        let members = members(fold, &options.intents);
        fold.learned.len() * members * prepared.epochs
    });
    progress.expect(work.sum());
    folds
}

/// How many networks learn from a fold: two tell well enough how sure three will be.
fn members(fold: &Fold, options: &IntentOptions) -> usize {
    let members = if fold.asked.is_empty() {
        options.members
    } else {
        options.asked_members
    };
    members.max(1)
}

/// Learns the classifier from all examples, and how far to trust it from held-out ones.
/// Answers what meanings add to it, which is empty without an encoder, and the share of held-out examples that it got
/// right as well.
pub(super) fn learn(
    prepared: Prepared,
    plan: &[Fold],
    options: &Options,
    progress: &Progress,
) -> Result<(Intents, Quantised, Option<f64>), Cancelled> {
    let mut networks = networks(&prepared, plan, options, progress)?.into_iter();
    let (network, meaning) = networks.next().expect("the first fold holds all examples");
    let asked = plan[1..].iter().zip(networks);
    let held_out: Vec<HeldOut> = asked
        .flat_map(|(fold, network)| ask(&prepared.matter(), fold, &network))
        .collect();
    let mut intents = Intents {
        labels: prepared.labels,
        dictionary: prepared.dictionary,
        network,
        calibration: Calibration::default(),
    };
    let out_of_scope = intents.out_of_scope();
    let rejected = match out_of_scope {
        Some(_) if options.encoder.is_some() => options.intents.rejected_if_encoded,
        Some(_) => options.intents.rejected_if_taught,
        None => options.intents.rejected,
    };
    intents.calibration = Calibration::fit(&held_out, out_of_scope, rejected);
    let accuracy = intents.accuracy(&held_out);
    Ok((intents, meaning, accuracy))
}

/// A network per fold, each of several members; all of them are learned side by side.
fn networks(
    prepared: &Prepared,
    plan: &[Fold],
    options: &Options,
    progress: &Progress,
) -> Result<Vec<(Network, Quantised)>, Cancelled> {
    let matter = prepared.matter();
    let intents = &options.intents;
    let pieces = plan
        .iter()
        .flat_map(|fold| (0..members(fold, intents)).map(move |_| fold));
    let learned = parallel::map(options.threads, pieces.collect(), |number, fold| {
        let random = Random::new(options.seed.wrapping_add(number as u64));
        let mut context = Context { random, progress };
        descent::learn(&matter, fold.learned.clone(), intents, &mut context)
    });
    let mut learned: Vec<Member> = learned.into_iter().collect::<Result<_, _>>()?;
    let network = |fold| {
        let rest = learned.split_off(members(fold, intents));
        Network::average(&std::mem::replace(&mut learned, rest))
    };
    Ok(plan.iter().map(network).collect())
}

fn ask(
    matter: &Matter<'_>,
    fold: &Fold,
    (network, weights): &(Network, Quantised),
) -> Vec<HeldOut> {
    let examples = matter.examples;
    let ask = |index: &usize| {
        let rows = examples
            .features(*index)
            .iter()
            .map(|feature| feature.row());
        let numbers = matter.meaning(*index);
        let meaning = Meaning { weights, numbers };
        HeldOut {
            scores: network.scores(rows, examples.factor(*index), Some(meaning)),
            label: examples.label(*index) as usize,
        }
    };
    fold.asked.iter().map(ask).collect()
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

    #[test]
    fn few_examples_are_seen_more_often() {
        let options = IntentOptions::default();
        assert_eq!(epochs(10, &options), options.most_epochs);
        assert_eq!(epochs(1_000_000, &options), options.epochs);
    }
}
