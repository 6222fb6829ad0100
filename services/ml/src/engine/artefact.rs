//! A model as bytes, for the database.
//!
//! Magic, format, SHA-256 of the body, body. The body is postcard: lengths and numbers that
//! can only become the types of a [`Model`], never code. What is read is checked before it is
//! used: the sum first, then that every part has the size that the others expect.

use super::encoder::Encoder;
use super::entities::{Entities, Tagger};
use super::intents::LinearIntents;
use super::model::{Encoded, Model};
use super::weights::Quantised;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"stoa-nlu";
/// Counts up whenever the body changes. Those before are read as well, so that what was trained before an update still
/// answers after it.
const FORMAT: u16 = 2;
/// The same, and behind it what was learned with an encoder.
const ENCODED: u16 = 3;
/// The same, and behind it what was learned with an encoder, if it was, and what finds entities that were annotated.
const TAGGED: u16 = 4;
/// The same, and behind it what meanings say of entities.
const MEANT: u16 = 5;
const SUM: usize = 32;
const HEADER: usize = MAGIC.len() + size_of::<u16>() + SUM;

/// Why bytes are no model.
#[derive(Debug, thiserror::Error)]
pub enum ArtefactError {
    /// Something else was stored there.
    #[error("these bytes are not a model")]
    NotAModel,
    /// Another release wrote it.
    #[error("the model has format {0}, this release reads formats up to {MEANT}")]
    Format(u16),
    /// It was changed after it was written.
    #[error("the model does not match its checksum")]
    Checksum,
    /// The body cannot be read.
    #[error("the model cannot be read")]
    Body(#[source] postcard::Error),
    /// The parts contradict each other.
    #[error("the parts of the model do not fit together")]
    Unsound,
    /// It was trained with an encoder that is not there.
    #[error(
        "the model was trained with the sentence encoder {0}, which is not installed here (ENCODER): train anew, or install it"
    )]
    Encoder(String),
}

impl Model {
    /// The model as bytes. One with neither encoder nor annotated entities is as the releases before them wrote it.
    pub fn to_artefact(&self) -> Vec<u8> {
        let encoded = self.encoded.as_ref();
        let encoded = encoded.map(|Encoded { encoder, weights }| (encoder.id(), weights));
        let (format, body) = match (encoded, &self.entities.tagger) {
            (None, None) => (FORMAT, postcard::to_stdvec(self)),
            (Some((id, weights)), None) => (ENCODED, postcard::to_stdvec(&(self, id, weights))),
            (encoded, Some(tagger)) => match &tagger.meant {
                None => (TAGGED, postcard::to_stdvec(&(self, encoded, tagger))),
                Some(meant) => (MEANT, postcard::to_stdvec(&(self, encoded, tagger, meant))),
            },
        };
        let body = body.expect("a model holds only lists and numbers");
        let mut artefact = Vec::with_capacity(HEADER + body.len());
        artefact.extend_from_slice(MAGIC);
        artefact.extend_from_slice(&format.to_le_bytes());
        artefact.extend_from_slice(&Sha256::digest(&body));
        artefact.extend_from_slice(&body);
        artefact
    }

    /// The checksum that an artefact carries; none of bytes that are too short.
    pub fn checksum(artefact: &[u8]) -> Option<&[u8]> {
        artefact.get(HEADER - SUM..HEADER)
    }

    /// The model that these bytes are; one that was trained with an encoder needs the same.
    pub fn from_artefact(
        artefact: &[u8],
        encoder: Option<&Arc<Encoder>>,
    ) -> Result<Self, ArtefactError> {
        let (format, body) = body(artefact)?;
        let model = match format {
            MEANT => {
                let (model, learned, mut tagger, meant): (Self, _, Tagger, _) = read(body)?;
                tagger.meant = Some(meant);
                model.with(learned, encoder)?.tagged(tagger)
            }
            TAGGED => {
                let (model, learned, tagger): (Self, _, Tagger) = read(body)?;
                model.with(learned, encoder)?.tagged(tagger)
            }
            ENCODED => {
                let (model, id, weights): (Self, _, _) = read(body)?;
                model.with(Some((id, weights)), encoder)?
            }
            FORMAT => read(body)?,
            _ => read::<LinearModel>(body)?.into(),
        };
        if model.is_sound() {
            Ok(model)
        } else {
            Err(ArtefactError::Unsound)
        }
    }

    /// The same with what was learned with the encoder of this name, which has to be here.
    fn with(
        mut self,
        learned: Option<(String, Quantised)>,
        encoder: Option<&Arc<Encoder>>,
    ) -> Result<Self, ArtefactError> {
        let Some((id, weights)) = learned else {
            return Ok(self);
        };
        let Some(encoder) = encoder.filter(|encoder| encoder.id() == id) else {
            return Err(ArtefactError::Encoder(id));
        };
        let encoder = Arc::clone(encoder);
        self.encoded = Some(Encoded { encoder, weights });
        Ok(self)
    }

