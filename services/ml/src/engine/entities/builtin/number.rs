//! Numbers: digits as the language writes them, and words.

use super::Found;
use super::locale::Locale;
use super::spelled::spelled;
use super::vocabulary::Word;
use super::words::Words;
use serde_json::Value;

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// Without a fraction.
    Whole(i64),
    /// With one.
    Real(f64),
}

impl Number {
    #[expect(
        clippy::cast_precision_loss,
        reason = "beyond 2^53 no unit is counted to the last one"
    )]
    pub(super) const fn value(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }

    /// A product or sum, whole where it can be.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be whole and small"
    )]
    pub(super) fn of(value: f64) -> Self {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() < EXACT {
            Self::Whole(value as i64)
        } else {
            Self::Real(value)
        }
    }

    /// So many times, as exact as what was said: a binary fraction would make 4019.9999999999995 of 1000 times 4.02.
    pub(super) fn times(self, factor: i64) -> Self {
        let Self::Real(real) = self else {
            return Self::of(self.value() * Self::Whole(factor).value());
        };
        let product = decimal_product(real, factor);
        Self::of(product.unwrap_or(real * Self::Whole(factor).value()))
    }

    pub(super) fn json(self) -> Value {
        match self {
            Self::Whole(whole) => whole.into(),
            Self::Real(real) => real.into(),
        }
    }
}

/// The product in decimal digits; none where there are more of them than a whole number has room for.
fn decimal_product(real: f64, factor: i64) -> Option<f64> {
    let written = real.to_string();
    let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let product = digits.checked_mul(factor.into())?;
    format!("{product}e-{}", fraction.len()).parse().ok()
}

/// A number that may be an entity by itself.
pub(super) fn find(words: &Words<'_>, first: usize) -> Option<Found> {
    if is_pronoun(words, first) {
        return None;
    }
    let (number, end) = signed(words, first)?;
    Some(Found {
        kind: "number",
        tokens: first..end,
        value: number.json(),
    })
}

/// "one" as in "this one", "no one", "one of them".
fn is_pronoun(words: &Words<'_>, first: usize) -> bool {
    words.at(first) == Word::Small(1)
        && (matches!(
            words.before(first),
            Word::The
                | Word::This
                | Word::Next
                | Word::Last
                | Word::Pointing
                | Word::Rate
                | Word::NthSmall(_)
                | Word::New
        ) || words.at(first + 1) == Word::Of)
}

/// A number, with its sign.
pub(super) fn signed(words: &Words<'_>, first: usize) -> Option<(Number, usize)> {
    let is_minus = match words.at(first) {
        Word::Sign('-') => !words.is_glued(first) && words.is_glued(first + 1),
        Word::Minus => true,
        _ => return unsigned(words, first),
    };
    if !is_minus {
        return None;
    }
    let (number, end) = unsigned(words, first + 1)?;
    let negative = match number {
        Number::Whole(whole) => Number::Whole(whole.checked_neg()?),
        Number::Real(real) => Number::Real(-real),
    };
    Some((negative, end))
}

/// A number without a sign: "12", "1,234.5", "2.5 million", "twenty-three", "two and a half".
pub(super) fn unsigned(words: &Words<'_>, first: usize) -> Option<(Number, usize)> {
    let (number, end) = match words.at(first) {
        Word::Digits => {
            let (number, end) = written(words, first)?;
            scaled(words, number, end)
        }
        _ => spelled(words, first)?,
    };
    Some(with_fraction(words, number, end))
}

/// What digits say; behind letters they are a code, such as `AB12`.
fn written(words: &Words<'_>, first: usize) -> Option<(Number, usize)> {
    let is_length = first > 1
        && words.at(first - 2) == Word::Digits
        && words.before(first) == Word::Letter('h');
    let is_code = words.is_glued(first)
        && matches!(
            words.before(first),
            Word::Other | Word::Letter(_) | Word::Suffix | Word::Zone(_)
        );
    if is_code && !is_length {
        return None;
    }
    let end = digits_end(words, first);
    let text: String = (first..end).flat_map(|index| words.chars(index)).collect();
    Some((value(&text, words.locale)?, end))
}

