//! Entities that need no teaching: numbers, ordinals, percentages, money, durations, dates and times, telephone
//! numbers, e-mail and web addresses.
//!
//! Tokens get a meaning ([`vocabulary`], [`words`]); then the rules of each kind are tried at each token, from left
//! to right, and the longest match is taken: "$5" is money, not a number, and "in 5 days" a time, not a duration.
//! Addresses are found before, and nothing is looked for within them. To add a kind, write a file with a
//! `find(words, first)` and name it in [`longest`].

mod address;
mod datetime;
mod duration;
mod greek;
mod groups;
mod lexicon;
mod locale;
mod money;
mod number;
mod ordinal;
mod percentage;
mod phone;
mod spelled;
mod vocabulary;
mod words;

use super::super::text::Text;
use super::BUILTIN;
use jiff::Zoned;
pub(super) use locale::Locale;
use serde_json::Value;
use std::ops::Range;
use stoa_contracts::parse::Entity;
use stoa_contracts::understanding::BuiltinEntity;
use vocabulary::Word;
use words::Words;

/// Entities that are looked for in an utterance.
const MOST: usize = 300;

/// The kinds that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtins(u16);

impl Builtins {
    /// Every kind.
    pub const ALL: Self = Self(u16::MAX);

    /// These kinds; without a list, all.
    pub fn of(kinds: Option<&[BuiltinEntity]>) -> Self {
        kinds.map_or(Self::ALL, |kinds| {
            let bits = kinds.iter().map(|kind| 1 << (*kind as u16));
            Self(bits.fold(0, |all, bit| all | bit))
        })
    }

    const fn has(self, kind: BuiltinEntity) -> bool {
        self.0 & (1 << (kind as u16)) != 0
    }

    fn has_named(self, name: &str) -> bool {
        BuiltinEntity::named(name).is_some_and(|kind| self.has(kind))
    }
}

/// What a rule found.
struct Found {
    kind: &'static str,
    /// The tokens that it takes.
    tokens: Range<usize>,
    value: Value,
}

/// All that needs no teaching and is looked for, none overlapping another; times are counted from `now`, in its time
/// zone. Also where an address is not looked for, nothing else is found within it.
pub(super) fn find(
    original: &str,
    text: &Text,
    locale: Locale,
    (now, builtins): (&Zoned, Builtins),
) -> Vec<Entity> {
    let addresses = address::find(original);
    let taken: Vec<Range<usize>> = addresses
        .iter()
        .map(|(_, place, _)| place.clone())
        .collect();
    let mut found: Vec<Entity> = addresses
        .into_iter()
        .filter(|(kind, ..)| builtins.has_named(kind))
        .map(|(kind, place, value)| entity(kind, (place.start, place.end), value))
        .collect();
    let words = Words::new((original, text), locale, &taken);
    if !words.has_substance() {
        return found;
    }
    let mut first = 0;
    while first < words.len() && found.len() < MOST {
        let end = match longest(&words, (now, builtins), first) {
            Some(hit) => {
                let end = hit.tokens.end;
                found.push(entity(hit.kind, words.place(hit.tokens), hit.value));
                end
            }
            None => past(&words, first),
        };
        first = end;
    }
    found
}

/// The longest match that begins here; of equal ones the most specific.
fn longest(words: &Words<'_>, (now, builtins): (&Zoned, Builtins), first: usize) -> Option<Found> {
    if matches!(words.at(first), Word::Other | Word::Filler) {
        // Only before a dollar sign: "US$5".
        return words
            .is_glued_sign(first + 1, '$')
            .then(|| money::find(words, first))?
            .filter(|found| builtins.has_named(found.kind));
    }
    let found = [
        number::find(words, first),
        ordinal::find(words, first),
        percentage::find(words, first),
        money::find(words, first),
        duration::find(words, first),
        phone::find(words, first),
        datetime::find(words, now, first),
    ];
    // The last of equal ones is taken.
    found
        .into_iter()
        .flatten()
        .filter(|found| builtins.has_named(found.kind))
        .max_by_key(|found| found.tokens.end)
}

/// Past what begins no entity: a token, or digits that are no number as a whole, such as an IP address.
fn past(words: &Words<'_>, first: usize) -> usize {
    match words.at(first) {
        Word::Digits => number::digits_end(words, first),
        _ => first + 1,
    }
}

fn entity(name: &str, (start, end): (usize, usize), value: Value) -> Entity {
    let (entity, extractor) = (name.into(), BUILTIN.into());
    Entity {
        entity,
        start,
        end,
        value,
        confidence: 1.0,
        extractor,
        role: None,
        group: None,
    }
}
