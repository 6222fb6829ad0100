//! What an assistant's owner makes of confidences: from which on an answer counts, and when it could be two.
//! The engine's answer is cached without it, so that a new setting holds at once.

use stoa_contracts::parse::{ParseResult, RankedIntent};
use stoa_contracts::understanding::Understanding;

/// Whether an answer with this confidence is too unsure to be one.
pub(crate) fn is_unsure(confidence: f64, settings: &Understanding) -> bool {
    settings
        .min_confidence
        .is_some_and(|least| confidence < least)
}

/// The answer as the settings have it.
pub(crate) fn judge(mut result: ParseResult, settings: &Understanding) -> ParseResult {
    if is_unsure(result.intent.confidence, settings) {
        result.intent.name = None;
    }
    let is_close = |margin| is_close(&result.intent_ranking, margin);
    // Of what is out of scope nobody is to choose.
    result.ambiguous =
        result.intent.name.is_some() && settings.ambiguity_margin.is_some_and(is_close);
    result
}

/// Whether the second intent is within the margin of the first.
fn is_close(ranking: &[RankedIntent], margin: f64) -> bool {
    match ranking {
        [first, second, ..] => first.confidence - second.confidence <= margin,
        _ => false,
    }
}
