//! The words that mean something to the built-in entities.

use super::datetime::Part;
use super::duration::Unit;
use super::greek;
use super::lexicon::{CODES, COUNTING, JOINING, MONEY, SHARED, TIME, ZONES};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a token means. Words with two meanings have the first, and the rules know the other: "second", "quarter".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Beyond the utterance.
    End,
    /// No word of ours.
    Other,
    /// Decimal digits.
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
    /// 100, 200, to 900 in a word.
    Hundreds(u16),
    /// Thousand and its powers.
    Scale(u64),
    Dozen,
    Point,
    Minus,
    /// How much is missing to an hour: "6 παρά τέταρτο".
    Less,
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
    /// A time zone without summer time, hours from UTC.
    Zone(i8),
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
                | Self::Less
                | Self::Couple
                | Self::Per
                | Self::Meridiem(_)
                | Self::Clock
                | Self::OClock
                | Self::Zone(_)
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

/// Where a word is one of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoken {
    /// In every language.
    Everywhere,
    /// In every language in capitals, in English however it is written.
    InCapitals,
    InEnglish,
}

static WORDS: LazyLock<HashMap<u64, (Word, Spoken)>> = LazyLock::new(|| {
    let tables = [
        (SHARED, Spoken::Everywhere),
        (CODES, Spoken::InCapitals),
        (ZONES, Spoken::InCapitals),
        (COUNTING, Spoken::InEnglish),
        (MONEY, Spoken::InEnglish),
        (TIME, Spoken::InEnglish),
        (JOINING, Spoken::InEnglish),
        (greek::COUNTING, Spoken::Everywhere),
        (greek::MONEY, Spoken::Everywhere),
        (greek::TIME, Spoken::Everywhere),
        (greek::JOINING, Spoken::Everywhere),
    ];
    let mut words = HashMap::new();
    for (table, spoken) in tables {
        for (name, word) in table {
            let letters: Vec<char> = name.replace('ς', "σ").chars().collect();
            words.extend(key(&letters).map(|key| (key, (*word, spoken))));
        }
    }
    words
});

/// What a folded word means, which was written in capitals only if it `is_upper`.
pub(super) fn look_up(letters: &[char], is_upper: bool, english: bool) -> Word {
    match letters {
        ['a'] if english => {}
        // Endings of ordinals, and articles.
        ['η' | 'ο'] => return Word::Suffix,
        [letter] => return Word::Letter(*letter),
        _ => {}
    }
    let Some((word, spoken)) = key(letters).and_then(|key| WORDS.get(&key)) else {
        return Word::Other;
    };
    let is_ours = match spoken {
        Spoken::Everywhere => true,
        Spoken::InCapitals => english || is_upper,
        Spoken::InEnglish => english,
    };
    if is_ours { *word } else { Word::Other }
}

/// A word of a to z or of alpha to omega as a number, five bits a letter and the first one for the script.
fn key(letters: &[char]) -> Option<u64> {
    if letters.len() > LONGEST {
        return None;
    }
    let is_greek = letters.first().is_some_and(|letter| !letter.is_ascii());
    let before_first = if is_greek { 0x3b0 } else { 0x60 };
    let number = |key: u64, letter: &char| {
        let number = u64::from(*letter).checked_sub(before_first)?;
        (1..=26).contains(&number).then_some(key << 5 | number)
    };
    let key = letters.iter().try_fold(0, number)?;
    Some(key | u64::from(is_greek) << 63)
}
