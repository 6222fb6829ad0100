//! What the user wants: the intent classifier.

use super::calibration::{Calibration, HeldOut, best};
use super::dictionary::Dictionary;
use super::folds::{self, Fold};
use super::ngrams;
use super::options::Options;
use super::parallel;
use super::progress::{Cancelled, Progress};
use super::random::Random;
use super::softmax::{self, Context, Examples, Regression, Shape};
use super::text::Text;
use super::weights::Quantised;
use serde::{Deserialize, Serialize};
use stoa_contracts::parse::{Intent, RankedIntent};

/// The label of utterances that are out of scope; intents are never empty.
const OUT_OF_SCOPE: &str = "";
/// The longest ranking that is answered.
const RANKING: usize = 10;

/// The intent classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Intents {
    labels: Vec<String>,
    dictionary: Dictionary,
    weights: Quantised,
    bias: Vec<f32>,
    calibration: Calibration,
}

/// The classifier's answer.
pub(super) struct Answer {
    /// The intent.
    pub(super) intent: Intent,
    /// The most probable ones.
    pub(super) ranking: Vec<RankedIntent>,
    /// The number of the most probable label, for the entities.
    pub(super) label: usize,
}

/// Labelled utterances, prepared for learning.
pub(super) struct Prepared {
    labels: Vec<String>,
    label_of: Vec<u32>,
    dictionary: Dictionary,
    examples: Examples,
}

impl Prepared {
    /// Numbers the labels and finds the features.
    pub(super) fn new(texts: &[Text], intents: &[Option<&str>], options: &Options) -> Self {
        let mut labels: Vec<String> = intents
            .iter()
            .map(|intent| intent.unwrap_or(OUT_OF_SCOPE).to_owned())
            .collect();
        labels.sort_unstable();
        labels.dedup();
        let number = |intent: Option<&str>| {
            let label = intent.unwrap_or(OUT_OF_SCOPE);
            labels
                .binary_search_by(|known| known.as_str().cmp(label))
                .unwrap_or_default()
        };
        let label_of: Vec<u32> = intents
            .iter()
            .map(|i| u32::try_from(number(*i)).unwrap_or_default())
            .collect();
        let features: Vec<Vec<u64>> = texts.iter().map(features).collect();
        let limit = options.intents.most_weights / labels.len().max(1);
        let least = options.intents.least_examples;
        let dictionary = Dictionary::count(features.iter().map(Vec::as_slice), least, limit);
        let mut examples = Examples::default();
        for (features, label) in features.iter().zip(&label_of) {
            let rows = features
                .iter()
                .filter_map(|feature| dictionary.row(*feature));
            examples.push(rows, factor(features.len()), *label);
        }
        Self {
            labels,
            label_of,
            dictionary,
            examples,
        }
    }

    fn shape(&self) -> Shape {
        Shape {
            features: self.dictionary.len(),
            labels: self.labels.len(),
        }
    }

    /// The number of each example's label.
    pub(super) fn label_of(&self) -> &[u32] {
        &self.label_of
    }
}

fn features(text: &Text) -> Vec<u64> {
    let mut features = Vec::new();
    ngrams::collect(text, &mut features);
    features
}

/// Long utterances weigh as much as short ones. Unknown features count as well: the less an
/// utterance has in common with the examples, the less sure is the answer.
#[expect(
    clippy::cast_precision_loss,
    reason = "a number of features is far below 2^24"
)]
fn factor(features: usize) -> f32 {
    1.0 / (features.max(1) as f32).sqrt()
}

/// What is to be learned: from all examples first, then from those that leave some out to be asked.
pub(super) fn plan(prepared: &Prepared, options: &Options, progress: &Progress) -> Vec<Fold> {
    let all = Fold {
        learned: (0..prepared.examples.len()).collect(),
        asked: Vec::new(),
    };
    let mut folds = vec![all];
    folds.extend(folds::split(
        &prepared.label_of,
        &mut Random::new(options.seed),
    ));
    let work: usize = folds.iter().map(|fold| fold.learned.len()).sum();
    progress.expect(work * options.intents.epochs);
    folds
}

/// Learns the classifier from all examples, and how far to trust it from held-out ones.
/// Answers the share of held-out examples that it got right as well.
pub(super) fn learn(
    prepared: Prepared,
    plan: Vec<Fold>,
    options: &Options,
    progress: &Progress,
) -> Result<(Intents, Option<f64>), Cancelled> {
    let learned = parallel::map(options.threads, plan, |number, fold| {
        let random = Random::new(options.seed.wrapping_add(number as u64));
        learn_fold(&prepared, fold, options, &mut Context { random, progress })
    });
    let mut learned = learned
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?
        .into_iter();
    let (regression, _) = learned.next().expect("the first fold holds all examples");
    let held_out: Vec<HeldOut> = learned.flat_map(|(_, held_out)| held_out).collect();
    let intents = finish(prepared, &regression, &held_out, options);
    let accuracy = intents.accuracy(&held_out);
    Ok((intents, accuracy))
}

