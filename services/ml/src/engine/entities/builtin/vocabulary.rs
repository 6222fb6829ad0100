//! The words that mean something to the built-in entities.

use super::datetime::Part;
use super::duration::Unit;
use super::lexicon::{COUNTING, JOINING, MONEY, SHARED, TIME};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a token means. Words with two meanings have the first, and the rules know the other: "second", "quarter".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Beyond the utterance.
    End,
    /// No word of ours.
    Other,
    /// ASCII digits.
    Digits,
    /// A sign.
    Sign(char),
    /// A letter by itself, but `a`.
    Letter(char),
    /// 0 to 19.
    Small(u8),
    /// 20, 30, to 90.
    Tens(u8),
    Hundred,
    /// Thousand and its powers.
    Scale(u64),
    Dozen,
    Point,
    Minus,
    /// "a couple of".
    Couple,
    /// 1st to 19th.
    NthSmall(u8),
    /// 20th, 30th, to 90th.
    NthTens(u8),
    NthHundred,
    NthScale(u64),
    /// What stands behind the digits of an ordinal.
    Suffix,
    Half,
    /// A fourth of an hour, or three months.
    Quarter,
    Percent,
    Per,
    /// ISO 4217.
    Currency(&'static str),
    /// The one of the region.
    Dollar,
    /// A hundredth of this currency; of a dollar or euro where none is named.
    Cent(Option<&'static str>),
    Unit(Unit),
    Weekend,
    /// Monday is 1; `true` where it is another word as well.
    Weekday(i8, bool),
    /// January is 1; `true` where it is another word as well.
    Month(i8, bool),
    /// Days from today.
    Day(i8),
    Now,
    Part(Part),
    Tonight,
    Noon,
    Midnight,
    /// `true` for pm.
    Meridiem(bool),
    OClock,
    Clock,
    Christmas,
    Eve,
    New,
    Halloween,
    Ago,
    Later,
    Next,
    Last,
    /// "past month", "half past six".
    Past,
    This,
    Ending,
    Beginning,
    A,
    And,
    The,
    Of,
    In,
    On,
    At,
    By,
    From,
    Between,
    To,
    Until,
    Since,
    Before,
    After,
    Within,
    During,
    /// What may stand behind a time or a number without changing what it is.
    Filler,
    /// What makes "one" a word instead of a number.
    Pointing,
    /// Once, twice, each, every: a unit behind is a rate.
    Rate,
}

impl Word {
    /// Whether an entity can be made of it, so that a sentence without any is left alone.
    pub(super) const fn is_substance(self) -> bool {
        !matches!(
            self,
            Self::End
                | Self::Other
                | Self::Letter(_)
                | Self::Suffix
                | Self::Point
                | Self::Minus
                | Self::Couple
                | Self::Per
                | Self::Meridiem(_)
                | Self::Clock
                | Self::OClock
                | Self::Eve
                | Self::New
                | Self::Ago
                | Self::Later
                | Self::Next
                | Self::Last
                | Self::Past
                | Self::This
                | Self::Ending
                | Self::Beginning
                | Self::A
                | Self::And
                | Self::The
                | Self::Of
                | Self::In
                | Self::On
                | Self::At
                | Self::By
                | Self::From
                | Self::Between
                | Self::To
                | Self::Until
                | Self::Since
                | Self::Before
                | Self::After
                | Self::Within
                | Self::During
                | Self::Filler
                | Self::Pointing
                | Self::Rate
                | Self::Sign(_)
        )
    }
}

/// Letters of the longest word that fits into a key.
const LONGEST: usize = 12;

static WORDS: LazyLock<HashMap<u64, (Word, bool)>> = LazyLock::new(|| {
    let entry = |shared: bool| {
        move |(name, word): &(&str, Word)| {
            let letters: Vec<char> = name.chars().collect();
            key(&letters).map(|key| (key, (*word, shared)))
        }
    };
    let english = [COUNTING, MONEY, TIME, JOINING].into_iter().flatten();
    let english = english.filter_map(entry(false));
    english
        .chain(SHARED.iter().filter_map(entry(true)))
        .collect()
});

/// What a folded word means; of other languages than English only what all of them share.
pub(super) fn look_up(letters: &[char], english: bool) -> Word {
    if let [letter] = letters
        && (*letter != 'a' || !english)
    {
        return Word::Letter(*letter);
    }
    match key(letters).and_then(|key| WORDS.get(&key)) {
        Some((word, shared)) if english || *shared => *word,
        _ => Word::Other,
    }
}

/// A word of a to z as a number, five bits a letter.
fn key(letters: &[char]) -> Option<u64> {
    if letters.len() > LONGEST {
        return None;
    }
    let number = |key: u64, letter: &char| {
        let is_letter = letter.is_ascii_lowercase();
        is_letter.then(|| key << 5 | (u64::from(*letter) - 0x60))
    };
    letters.iter().try_fold(0, number)
}