/// Whether the digits have something between their thousands.
pub(super) fn is_grouped(words: &Words<'_>, first: usize) -> bool {
    let number = written(words, first);
    matches!(number, Some((Number::Whole(_), end)) if end > first + 1)
}

/// One past the last token of digits joined by spaces, points or commas.
pub(super) fn digits_end(words: &Words<'_>, first: usize) -> usize {
    let mut end = words.groups_end(first);
    while matches!(words.at(end), Word::Sign('.' | ','))
        && words.at(end + 1) == Word::Digits
        && words.is_glued(end)
        && words.is_glued(end + 1)
    {
        end += 2;
    }
    end
}

/// Times the words behind the digits: "5 million", "2 dozen", "5k".
fn scaled(words: &Words<'_>, number: Number, end: usize) -> (Number, usize) {
    let (factor, end) = match words.at(end) {
        Word::Letter('k') if words.is_glued(end) => (1_000, end + 1),
        Word::Hundred => (100, end + 1),
        Word::Dozen => (12, end + 1),
        Word::Scale(scale) => (scale.cast_signed(), end + 1),
        _ => return (number, end),
    };
    (number.times(factor), end)
}

/// "and a half" behind a number: half of what it is counted in, said before or behind ("a million and a half", "two
/// and a half million").
fn with_fraction(words: &Words<'_>, number: Number, end: usize) -> (Number, usize) {
    let unit = match words.before(end) {
        Word::Scale(scale) => scale.cast_signed(),
        Word::Dozen => 12,
        _ => 1,
    };
    let Some((part, end)) = fraction(words, end) else {
        return (number, end);
    };
    let number = Number::of(number.value() + part * Number::Whole(unit).value());
    match words.at(end) {
        Word::Scale(_) if unit == 1 => scaled(words, number, end),
        _ => (number, end),
    }
}

/// "and a half", "and three quarters".
pub(super) fn fraction(words: &Words<'_>, first: usize) -> Option<(f64, usize)> {
    if words.at(first) != Word::And {
        return None;
    }
    match (words.at(first + 1), words.at(first + 2)) {
        (Word::A, Word::Half) => Some((0.5, first + 3)),
        (Word::Half, _) => Some((0.5, first + 2)),
        (Word::A | Word::Small(1), Word::Quarter) => Some((0.25, first + 3)),
        (Word::Small(3), Word::Quarter) => Some((0.75, first + 3)),
        _ => None,
    }
}

/// The number that was written; none where it is not one, such as a date or an IP address.
fn value(written: &str, locale: Locale) -> Option<Number> {
    let plain = without_groups(written, locale)?;
    if let Ok(whole) = plain.parse() {
        return Some(Number::Whole(whole));
    }
    let real: f64 = plain.parse().ok()?;
    (plain.contains('.') && real.is_finite()).then_some(Number::Real(real))
}

/// Digits with a point before the fraction and nothing between the thousands.
fn without_groups(digits: &str, locale: Locale) -> Option<String> {
    let (decimal, group) = if locale.decimal_comma {
        (',', '.')
    } else {
        ('.', ',')
    };
    let (whole, fraction) = match digits.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let mut groups = whole.split(group);
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    // What begins with a 0 has no thousands: 0.500 is a half, whoever writes it.
    let grouped =
        first.len() <= 3 && !first.starts_with('0') && rest.iter().all(|group| group.len() == 3);
    match (rest.as_slice(), fraction) {
        ([], None) => Some(first.into()),
        ([], Some(fraction)) if is_digits(fraction) => Some(format!("{first}.{fraction}")),
        (_, None) if grouped => Some(format!("{first}{}", rest.concat())),
        (_, Some(fraction)) if grouped && is_digits(fraction) => {
            Some(format!("{first}{}.{fraction}", rest.concat()))
        }
        // One mark that cannot separate thousands is the other way to write a fraction.
        ([fraction], None) if is_digits(fraction) => Some(format!("{first}.{fraction}")),
        _ => None,
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
