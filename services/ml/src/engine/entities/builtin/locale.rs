//! How the speakers of a language write numbers and dates, and where they are.

use serde::{Deserialize, Serialize};

/// What the built-in entities need to know of a language. A model is stored with it as one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "u16", into = "u16")]
pub(in super::super) struct Locale {
    /// Whether words are read too; signs and digits are in every language.
    pub(super) english: bool,
    /// 1.234,5 instead of 1,234.5.
    pub(super) decimal_comma: bool,
    /// 27/11 instead of 11/27.
    pub(super) day_first: bool,
    /// ISO 3166-1: where telephone numbers without a country are at home, and which dollar is meant.
    pub(super) region: Option<[u8; 2]>,
}

/// Languages with a point before the fraction (CLDR, as the next two).
const DECIMAL_POINT: [&str; 37] = [
    "en", "zh", "ja", "ko", "th", "he", "hi", "ga", "mt", "am", "ar", "bn", "cy", "fil", "gd",
    "gu", "ha", "ig", "kn", "ml", "mn", "mr", "ms", "my", "ne", "pa", "si", "so", "sw", "ta", "te",
    "ti", "tl", "ur", "yo", "zu", "mi",
];
/// Regions with a point whose language has a comma elsewhere.
const POINT_THERE: [(&str, &[u8; 2]); 17] = [
    ("de", b"CH"),
    ("de", b"LI"),
    ("it", b"CH"),
    ("es", b"BR"),
    ("es", b"BZ"),
    ("es", b"CU"),
    ("es", b"DO"),
    ("es", b"GT"),
    ("es", b"HN"),
    ("es", b"MX"),
    ("es", b"NI"),
    ("es", b"PA"),
    ("es", b"PE"),
    ("es", b"PH"),
    ("es", b"PR"),
    ("es", b"SV"),
    ("es", b"US"),
];
/// UN M.49, in the place of a region.
const LATIN_AMERICA: &str = "419";
/// Regions with a comma whose language has a point elsewhere.
const COMMA_THERE: [(&str, &[u8; 2]); 6] = [
    ("ar", b"DZ"),
    ("ar", b"LY"),
    ("ar", b"MA"),
    ("ar", b"TN"),
    ("ms", b"BN"),
    ("sw", b"CD"),
];
/// Regions with the month before the day (CLDR; `en` alone means `en-US` there).
const MONTH_FIRST: [&[u8; 2]; 3] = [b"US", b"PH", b"PR"];
/// Languages that have it before the day wherever they are spoken (CLDR, as the next two).
const MONTH_FIRST_IN: [&str; 11] = [
    "eu", "fil", "hu", "ja", "ko", "lt", "mn", "ne", "si", "yue", "zh",
];
/// Regions with the month first whose language has the day first elsewhere.
const MONTH_THERE: [(&str, &[u8; 2]); 1] = [("es", b"PA")];
/// Regions with the day first whose language, or whose other languages, have the month first.
const DAY_THERE: [(&str, &[u8; 2]); 4] =
    [("es", b"PH"), ("es", b"US"), ("zh", b"HK"), ("zh", b"MO")];
/// The region of a language that names none, where it is not its own name (CLDR, likely subtags).
const HOMES: [(&str, &[u8; 2]); 17] = [
    ("en", b"US"),
    ("el", b"GR"),
    ("da", b"DK"),
    ("sv", b"SE"),
    ("nb", b"NO"),
    ("no", b"NO"),
    ("cs", b"CZ"),
    ("sl", b"SI"),
    ("et", b"EE"),
    ("uk", b"UA"),
    ("ja", b"JP"),
    ("ko", b"KR"),
    ("zh", b"CN"),
    ("he", b"IL"),
    ("hi", b"IN"),
    ("pt", b"BR"),
    ("ga", b"IE"),
];
/// Languages whose region has their name.
const OWN: [&str; 16] = [
    "de", "fr", "it", "es", "nl", "pl", "fi", "hu", "ro", "bg", "hr", "sk", "lt", "lv", "tr", "ru",
];

/// Regions whose languages put a space between thousands (CLDR).
const SPACED: [&[u8; 2]; 17] = [
    b"FR", b"PL", b"CZ", b"SK", b"SE", b"FI", b"NO", b"RU", b"BY", b"UA", b"HU", b"BG", b"EE",
    b"LV", b"LT", b"CA", b"KZ",
];

impl Locale {
    /// Of a BCP 47 tag.
    pub(in super::super) fn of(language: &str) -> Self {
        let mut parts = language.split(['-', '_']);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let region = if parts.clone().any(|part| part == LATIN_AMERICA) {
            None
        } else {
            parts.find_map(region).or_else(|| home(&name))
        };
        let english = name == "en";
        Self {
            english,
            decimal_comma: has_decimal_comma(&name, region),
            day_first: !has_month_first(&name, region),
            region,
        }
    }

    /// Whether "1 500" is one number.
    pub(super) fn has_spaced_groups(self) -> bool {
        let is_spaced = |region: [u8; 2]| SPACED.contains(&&region);
        !self.english && self.region.is_some_and(is_spaced)
    }

    /// The region as text.
    pub(super) fn region(&self) -> Option<&str> {
        let region = self.region.as_ref()?;
        std::str::from_utf8(region).ok()
    }
}

