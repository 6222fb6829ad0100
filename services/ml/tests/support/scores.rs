//! How good answers are: shares of right ones, and how far confidences can be believed.
//!
//! An utterance in scope that is rejected counts as wrong.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and confidences are small, and are printed with two digits"
)]

use crate::datasets::Dataset;
use stoa_contracts::parse::ParseResult;

/// Per cent of the utterances in (or out of) scope that were answered right; a dash of none.
pub(crate) fn share(dataset: &Dataset, answers: &[ParseResult], in_scope: bool) -> String {
    let all = dataset.test.iter().zip(answers);
    let asked = all.filter(|((_, truth), _)| truth.is_some() == in_scope);
    let right = asked
        .clone()
        .filter(|((_, truth), answer)| answer.intent.name == *truth)
        .count();
    match asked.count() {
        0 => "-".into(),
        count => format!("{:.2}", 100.0 * right as f64 / count as f64),
    }
}

/// By how many per cent confidence and share of right answers differ, over ten bins of
/// in-scope utterances, out-of-scope answers left out.
pub(crate) fn calibration_error(dataset: &Dataset, answers: &[ParseResult]) -> f64 {
    let mut bins = [(0.0, 0.0); 10];
    let mut all = 0.0;
    for ((_, truth), answer) in dataset.test.iter().zip(answers) {
        let (Some(truth), Some(top)) = (truth, answer.intent_ranking.first()) else {
            continue;
        };
        let bin = &mut bins[((top.confidence * 10.0) as usize).min(9)];
        bin.0 += top.confidence;
        bin.1 += f64::from(u8::from(top.name == *truth));
        all += 1.0;
    }
    bins.iter()
        .map(|(confidence, right)| (confidence - right).abs())
        .sum::<f64>()
        * 100.0
        / all
}