    fn tagged(mut self, tagger: Tagger) -> Self {
        self.entities.tagger = Some(tagger);
        self
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ArtefactError> {
    postcard::from_bytes(body).map_err(ArtefactError::Body)
}

/// A model of format 1.
#[derive(Deserialize)]
struct LinearModel {
    intents: LinearIntents,
    entities: Entities,
}

impl From<LinearModel> for Model {
    fn from(linear: LinearModel) -> Self {
        Self {
            intents: linear.intents.into(),
            entities: linear.entities,
            encoded: None,
        }
    }
}

/// The format and the body, which has the sum that it should have.
fn body(artefact: &[u8]) -> Result<(u16, &[u8]), ArtefactError> {
    let rest = artefact
        .strip_prefix(MAGIC)
        .ok_or(ArtefactError::NotAModel)?;
    let (format, rest) = rest
        .split_first_chunk::<2>()
        .ok_or(ArtefactError::NotAModel)?;
    let format = u16::from_le_bytes(*format);
    if !(1..=MEANT).contains(&format) {
        return Err(ArtefactError::Format(format));
    }
    let (sum, body) = rest
        .split_first_chunk::<SUM>()
        .ok_or(ArtefactError::NotAModel)?;
    if Sha256::digest(body).as_slice() != sum {
        return Err(ArtefactError::Checksum);
    }
    Ok((format, body))
}

#[cfg(test)]
mod tests {
    use super::super::calibration::Calibration;
    use super::super::dictionary::Dictionary;
    use super::super::ngrams;
    use super::super::options::Options;
    use super::super::progress::Progress;
    use super::super::random::mix;
    use super::super::text::Text;
    use super::super::train::train;
    use super::super::weights::Learned;
    use super::*;
    use stoa_contracts::training_data::{Example, TrainingData};

    fn entities() -> Entities {
        let example = |text: &str, intent: &str| Example {
            text: text.into(),
            intent: Some(intent.into()),
            ..Example::default()
        };
        let data = TrainingData {
            examples: vec![example("pay", "pay"), example("stop", "stop")],
            ..TrainingData::default()
        };
        let trained = train(&data, &Options::default(), &Progress::new()).unwrap();
        trained.model.entities
    }

    /// What release 1 wrote: a row of weights per feature, a column per label.
    fn linear(labels: usize) -> Vec<u8> {
        let mut dictionary = Dictionary::default();
        for feature in ngrams::features(&Text::new("pay now")) {
            dictionary.row_or_new(feature.hash);
        }
        let mut weights = Learned::new(dictionary.len(), 2);
        for row in (0..).take(dictionary.len()) {
            weights.row_mut(row)[1] = 2.0;
        }
        let bias = vec![0.0_f32; labels];
        let labels = vec!["greet", "pay"];
        let calibration = Calibration::default();
        let intents = (labels, dictionary, weights.quantise(), bias, calibration);
        sealed(&postcard::to_stdvec(&(intents, entities())).unwrap())
    }

    /// A body of format 1 as an artefact whose sum is right.
    fn sealed(body: &[u8]) -> Vec<u8> {
        let mut artefact = [&MAGIC[..], &1_u16.to_le_bytes()].concat();
        artefact.extend_from_slice(&Sha256::digest(body));
        artefact.extend_from_slice(body);
        artefact
    }

    /// An artefact of format 1 with these features, scales of its rows and sharpness.
    fn handmade(features: &[u64], scales: &[f32], sharpness: f32) -> Vec<u8> {
        let values = vec![1_u8; scales.len() * 2];
        let weights = (2_usize, scales, serde_bytes::Bytes::new(&values));
        let (labels, bias) = (vec!["greet", "pay"], vec![0.0_f32; 2]);
        let intents = (labels, features, weights, bias, (sharpness, 0.3_f32));
        sealed(&postcard::to_stdvec(&(intents, entities())).unwrap())
    }

    /// An artefact of format 1 with one listed phrase, of the list of this number.
    fn with_phrase(list: u32, longest: usize) -> Vec<u8> {
        let plain = postcard::to_stdvec(&entities()).unwrap();
        // Neither tagger, lists, phrases, patterns nor synonyms: what is left is the locale.
        assert_eq!(plain[..6], [0; 6]);
        let lists = (
            vec!["city"],
            vec![("rome", (list, None::<String>))],
            longest,
        );
        let mut body = handmade(&[1], &[1.0], 1.0).split_off(HEADER);
        body.truncate(body.len() - plain.len());
        body.push(0);
        body.extend(postcard::to_stdvec(&(lists, 0_u8, 0_u8)).unwrap());
        body.extend_from_slice(&plain[6..]);
        sealed(&body)
    }

    /// An artefact of format 1 with a tagger of these weights, which takes "rome" for a city.
    fn with_tagger(weights: &[u8]) -> Vec<u8> {
        let word = ngrams::hash(0, &['r', 'o', 'm', 'e']);
        let feature = mix(mix(1 ^ word));
        let tags = vec![("city", None::<String>)];
        let rows = (3_usize, vec![1.0_f32], serde_bytes::Bytes::new(weights));
        let transitions = [0.5_f32, 0.0, 0.0].repeat(3);
        let tagger = (tags, vec![feature], rows, transitions, 2.0_f32);
        let plain = postcard::to_stdvec(&entities()).unwrap();
        let mut body = handmade(&[1], &[1.0], 1.0).split_off(HEADER);
        body.truncate(body.len() - plain.len());
        body.extend(postcard::to_stdvec(&Some(tagger)).unwrap());
        body.extend_from_slice(&plain[1..]);
        sealed(&body)
    }

    fn is_unsound(artefact: &[u8]) -> bool {
        matches!(
            Model::from_artefact(artefact, None),
            Err(ArtefactError::Unsound)
        )
    }

    #[test]
    fn what_is_made_by_hand_and_sound_is_read() {
        assert!(Model::from_artefact(&handmade(&[1, 2], &[1.0, 1.0], 1.0), None).is_ok());
        let listed = Model::from_artefact(&with_phrase(0, 1), None).unwrap();
        let answer = listed.parse("to rome", 1, &jiff::Zoned::default());
        assert_eq!(answer.entities[0].entity, "city");
    }

    #[test]
    fn a_feature_that_has_two_rows_is_refused() {
        let twice = Model::from_artefact(&handmade(&[1, 1], &[1.0], 1.0), None);
        assert!(matches!(twice, Err(ArtefactError::Body(_))), "{twice:?}");
    }

    #[test]
    fn numbers_that_sums_cannot_hold_are_refused() {
        for bad in [f32::NAN, f32::INFINITY, f32::MAX, -1e30] {
            assert!(is_unsound(&handmade(&[1], &[bad], 1.0)), "{bad}");
            assert!(is_unsound(&handmade(&[1], &[1.0], bad)), "{bad}");
        }
    }

    #[test]
    fn a_phrase_of_no_list_or_of_another_length_is_refused() {
        assert!(is_unsound(&with_phrase(1, 1)));
        assert!(is_unsound(&with_phrase(u32::MAX, 1)));
        assert!(is_unsound(&with_phrase(0, usize::MAX)));
    }

    #[test]
    fn a_length_beyond_the_bytes_is_refused_before_room_is_made_for_it() {
        let huge = postcard::to_stdvec(&u64::MAX).unwrap();
        let body = linear(2).split_off(HEADER);
        for place in 0..body.len().min(200) {
            let body = [&body[..place], &huge].concat();
            assert!(
                Model::from_artefact(&sealed(&body), None).is_err(),
                "{place}"
            );
        }
    }

    #[test]
    fn a_model_of_format_1_still_answers() {
        let model = Model::from_artefact(&linear(2), None).unwrap();
        let answer = model.parse("pay now", 1, &jiff::Zoned::default());
        assert_eq!(answer.intent.name.as_deref(), Some("pay"), "{answer:?}");
        let again = Model::from_artefact(&model.to_artefact(), None).unwrap();
        assert_eq!(again, model);
    }

    #[test]
    fn entities_that_an_earlier_release_learned_are_still_found() {
        let model = Model::from_artefact(&with_tagger(&[0, 2, 0]), None).unwrap();
        let answer = model.parse("to rome or oslo", 1, &jiff::Zoned::default());
        let found = answer
            .entities
            .iter()
            .map(|found| (&found.value, found.confidence));
        let [(value, confidence)] = found.collect::<Vec<_>>()[..] else {
            panic!("{answer:?}");
        };
        assert_eq!(*value, "rome");
        // It leads by as much as is typical.
        assert!((confidence - 0.88).abs() < 0.01, "{confidence}");
        let again = Model::from_artefact(&model.to_artefact(), None).unwrap();
        assert_eq!(again, model);
        let few = Model::from_artefact(&with_tagger(&[0, 2]), None);
        assert!(matches!(few, Err(ArtefactError::Body(_))), "{few:?}");
    }

    #[test]
    fn a_model_of_format_1_is_checked_like_any_other() {
        let unsound = Model::from_artefact(&linear(3), None);
        assert!(matches!(unsound, Err(ArtefactError::Unsound)));
    }

    #[test]
    fn a_model_of_a_later_release_is_refused_by_its_format() {
        let mut artefact = linear(2);
        artefact[MAGIC.len()] = 6;
        let refusal = Model::from_artefact(&artefact, None).unwrap_err();
        assert!(matches!(refusal, ArtefactError::Format(6)));
    }
}
