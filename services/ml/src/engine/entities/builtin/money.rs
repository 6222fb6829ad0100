//! Money: "$5.50", "20 euros", "EUR 12", "5k dollars", "five euros and fifty cents".

use super::Found;
use super::duration::Unit;
use super::locale::Locale;
use super::number::{self, Number};
use super::vocabulary::Word;
use super::words::Words;
use serde_json::json;

/// A sum of money.
pub(super) fn find(words: &Words<'_>, first: usize) -> Option<Found> {
    let is_minus = words.is_sign(first, '-') && !words.is_glued(first) && words.is_glued(first + 1);
    let from = first + usize::from(is_minus);
    let (amount, currency, end) = prefixed(words, from)
        .or_else(|| suffixed(words, first))
        .or_else(|| cents(words, first))?;
    let is_negated = is_minus && amount.value() > 0.0;
    let amount = if is_negated {
        Number::of(-amount.value())
    } else {
        amount
    };
    Some(Found {
        kind: "money",
        tokens: first..end,
        value: json!({"amount": amount.json(), "currency": currency}),
    })
}

/// The currency before the amount.
fn prefixed(words: &Words<'_>, first: usize) -> Option<(Number, &'static str, usize)> {
    let (currency, at) = currency_before(words, first)?;
    let (amount, end) = number::signed(words, at)?;
    let (amount, end) = scaled(words, amount, end);
    Some((amount, currency, end))
}

/// The currency behind the amount, with its cents.
fn suffixed(words: &Words<'_>, first: usize) -> Option<(Number, &'static str, usize)> {
    let (amount, end) = amount(words, first)?;
    let (amount, end) = scaled(words, amount, end);
    let (currency, end) = currency(words, words.skip_hyphen(end))?;
    match cents(words, end + usize::from(words.at(end) == Word::And)) {
        Some((cents, of, end)) if of == currency || of == dollar(words.locale) || of == "EUR" => {
            let sum = amount.value() + cents.value().copysign(amount.value());
            Some((Number::of((sum * 100.0).round() / 100.0), currency, end))
        }
        _ => Some((amount, currency, end)),
    }
}

/// Cents by themselves, of the region's currency where none is named.
fn cents(words: &Words<'_>, first: usize) -> Option<(Number, &'static str, usize)> {
    let (amount, end) = amount(words, first)?;
    let currency = match words.at(end) {
        Word::Cent(Some(currency)) => currency,
        Word::Cent(None) => region_currency(words.locale),
        Word::Sign('¢') => dollar_sign(words.locale),
        // Greek has one word for cents and minutes.
        Word::Unit(Unit::Minute) if is_behind_currency(words, first) => "EUR",
        _ => return None,
    };
    let value = (amount.value() * 100.0).round() / 10_000.0;
    Some((Number::of(value), currency, end + 1))
}

fn is_behind_currency(words: &Words<'_>, first: usize) -> bool {
    let joint = usize::from(words.before(first) == Word::And);
    let is_currency = |at: usize| matches!(words.before(at), Word::Currency(_) | Word::Sign('€'));
    !words.locale.english && first.checked_sub(joint).is_some_and(is_currency)
}

fn amount(words: &Words<'_>, first: usize) -> Option<(Number, usize)> {
    let number = number::signed(words, first);
    number.or_else(|| match words.at(first) {
        Word::A => Some((Number::Whole(1), first + 1)),
        Word::Half if words.at(first + 1) == Word::A => Some((Number::Real(0.5), first + 2)),
        _ => None,
    })
}

/// "m" and "bn" right behind the amount ("k" belongs to every number).
fn scaled(words: &Words<'_>, amount: Number, end: usize) -> (Number, usize) {
    if !words.is_glued(end) || end >= words.len() {
        return (amount, end);
    }
    let factor = match words.chars(end) {
        ['m'] | ['m', 'n'] => 1_000_000,
        ['b'] | ['b', 'n'] => 1_000_000_000,
        _ => return (amount, end),
    };
    (amount.times(factor), end + 1)
}

