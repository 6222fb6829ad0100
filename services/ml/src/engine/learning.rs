//! From labelled utterances to the intent classifier, and how far it can be trusted.

use super::calibration::{Calibration, HeldOut};
use super::descent::{self, Context, Matter, Member};
use super::dictionary::{COUNTED, Dictionary};
use super::encoder;
use super::examples::{Examples, KEPT, Known};
use super::folds::{self, Fold};
use super::intents::Intents;
use super::network::{Meaning, Network};
use super::ngrams;
use super::options::{IntentOptions, Options};
use super::parallel;
use super::progress::{Cancelled, Progress};
use super::random::Random;
use super::said::Said;
use super::weights::Quantised;
use std::num::NonZeroUsize;

/// Above so many examples that are held out, each in its turn, one network for each fold tells enough.
const MANY: usize = 3_000;

/// Scores of held-out examples that are kept, 32 MiB: where there are more examples times labels, evenly chosen ones are
/// asked.
const SCORES: usize = 1 << 23;

/// Labelled utterances, prepared for learning.
pub(super) struct Prepared<'a> {
    said: Said<'a>,
    dictionary: Dictionary,
    /// The utterances, in their order.
    examples: Examples,
    strides: Vec<f32>,
    /// What each of them means to the encoder; empty without one.
    meanings: Vec<f32>,
    epochs: usize,
}

impl<'a> Prepared<'a> {
    /// Finds the features, and what the utterances mean.
    pub(super) fn new(
        said: Said<'a>,
        options: &Options,
        progress: &Progress,
    ) -> Result<Self, Cancelled> {
        Self::within(KEPT, said, options, progress)
    }

    /// The same, where so many features are kept.
    fn within(
        room: usize,
        said: Said<'a>,
        options: &Options,
        progress: &Progress,
    ) -> Result<Self, Cancelled> {
        let meanings = match &options.encoder {
            Some(encoder) => {
                let all = (0..said.len()).map(|index| said.original(index));
                encoder.embed_all(all, options.threads, progress)?
            }
            None => Vec::new(),
        };
        let options = &options.intents;
        let dictionary = dictionary(&said, options, progress)?;
        let mut examples = Examples::new(dictionary.len(), room);
        for index in 0..said.len() {
            progress.advance(0)?;
            let features = ngrams::features(&said.text(index));
            examples.push(&features, |hash| dictionary.row(hash), said.label(index));
        }
        Ok(Self {
            strides: examples.strides(),
            meanings,
            epochs: epochs(said.label_of().len(), options),
            said,
            dictionary,
            examples,
        })
    }

    fn matter(&self) -> Matter<'_> {
        Matter {
            said: &self.said,
            dictionary: &self.dictionary,
            examples: &self.examples,
            strides: &self.strides,
            meanings: &self.meanings,
            epochs: self.epochs,
        }
    }
}

/// The features that are learned: no more of them of a part of the utterances.
fn dictionary(
    said: &Said<'_>,
    options: &IntentOptions,
    progress: &Progress,
) -> Result<Dictionary, Cancelled> {
    let limit = options.most_weights / (options.members * options.units).max(1);
    let limit = limit.min(Known::ROWS);
    let hashes = |index| {
        let features = ngrams::features(&said.text(index));
        features.into_iter().map(|feature| feature.hash)
    };
    let bounds = (options.least_examples, limit, COUNTED);
    Dictionary::count(|| (0..said.len()).map(hashes), bounds, progress)
}

/// The weights (features times units of all members) that are learned of these utterances, and of a part of them at most.
pub(super) fn weights(
    said: &Said<'_>,
    options: &IntentOptions,
    progress: &Progress,
) -> Result<usize, Cancelled> {
    let features = dictionary(said, options, progress)?.len();
    Ok(features * options.units * options.members)
}

/// How often each of this many examples is seen.
fn epochs(examples: usize, options: &IntentOptions) -> usize {
    let wanted = options.least_steps / examples.max(1);
    wanted.min(options.most_epochs).max(options.epochs)
}

/// What is to be learned: from all examples first, then from those that leave some out to be asked.
pub(super) fn plan(
    said: &Said<'_>,
    options: &Options,
    progress: &Progress,
) -> Result<Vec<Fold>, Cancelled> {
    if options.encoder.is_some() {
        progress.expect(said.len() * encoder::WORK);
    }
    let examples = said.label_of().len();
    let all = Fold {
        learned: (0..examples).collect(),
        asked: Vec::new(),
    };
    let mut folds = vec![all];
    let (keys, random) = (said.keys(progress)?, &mut Random::new(options.seed));
    folds.extend(folds::split(said.label_of(), &keys, random));
    for fold in &mut folds {
        fold.learned.extend(said.names());
    }
    let epochs = epochs(examples, &options.intents);
    let work = folds.iter().map(|fold| {
        let members = members(fold, &options.intents);
        fold.learned.len() * members * epochs
    });
    progress.expect(work.sum());
    Ok(folds)
}

