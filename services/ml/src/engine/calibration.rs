//! Makes confidences mean what they say, by what held-out examples showed.
//!
//! The temperature (Guo et al., "On Calibration of Modern Neural Networks", 2017) is the one
//! number that the scores are multiplied by before they become probabilities. The threshold
//! is where an answer becomes "out of scope".

use super::sums::softmax;
use serde::{Deserialize, Serialize};

/// The scores of a held-out example and its true label.
pub(super) struct HeldOut {
    /// A score per label.
    pub(super) scores: Vec<f32>,
    /// The true label.
    pub(super) label: usize,
}

/// How scores become an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Calibration {
    /// What scores are multiplied by.
    pub(super) sharpness: f32,
    /// The least confidence of an answer.
    pub(super) threshold: f32,
}

impl Default for Calibration {
    /// What is assumed where there is too little to hold out.
    fn default() -> Self {
        Self {
            sharpness: 1.0,
            threshold: 0.3,
        }
    }
}

/// The highest threshold: few held-out examples must not make a model that rejects everything.
const HIGHEST: f32 = 0.7;

/// No sharpness is higher: scores times it stay finite.
const SHARPEST: f32 = 1e4;

/// The lowest threshold: clearly above chance, which is much where there are few labels.
fn lowest(labels: usize) -> f32 {
    let chance = 1.0 / f32::from(u16::try_from(labels.max(1)).unwrap_or(u16::MAX));
    (0.2 + chance).min(HIGHEST)
}

impl Calibration {
    /// The calibration that fits the held-out examples, where this part of the right answers
    /// may be rejected. `out_of_scope` is the label that is no intent.
    pub(super) fn fit(held_out: &[HeldOut], out_of_scope: Option<usize>, rejected: f64) -> Self {
        if held_out.is_empty() {
            return Self::default();
        }
        let sharpness = sharpest(held_out);
        let mut right: Vec<f32> = held_out
            .iter()
            .filter(|example| Some(example.label) != out_of_scope)
            .filter_map(|example| confidence_if_right(example, sharpness))
            .collect();
        right.sort_unstable_by(f32::total_cmp);
        let lowest = lowest(held_out[0].scores.len());
        let threshold = quantile(&right, rejected).clamp(lowest, HIGHEST);
        Self {
            sharpness,
            threshold,
        }
    }

    /// Whether finite scores become probabilities.
    pub(super) fn is_sound(self) -> bool {
        (0.0..=SHARPEST).contains(&self.sharpness) && self.threshold.is_finite()
    }

    /// Turns scores into probabilities.
    pub(super) fn probabilities(self, scores: &mut [f32]) {
        for score in scores.iter_mut() {
            *score *= self.sharpness;
        }
        softmax(scores);
    }
}

fn confidence_if_right(example: &HeldOut, sharpness: f32) -> Option<f32> {
    let mut probabilities: Vec<f32> = example.scores.iter().map(|s| s * sharpness).collect();
    softmax(&mut probabilities);
    let best = best(&probabilities)?;
    (best == example.label).then(|| probabilities[best])
}

/// The index of the greatest number; none of an empty list.
pub(super) fn best(scores: &[f32]) -> Option<usize> {
    let indexed = scores.iter().enumerate();
    indexed
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map(|(index, _)| index)
}

/// The value below which a part of the sorted values lies.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an index into a list that is far shorter than 2^52"
)]
fn quantile(sorted: &[f32], part: f64) -> f32 {
    let index = (sorted.len() as f64 * part) as usize;
    sorted.get(index).copied().unwrap_or_default()
}

/// The sharpness that makes the true labels most probable, by golden-section search.
fn sharpest(held_out: &[HeldOut]) -> f32 {
    const GOLDEN: f32 = 0.618_034;
    let (mut low, mut high) = (-2.0_f32, 3.0_f32);
    for _ in 0..20 {
        let (left, right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
        if surprise(held_out, left.exp()) < surprise(held_out, right.exp()) {
            high = right;
        } else {
            low = left;
        }
    }
    f32::midpoint(low, high).exp()
}

/// How improbable the true labels are: the sum of their negative log-probabilities.
///
/// By the rule of succession two more examples are thought of, with any label: however well
/// a few held-out ones were answered, they do not prove that the next one will be.
fn surprise(held_out: &[HeldOut], sharpness: f32) -> f32 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a number of examples is far below 2^24"
    )]
    let doubt = 2.0 / (held_out.len() as f32 + 2.0);
    let surprise = |example: &HeldOut| {
        let scores = example.scores.iter().map(|score| score * sharpness);
        let largest = scores.clone().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = scores.clone().map(|score| (score - largest).exp()).sum();
        let labels = f32::from(u16::try_from(example.scores.len()).unwrap_or(u16::MAX));
        let expected = (1.0 - doubt) * example.scores[example.label] * sharpness
            + doubt * scores.sum::<f32>() / labels;
        sum.ln() + largest - expected
    };
    held_out.iter().map(surprise).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two labels whose scores claim certainty and are right three times of four.
    fn overconfident() -> Vec<HeldOut> {
        let example = |index: usize| HeldOut {
            scores: vec![8.0, 0.0],
            label: usize::from(index.is_multiple_of(4)),
        };
        (0..400).map(example).collect()
    }

    #[test]
    fn confidence_becomes_the_share_of_right_answers() {
        let calibration = Calibration::fit(&overconfident(), None, 0.005);
        let mut scores = [8.0, 0.0];
        calibration.probabilities(&mut scores);
        assert!((scores[0] - 0.75).abs() < 0.01, "{} is not 0.75", scores[0]);
    }

    #[test]
    fn nothing_held_out_leaves_a_cautious_default() {
        assert_eq!(Calibration::fit(&[], None, 0.005), Calibration::default());
    }

    #[test]
    fn the_threshold_stays_within_bounds() {
        let sure = |_| HeldOut {
            scores: vec![50.0, 0.0],
            label: 0,
        };
        let held_out: Vec<_> = (0..50).map(sure).collect();
        assert!(Calibration::fit(&held_out, None, 0.005).threshold <= HIGHEST);
    }
}
