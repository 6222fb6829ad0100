//! Ordinals: "3rd", "twenty-first". A lone "second" is one too, unless it is a time.

use super::Found;
use super::vocabulary::Word;
use super::words::Words;
use super::{duration, spelled};

/// An ordinal that is an entity by itself.
pub(super) fn find(words: &Words<'_>, first: usize) -> Option<Found> {
    let (value, end) = at(words, first)?;
    let is_time = end == first + 1
        && words.at(first) == Word::NthSmall(2)
        && matches!(
            words.before(first),
            Word::A | Word::Small(_) | Word::Digits | Word::Rate | Word::Per
        )
        && !duration::is_other(words, first);
    (!is_time).then(|| Found {
        kind: "ordinal",
        tokens: first..end,
        value: value.into(),
    })
}

/// The ordinal that begins here.
pub(super) fn at(words: &Words<'_>, first: usize) -> Option<(u64, usize)> {
    match words.digits(first) {
        Some(digits) => {
            let is_ordinal = words.at(first + 1) == Word::Suffix && words.is_glued(first + 1);
            let text: String = digits.iter().collect();
            let value = text.parse().ok().filter(|_| is_ordinal)?;
            Some((value, first + 2))
        }
        None => spelled::ordinal(words, first),
    }
}