/// How many networks learn from a fold.
fn members(fold: &Fold, options: &IntentOptions) -> usize {
    let members = if fold.asked.is_empty() {
        options.members
    } else if fold.asked.len() + fold.learned.len() > MANY {
        1
    } else {
        options.asked_members
    };
    members.max(1)
}

/// Learns the classifier from all examples, and how far to trust it from held-out ones.
/// Answers what meanings add to it, which is empty without an encoder, and the share of held-out examples that it got
/// right as well.
pub(super) fn learn(
    prepared: Prepared<'_>,
    plan: &[Fold],
    options: &Options,
    progress: &Progress,
) -> Result<(Intents, Quantised, Option<f64>), Cancelled> {
    let mut learned = folds(&prepared, plan, options, progress)?.into_iter();
    let first = learned.next().and_then(|first| first.network);
    let (network, meaning) = first.expect("the first fold holds all examples");
    let mut held_out: Vec<HeldOut> = learned.flat_map(|fold| fold.held_out).collect();
    let mut intents = Intents {
        labels: prepared.said.labels().to_vec(),
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
    let (calibration, raised) = Calibration::fit(&mut held_out, out_of_scope, rejected);
    intents.calibration = calibration;
    if let Some(label) = out_of_scope {
        intents.network.raise(label, raised);
    }
    let accuracy = intents.accuracy(&held_out);
    Ok((intents, meaning, accuracy))
}

/// What is kept of a fold: its network where it holds all examples, else what that was asked.
struct Learned {
    network: Option<(Network, Quantised)>,
    held_out: Vec<HeldOut>,
}

/// A network per fold, each of several members, which take much more memory than what is kept of them. As many folds are
/// worked on together as the bound on weights has room for; the threads are shared among them.
fn folds(
    prepared: &Prepared<'_>,
    plan: &[Fold],
    options: &Options,
    progress: &Progress,
) -> Result<Vec<Learned>, Cancelled> {
    let (matter, intents) = (prepared.matter(), &options.intents);
    let asked: usize = plan.iter().map(|fold| fold.asked.len()).sum();
    let step = (asked * prepared.said.labels().len()).div_ceil(SCORES);
    // The members of all folds, one after the other, each have a number.
    let numbers = plan.iter().scan(0, |next, fold| {
        let first = *next;
        *next += members(fold, intents);
        Some(first)
    });
    let pieces: Vec<(usize, &Fold)> = numbers.zip(plan).collect();
    let (together, threads) = shared(prepared, plan.len(), options);
    let learned = parallel::map(together, pieces, |_, (first, fold)| {
        let numbers: Vec<usize> = (first..first + members(fold, intents)).collect();
        let members = parallel::map(threads, numbers, |_, number| {
            let random = Random::new(options.seed.wrapping_add(number as u64));
            let mut context = Context { random, progress };
            descent::learn(&matter, fold.learned.clone(), intents, &mut context)
        });
        let members: Vec<Member> = members.into_iter().collect::<Result<_, _>>()?;
        let network = Network::average(&members);
        drop(members);
        Ok(if fold.asked.is_empty() {
            let (network, held_out) = (Some(network), Vec::new());
            Learned { network, held_out }
        } else {
            let held_out = ask(&matter, fold.asked.iter().step_by(step.max(1)), &network);
            let network = None;
            Learned { network, held_out }
        })
    });
    learned.into_iter().collect()
}

/// How many folds are worked on together, and how many threads each of them has.
fn shared(
    prepared: &Prepared<'_>,
    folds: usize,
    options: &Options,
) -> (NonZeroUsize, NonZeroUsize) {
    let intents = &options.intents;
    let weights = prepared.dictionary.len() * intents.units * intents.members;
    let together = intents.most_weights / intents.trainings.max(1) / weights.max(1);
    let together = together.min(folds).min(options.threads.get());
    let together = NonZeroUsize::new(together).unwrap_or(NonZeroUsize::MIN);
    let threads = options.threads.get() / together;
    (
        together,
        NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN),
    )
}

