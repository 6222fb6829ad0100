//! Checks of texts that people give, for `#[garde(custom(...))]`.

use oxilangtag::LanguageTag;

/// Refuses a name that is blank, or that does not stay on its line in a list.
pub fn check_title(name: &str, (): &()) -> garde::Result {
    if name.contains(char::is_control) {
        return Err(garde::Error::new("is one line without control characters"));
    }
    if name.trim().is_empty() {
        return Err(garde::Error::new("has more than spaces in it"));
    }
    Ok(())
}

/// Refuses what is no tag of a language by the grammar of BCP 47.
pub fn check_language(tag: &str, (): &()) -> garde::Result {
    match LanguageTag::parse(tag) {
        Ok(_) => Ok(()),
        Err(error) => Err(garde::Error::new(format!(
            "is no language tag of BCP 47, such as `en` or `pt-BR`: {error}"
        ))),
    }
}

/// Refuses a NUL character, which PostgreSQL takes in no text.
pub fn check_storable(text: &str, (): &()) -> garde::Result {
    if text.contains('\0') {
        return Err(garde::Error::new("holds a NUL character"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_a_tag_of_bcp_47() {
        for good in [
            "en",
            "EL",
            "pt-BR",
            "zh-Hant-TW",
            "sl-rozaj",
            "de-DE-u-co-phonebk",
            "x-ours",
        ] {
            assert!(check_language(good, &()).is_ok(), "{good}");
        }
        for bad in ["", "!!", "e n", "en_US", "en-", "-en", "en\n", "ελ"] {
            assert!(check_language(bad, &()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_title_can_be_seen_and_stays_on_its_line() {
        for good in ["Customer care", "Εξυπηρέτηση", " a ", "😀"] {
            assert!(check_title(good, &()).is_ok(), "{good}");
        }
        for bad in ["   ", "\u{a0}", "a\nb", "a\tb", "a\0b", "a\u{85}b"] {
            assert!(check_title(bad, &()).is_err(), "{bad:?}");
        }
    }
}
