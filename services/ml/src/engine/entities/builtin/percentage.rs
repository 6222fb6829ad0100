//! Percentages: "12.5 %", "ten percent", "half a per cent".

use super::Found;
use super::number::{self, Number};
use super::vocabulary::Word;
use super::words::Words;

/// A percentage; its value counts per cents.
pub(super) fn find(words: &Words<'_>, first: usize) -> Option<Found> {
    let (number, end) = match (words.at(first), words.at(first + 1)) {
        (Word::Half, Word::A) => (Number::Real(0.5), first + 2),
        _ => number::signed(words, first)?,
    };
    let end = match (words.at(end), words.at(end + 1)) {
        (Word::Sign('%') | Word::Percent, _) => end + 1,
        (Word::Per, Word::Cent(None) | Word::Hundreds(100)) => end + 2,
        _ => return None,
    };
    Some(Found {
        kind: "percentage",
        tokens: first..end,
        value: number.json(),
    })
}
