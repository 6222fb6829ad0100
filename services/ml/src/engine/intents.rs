//! What the user wants: the intent classifier.

use super::calibration::{Calibration, HeldOut, best};
use super::dictionary::Dictionary;
use super::examples::factor;
use super::network::{Layer, Meaning, Network};
use super::ngrams;
use super::text::Text;
use super::weights::Quantised;
use serde::{Deserialize, Serialize};
use stoa_contracts::parse::{Intent, RankedIntent};

/// The label of utterances that are out of scope; intents are never empty.
pub(super) const OUT_OF_SCOPE: &str = "";
/// The longest ranking that is answered.
const RANKING: usize = 10;

/// The intent classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Intents {
    /// The intents in order; the first may be the one that is none.
    pub(super) labels: Vec<String>,
    /// The features that are known.
    pub(super) dictionary: Dictionary,
    /// From features to a score per label.
    pub(super) network: Network,
    /// From scores to an answer.
    pub(super) calibration: Calibration,
}

/// The intent classifier of a model of format 1.
#[derive(Deserialize)]
pub(super) struct LinearIntents {
    labels: Vec<String>,
    dictionary: Dictionary,
    weights: Quantised,
    bias: Vec<f32>,
    calibration: Calibration,
}

impl From<LinearIntents> for Intents {
    fn from(linear: LinearIntents) -> Self {
        let layer = Layer {
            weights: linear.weights,
            bias: linear.bias,
        };
        Self {
            labels: linear.labels,
            dictionary: linear.dictionary,
            network: layer.into(),
            calibration: linear.calibration,
        }
    }
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

impl Intents {
    /// The most probable intent of an utterance, and the next ones.
    pub(super) fn classify(&self, text: &Text, meaning: Option<Meaning<'_>>) -> Answer {
        let features = ngrams::features(text);
        let mut rows = features
            .iter()
            .filter_map(|feature| self.dictionary.row(feature.hash))
            .peekable();
        // An encoder knows words that no example has.
        let known = rows.peek().is_some() || (meaning.is_some() && text.has_words());
        let scores = self.network.scores(rows, factor(features.len()), meaning);
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
    pub(super) fn out_of_scope(&self) -> Option<usize> {
        (self.labels.first().map(String::as_str) == Some(OUT_OF_SCOPE)).then_some(0)
    }

    /// The share of held-out examples that are answered right, out of scope included.
    pub(super) fn accuracy(&self, held_out: &[HeldOut]) -> Option<f64> {
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
        let labels: usize = self.labels.iter().map(|label| label.len() + 24).sum();
        self.network.bytes() + self.dictionary.bytes() + labels
    }

    /// Whether its parts fit together, so that nothing can go wrong when it is used.
    pub(super) fn is_sound(&self) -> bool {
        self.network
            .is_sound(self.dictionary.len(), self.labels.len())
            && self.calibration.is_sound()
            && self.len() > 0
    }
}
