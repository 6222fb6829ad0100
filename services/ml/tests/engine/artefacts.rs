//! Artefacts that are no models, or not quite: each is refused, or is a model that answers.

use super::TRAINED;
use jiff::Zoned;
use ml::engine::Model;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// Magic, format and checksum.
const HEADER: usize = 42;
const SUM: std::ops::Range<usize> = 10..HEADER;

static ARTEFACT: LazyLock<Vec<u8>> = LazyLock::new(|| TRAINED.model.to_artefact());

/// The same artefact with the checksum that its body has.
fn sealed(mut artefact: Vec<u8>) -> Vec<u8> {
    let sum = Sha256::digest(&artefact[HEADER..]);
    artefact[SUM].copy_from_slice(&sum);
    artefact
}

/// Reads an artefact; a model that comes of it has to answer with numbers that mean something.
fn read(artefact: &[u8]) {
    let Ok(model) = Model::from_artefact(artefact, None) else {
        return;
    };
    for text in [
        "our meter shows 5500",
        "moving to Sunset Plus in Rome, C-1234",
        "x",
    ] {
        let answer = model.parse(text, 1, &Zoned::default());
        let ranked = answer.intent_ranking.iter().map(|ranked| ranked.confidence);
        let entities = answer.entities.iter().map(|entity| entity.confidence);
        let mut sure = ranked.chain(entities).chain([answer.intent.confidence]);
        assert!(
            sure.all(|sure| (0.0..=1.0001).contains(&sure)),
            "{answer:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_bytes_are_refused_or_answer(body in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        for format in [1, 2, 3, 4, 5] {
            let mut artefact = ARTEFACT[..HEADER].to_vec();
            artefact[8] = format;
            artefact.extend_from_slice(&body);
            read(&sealed(artefact));
        }
    }

    #[test]
    fn a_truncated_artefact_is_refused(part in 0.0..1.0_f64) {
        #[expect(
            clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a place in an artefact"
        )]
        let end = HEADER + ((ARTEFACT.len() - HEADER) as f64 * part) as usize;
        prop_assert!(Model::from_artefact(&ARTEFACT[..end], None).is_err());
        prop_assert!(Model::from_artefact(&sealed(ARTEFACT[..end].to_vec()), None).is_err());
    }

    #[test]
    fn flipped_bits_are_refused_or_answer(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..4)
    ) {
        let mut artefact = ARTEFACT.clone();
        for (place, bit) in flips {
            let place = HEADER + place.index(artefact.len() - HEADER);
            artefact[place] ^= 1 << bit;
        }
        prop_assert!(Model::from_artefact(&artefact, None).is_err(), "the checksum tells");
        read(&sealed(artefact));
    }
}