fn ask<'a>(
    matter: &Matter<'_>,
    asked: impl Iterator<Item = &'a usize>,
    (network, weights): &(Network, Quantised),
) -> Vec<HeldOut> {
    let examples = matter.examples;
    let mut found = Vec::new();
    let ask = |index: &usize| {
        let features = matter.features(*index, &mut found);
        let rows = features.iter().map(|feature| feature.row());
        let numbers = matter.meaning(*index);
        let meaning = Meaning { weights, numbers };
        HeldOut {
            scores: network.scores(rows, examples.factor(*index), Some(meaning)),
            label: examples.label(*index) as usize,
        }
    };
    asked.map(ask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoa_contracts::training_data::Example;

    fn examples(count: usize) -> Vec<Example> {
        let example = |number: usize| Example {
            text: format!("pay bill {} of {}", number % 7, number % 5),
            intent: Some(["pay", "stop"][number % 2].into()),
            ..Example::default()
        };
        (0..count).map(example).collect()
    }

    fn prepared<'a>(room: usize, examples: &'a [Example], options: &Options) -> Prepared<'a> {
        let intents: Vec<Option<&str>> = examples.iter().map(|e| e.intent.as_deref()).collect();
        let said = Said::new(examples, &intents);
        Prepared::within(room, said, options, &Progress::new()).expect("nobody cancels it")
    }

    #[test]
    fn what_is_not_kept_is_looked_up_and_the_same() {
        let (examples, options) = (examples(40), Options::default());
        let all = prepared(KEPT, &examples, &options);
        let (matter, mut found) = (all.matter(), Vec::new());
        assert_eq!(all.said.len(), 42);
        for room in [0, 100, 1_000] {
            let some = prepared(room, &examples, &options);
            let kept = (0..42).map_while(|index| some.examples.kept(index));
            let kept: usize = kept.map(<[_]>::len).sum();
            assert!(kept <= room, "{kept} of {room}");
            assert!(some.examples.kept(41).is_none() && some.strides == all.strides);
            for index in 0..42 {
                let (one, mut other) = (matter.features(index, &mut found), Vec::new());
                assert_eq!(one, some.matter().features(index, &mut other), "{index}");
            }
        }
    }

    #[test]
    fn no_more_folds_are_learned_together_than_the_bound_on_weights_has_room_for() {
        let examples = examples(40);
        let mut options = Options {
            threads: NonZeroUsize::new(12).expect("it is more than none"),
            ..Options::default()
        };
        let weights = prepared(KEPT, &examples, &options).dictionary.len() * 64 * 3;
        for (most, together, threads) in [(1, 1, 12), (2, 2, 6), (100, 6, 2)] {
            options.intents.most_weights = most * weights;
            let prepared = prepared(KEPT, &examples, &options);
            let (folds, each) = shared(&prepared, 6, &options);
            assert_eq!((folds.get(), each.get()), (together, threads), "{most}");
        }
        // Two trainings have room for two folds each.
        (options.intents.most_weights, options.intents.trainings) = (4 * weights, 2);
        let prepared = prepared(KEPT, &examples, &options);
        let (folds, each) = shared(&prepared, 6, &options);
        assert_eq!((folds.get(), each.get()), (2, 6));
    }

    #[test]
    fn what_was_taught_to_be_out_of_scope_is_raised_in_the_network_and_nothing_else() {
        let mut examples = examples(60);
        for index in [7, 23, 41] {
            examples[index].text = format!("who won match {index}");
            examples[index].intent = None;
        }
        let scores = |rejected| {
            let mut options = Options::default();
            options.intents.rejected_if_taught = rejected;
            let intents: Vec<Option<&str>> = examples.iter().map(|e| e.intent.as_deref()).collect();
            let (said, progress) = (Said::new(&examples, &intents), Progress::new());
            let plan = plan(&said, &options, &progress).expect("nobody cancels it");
            let prepared = Prepared::new(said, &options, &progress).expect("nobody cancels it");
            let learned = learn(prepared, &plan, &options, &progress);
            let (intents, _, _) = learned.expect("nobody cancels it");
            intents.network.scores([].into_iter(), 1.0, None)
        };
        // Where all may be rejected, there is no room below.
        let (raised, not) = (scores(0.5), scores(1.0));
        assert!(raised[0] > not[0] + 0.1, "{raised:?} {not:?}");
        assert_eq!(raised[1..], not[1..]);
    }

    #[test]
    fn where_many_examples_are_held_out_one_network_learns_from_each_fold() {
        let options = IntentOptions::default();
        for (examples, wanted) in [(1_000, [3, 2]), (10_000, [3, 1])] {
            let fold = |asked: usize| Fold {
                learned: (asked..examples).collect(),
                asked: (0..asked).collect(),
            };
            let found = [fold(0), fold(examples / 5)].map(|fold| members(&fold, &options));
            assert_eq!(found, wanted, "{examples}");
        }
    }

    #[test]
    fn few_examples_are_seen_more_often() {
        let options = IntentOptions::default();
        assert_eq!(epochs(10, &options), options.most_epochs);
        assert_eq!(epochs(1_000_000, &options), options.epochs);
    }
}
