//! Who is of the share that the canary answers.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Whether a key (a conversation, a text) is of the share of this many per cent. Every replica says the same, and whoever
/// is of a small share is of every larger one, so that a growing canary takes nobody's version away.
pub(super) fn is_within(assistant: Uuid, key: &[u8], per_cent: i16) -> bool {
    let mut hash = Sha256::new();
    hash.update(assistant.as_bytes());
    hash.update(key);
    let hash = hash.finalize();
    let mut head = [0; 8];
    head.copy_from_slice(&hash[..8]);
    // The place of the key between 0 and 100, without the bias of a remainder.
    let place = (u128::from(u64::from_be_bytes(head)) * 100) >> 64;
    i128::try_from(place).is_ok_and(|place| place < i128::from(per_cent))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: u32 = 10_000;

    fn share(assistant: Uuid, per_cent: i16) -> u32 {
        let keys = (0..KEYS).map(|number| Uuid::from_u128(number.into()));
        let within = keys.filter(|key| is_within(assistant, key.as_bytes(), per_cent));
        u32::try_from(within.count()).unwrap_or(u32::MAX)
    }

    #[test]
    fn a_share_of_ten_thousand_keys_is_as_large_as_its_weight_says() {
        for assistant in (0..5).map(Uuid::from_u128) {
            for per_cent in [1_i16, 10, 50, 90, 99] {
                let wanted = f64::from(per_cent) / 100.0;
                let found = f64::from(share(assistant, per_cent)) / f64::from(KEYS);
                // Four standard deviations of as many fair throws.
                let spread = 4.0 * (wanted * (1.0 - wanted) / f64::from(KEYS)).sqrt();
                assert!((found - wanted).abs() < spread, "{found} is not {wanted}");
            }
        }
        assert_eq!(share(Uuid::nil(), 0), 0);
        assert_eq!(share(Uuid::nil(), 100), KEYS);
    }

    #[test]
    fn who_is_of_a_small_share_is_of_every_larger_one() {
        for key in 0..1_000_u32 {
            let within = (1..100).map(|weight| is_within(Uuid::nil(), &key.to_be_bytes(), weight));
            assert!(within.is_sorted(), "{key}");
        }
    }

    #[test]
    fn two_assistants_try_different_users() {
        let both = (0..KEYS).filter(|key| {
            let key = key.to_be_bytes();
            is_within(Uuid::from_u128(1), &key, 10) && is_within(Uuid::from_u128(2), &key, 10)
        });
        assert!((50..150).contains(&both.count()));
    }

    #[test]
    fn another_release_chooses_the_same() {
        let within = (0..20_u8).filter(|key| is_within(Uuid::from_u128(7), &[*key], 30));
        assert_eq!(within.collect::<Vec<_>>(), KNOWN);
    }

    /// What the release that brought this chose.
    const KNOWN: [u8; 2] = [6, 18];
}