fn learn_fold(
    prepared: &Prepared,
    fold: Fold,
    options: &Options,
    context: &mut Context<'_>,
) -> Result<(Regression, Vec<HeldOut>), Cancelled> {
    let examples = &prepared.examples;
    let shape = prepared.shape();
    let regression = softmax::learn(examples, fold.learned, shape, &options.intents, context)?;
    let ask = |index: usize| {
        let mut scores = vec![0.0; shape.labels];
        for row in examples.rows(index) {
            let weights = regression.weights.row(*row);
            scores
                .iter_mut()
                .zip(weights)
                .for_each(|(score, weight)| *score += weight);
        }
        let factor = examples.factor(index);
        scores
            .iter_mut()
            .zip(&regression.bias)
            .for_each(|(s, bias)| *s = *s * factor + bias);
        HeldOut {
            scores,
            label: examples.label(index) as usize,
        }
    };
    let held_out = fold.asked.into_iter().map(ask).collect();
    Ok((regression, held_out))
}

fn finish(
    prepared: Prepared,
    regression: &Regression,
    held_out: &[HeldOut],
    options: &Options,
) -> Intents {
    let mut intents = Intents {
        labels: prepared.labels,
        dictionary: prepared.dictionary,
        weights: regression.weights.quantise(),
        bias: regression.bias.clone(),
        calibration: Calibration::default(),
    };
    let rejected = options.intents.rejected;
    intents.calibration = Calibration::fit(held_out, intents.out_of_scope(), rejected);
    intents
}

impl Intents {
    /// The most probable intent of an utterance, and the next ones.
    pub(super) fn classify(&self, text: &Text) -> Answer {
        let features = features(text);
        let factor = factor(features.len());
        let mut scores = self.bias.clone();
        let mut known = false;
        for row in features
            .iter()
            .filter_map(|feature| self.dictionary.row(*feature))
        {
            self.weights.add_row(row, factor, &mut scores);
            known = true;
        }
        self.answer(scores, known)
    }

    fn answer(&self, mut scores: Vec<f32>, known: bool) -> Answer {
        self.calibration.probabilities(&mut scores);
        let label = best(&scores).unwrap_or_default();
        let ranking = self.rank(&scores);
        let top = ranking.first().cloned();
        let in_scope = top.filter(|top| {
            known
                && Some(label) != self.out_of_scope()
                && top.confidence >= f64::from(self.calibration.threshold)
        });
        let intent = match in_scope {
            Some(top) => Intent {
                name: Some(top.name),
                confidence: top.confidence,
            },
            None => Intent {
                name: None,
                confidence: 1.0 - ranking.first().map_or(0.0, |r| r.confidence),
            },
        };
        Answer {
            intent,
            ranking,
            label,
        }
    }

    fn rank(&self, probabilities: &[f32]) -> Vec<RankedIntent> {
        let named = self.labels.iter().zip(probabilities);
        let mut named: Vec<_> = named.filter(|(label, _)| *label != OUT_OF_SCOPE).collect();
        let better = |a: &(&String, &f32), b: &(&String, &f32)| b.1.total_cmp(a.1);
        if named.len() > RANKING {
            named.select_nth_unstable_by(RANKING - 1, better);
            named.truncate(RANKING);
        }
        named.sort_by(better);
        let ranked = |(label, probability): (&String, &f32)| RankedIntent {
            name: label.clone(),
            confidence: f64::from(*probability),
        };
        named.into_iter().map(ranked).collect()
    }

    /// The number of the label that is no intent.
    fn out_of_scope(&self) -> Option<usize> {
        (self.labels.first().map(String::as_str) == Some(OUT_OF_SCOPE)).then_some(0)
    }

    /// The share of held-out examples that are answered right, out of scope included.
    fn accuracy(&self, held_out: &[HeldOut]) -> Option<f64> {
        let is_right = |example: &&HeldOut| {
            let answer = self.answer(example.scores.clone(), true);
            let truth = Some(&self.labels[example.label]).filter(|label| *label != OUT_OF_SCOPE);
            answer.intent.name.as_ref() == truth
        };
        let right = held_out.iter().filter(is_right).count();
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts of examples are far below 2^52"
        )]
        let share = (!held_out.is_empty()).then(|| right as f64 / held_out.len() as f64);
        share
    }

    /// How many intents it knows.
    pub(super) fn len(&self) -> usize {
        self.labels.len() - usize::from(self.out_of_scope().is_some())
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.weights.bytes() + self.dictionary.len() * 16
    }

    /// Whether its parts fit together, so that nothing can go wrong when it is used.
    pub(super) fn is_sound(&self) -> bool {
        let labels = self.labels.len();
        self.bias.len() == labels
            && self.weights.is_sound(self.dictionary.len(), labels)
            && self.bias.iter().all(|bias| bias.is_finite())
            && self.calibration.sharpness.is_finite()
            && self.calibration.threshold.is_finite()
            && self.len() > 0
    }
}
