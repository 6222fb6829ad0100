//! What an assistant's owner makes of confidences: from which on an answer counts, and when it could be two.
//! The engine's answer is cached without it, so that a new setting holds at once.

use stoa_contracts::parse::{ParseResult, RankedIntent};
use stoa_contracts::understanding::Understanding;

/// The answer as the settings have it.
pub(crate) fn judge(mut result: ParseResult, settings: &Understanding) -> ParseResult {
    if settings.is_unsure(result.intent.confidence) {
        result.intent.name = None;
    }
    // Of what is out of scope nobody is to choose.
    let margin = settings
        .ambiguity_margin
        .filter(|_| result.intent.name.is_some());
    let close = margin.map(|margin| close(&result.intent_ranking, margin));
    result.alternatives = close.filter(|close| close.len() > 1).unwrap_or_default();
    result.ambiguous = !result.alternatives.is_empty();
    result
}

/// The first intent, and those within the margin of it.
fn close(ranking: &[RankedIntent], margin: f64) -> Vec<String> {
    let Some(first) = ranking.first() else {
        return Vec::new();
    };
    let close = ranking
        .iter()
        .take_while(|ranked| first.confidence - ranked.confidence <= margin);
    close.map(|ranked| ranked.name.clone()).collect()
}