/// A code or a sign, with the country before a dollar sign: "US$".
fn currency_before(words: &Words<'_>, first: usize) -> Option<(&'static str, usize)> {
    let is_dollar = words.is_glued_sign(first + 1, '$');
    let country = match words.at(first) {
        Word::Sign(sign) => return Some((sign_currency(sign, words.locale)?, first + 1)),
        Word::Currency(code) if is_code(words, first, code) => return Some((code, first + 1)),
        Word::Other | Word::Letter(_) | Word::A if is_dollar => words.chars(first),
        _ => return None,
    };
    let currency = match country {
        ['u', 's'] => "USD",
        ['a'] | ['a', 'u'] => "AUD",
        ['c'] | ['c', 'a'] => "CAD",
        ['n', 'z'] => "NZD",
        ['h', 'k'] => "HKD",
        ['s'] => "SGD",
        ['r'] => "BRL",
        _ => return None,
    };
    Some((currency, first + 2))
}

/// Whether it is the code that is written, and no name or word: not "pounds 5", "call Ron 5 times".
fn is_code(words: &Words<'_>, at: usize, code: &str) -> bool {
    const NAMES: [&str; 3] = ["CAD", "RON", "RUB"];
    let letters = words.chars(at);
    match code {
        "GBP" => letters == ['g', 'b', 'p'],
        _ => letters.len() == 3 && (!NAMES.contains(&code) || words.is_upper(at)),
    }
}

/// What stands behind the amount: "euros", "€", "US dollars", "pounds sterling".
fn currency(words: &Words<'_>, at: usize) -> Option<(&'static str, usize)> {
    match words.at(at) {
        Word::Currency(code) => {
            let is_sterling = code == "GBP" && words.at(at + 1) == Word::Currency("GBP");
            Some((code, at + 1 + usize::from(is_sterling)))
        }
        Word::Dollar => Some((dollar(words.locale), at + 1)),
        Word::Sign(_) if begins_sum(words, at) => None,
        Word::Sign(sign) => Some((sign_currency(sign, words.locale)?, at + 1)),
        Word::Other if words.at(at + 1) == Word::Dollar => Some((nation(words.chars(at))?, at + 2)),
        _ => None,
    }
}

/// Whether a sign belongs to the digits behind it, and not to an amount before: "3 $20 vouchers".
fn begins_sum(words: &Words<'_>, at: usize) -> bool {
    !words.is_glued(at) && words.is_glued(at + 1) && words.at(at + 1) == Word::Digits
}

/// Whose dollars.
fn nation(word: &[char]) -> Option<&'static str> {
    let word: String = word.iter().take(16).collect();
    match word.as_str() {
        "us" | "american" => Some("USD"),
        "canadian" => Some("CAD"),
        "australian" => Some("AUD"),
        "singapore" => Some("SGD"),
        _ => None,
    }
}

fn sign_currency(sign: char, locale: Locale) -> Option<&'static str> {
    Some(match sign {
        '$' => dollar_sign(locale),
        '€' => "EUR",
        '£' => "GBP",
        '¥' if locale.region() == Some("CN") => "CNY",
        '¥' => "JPY",
        '₹' => "INR",
        '₩' => "KRW",
        '₽' => "RUB",
        '₺' => "TRY",
        '₴' => "UAH",
        '₪' => "ILS",
        '₫' => "VND",
        '₱' => "PHP",
        '₦' => "NGN",
        '฿' => "THB",
        _ => return None,
    })
}

/// What the region writes with the sign of the dollar.
fn dollar_sign(locale: Locale) -> &'static str {
    match locale.region() {
        Some("AR") => "ARS",
        Some("CL") => "CLP",
        Some("CO") => "COP",
        Some("CU") => "CUP",
        Some("DO") => "DOP",
        Some("MX") => "MXN",
        Some("TW") => "TWD",
        Some("UY") => "UYU",
        _ => dollar(locale),
    }
}

/// The dollar of the region.
fn dollar(locale: Locale) -> &'static str {
    match locale.region() {
        Some("CA") => "CAD",
        Some("AU") => "AUD",
        Some("NZ") => "NZD",
        Some("SG") => "SGD",
        Some("HK") => "HKD",
        _ => "USD",
    }
}

/// Whose cents they are.
fn region_currency(locale: Locale) -> &'static str {
    const EURO: [&str; 20] = [
        "AT", "BE", "BG", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU",
        "LV", "MT", "NL", "PT", "SI",
    ];
    match locale.region() {
        Some(region) if EURO.contains(&region) => "EUR",
        _ => dollar(locale),
    }
}