fn has_decimal_comma(language: &str, region: Option<[u8; 2]>) -> bool {
    if DECIMAL_POINT.contains(&language) {
        is_among(&COMMA_THERE, language, region)
    } else {
        // Spanish without a region is that of Latin America.
        !(is_among(&POINT_THERE, language, region) || language == "es" && region.is_none())
    }
}

fn has_month_first(language: &str, region: Option<[u8; 2]>) -> bool {
    let is_usual = MONTH_FIRST_IN.contains(&language)
        || region.is_some_and(|region| MONTH_FIRST.contains(&&region));
    if is_usual {
        !is_among(&DAY_THERE, language, region)
    } else {
        is_among(&MONTH_THERE, language, region)
    }
}

/// Whether the list has this language in this region.
fn is_among(list: &[(&str, &[u8; 2])], language: &str, region: Option<[u8; 2]>) -> bool {
    let mut list = list.iter();
    list.any(|(name, there)| *name == language && region == Some(**there))
}

fn region(part: &str) -> Option<[u8; 2]> {
    let letters: [u8; 2] = part.as_bytes().try_into().ok()?;
    let is_region = letters.iter().all(u8::is_ascii_alphabetic);
    is_region.then(|| letters.map(|letter| letter.to_ascii_uppercase()))
}

fn home(language: &str) -> Option<[u8; 2]> {
    if OWN.contains(&language) {
        return region(language);
    }
    let known = HOMES.iter().find(|(name, _)| *name == language);
    known.map(|(_, region)| **region)
}

const FOREIGN: u16 = 1;
const OTHER_FRACTION: u16 = 2;
const OTHER_ORDER: u16 = 4;
const REGION: u16 = 3;

/// 0 is American English and 1 a language that is not English, of a region that is not known: what models were
/// stored with when this was only the way of writing numbers.
impl From<Locale> for u16 {
    fn from(locale: Locale) -> Self {
        let foreign = !locale.english;
        let region = match locale.region {
            Some(region) if foreign || region != *b"US" => {
                let [first, second] = region.map(|letter| Self::from(letter - b'A'));
                1 + first * 26 + second
            }
            _ => 0,
        };
        let bit = |set: bool, bit: Self| if set { bit } else { 0 };
        bit(foreign, FOREIGN)
            | bit(locale.decimal_comma != foreign, OTHER_FRACTION)
            | bit(locale.day_first != foreign, OTHER_ORDER)
            | region << REGION
    }
}

impl From<u16> for Locale {
    fn from(code: u16) -> Self {
        let foreign = code & FOREIGN != 0;
        let letters = |number: u16| {
            let letter = |index: u16| b'A' + u8::try_from(index % 26).unwrap_or_default();
            [letter(number / 26), letter(number)]
        };
        let region = match (code >> REGION).checked_sub(1) {
            Some(number) => Some(letters(number)),
            None => (!foreign).then_some(*b"US"),
        };
        Self {
            english: !foreign,
            decimal_comma: foreign != (code & OTHER_FRACTION != 0),
            day_first: foreign != (code & OTHER_ORDER != 0),
            region,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_survives_storage() {
        for language in [
            "en",
            "en-GB",
            "de",
            "pt-BR",
            "el",
            "xx",
            "zh-Hant-TW",
            "",
            "en-ZZ",
            "es-MX",
            "ms",
            "ar-MA",
            "ja",
            "fil-PH",
            "zh-HK",
        ] {
            let locale = Locale::of(language);
            assert_eq!(Locale::from(u16::from(locale)), locale, "{language}");
        }
    }

    #[test]
    fn what_was_stored_as_a_way_of_writing_numbers_is_read_as_it_was_meant() {
        assert_eq!(u16::from(Locale::of("en")), 0);
        let foreign = Locale::from(1);
        assert!(foreign.decimal_comma && !foreign.english && foreign.day_first);
        // A model for Mexico that was trained when it had a comma keeps it.
        let mexican = u16::from(Locale::of("es-MX"));
        let before = Locale::from(mexican & !OTHER_FRACTION);
        assert!(before.decimal_comma && before.region() == Some("MX"));
    }

    #[test]
    fn the_region_says_what_stands_before_the_fraction_where_the_language_does_not() {
        for point in ["es-MX", "es_PE", "es-419", "de-CH", "sw", "ta-IN", "ar-EG"] {
            assert!(!Locale::of(point).decimal_comma, "{point}");
        }
        for comma in ["es", "es-AR", "de-AT", "fr-CH", "ar-MA", "id"] {
            assert!(Locale::of(comma).decimal_comma, "{comma}");
        }
    }

    #[test]
    fn britain_writes_the_day_first_and_america_does_not() {
        assert!(Locale::of("en-GB").day_first && !Locale::of("en").day_first);
        assert_eq!(Locale::of("el").region(), Some("GR"));
    }

    #[test]
    fn the_month_stands_first_where_it_does_whatever_the_language() {
        for month in [
            "ja", "zh", "zh-TW", "ko", "hu", "lt", "fil", "fil-PH", "tl-PH", "es-PR", "es-PA",
            "fr-US",
        ] {
            assert!(!Locale::of(month).day_first, "{month}");
        }
        for day in ["de", "es", "es-US", "zh-HK", "sv", "en-KE", "pt-BR", "ar"] {
            assert!(Locale::of(day).day_first, "{day}");
        }
    }
}
