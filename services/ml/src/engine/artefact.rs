//! A model as bytes, for the database.
//!
//! Magic, format, SHA-256 of the body, body. The body is postcard: lengths and numbers that
//! can only become the types of a [`Model`], never code. What is read is checked before it is
//! used: the sum first, then that every part has the size that the others expect.

use super::model::Model;
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 8] = b"stoa-nlu";
/// Counts up whenever the body changes; older formats are refused and trained again.
const FORMAT: u16 = 1;
const SUM: usize = 32;
const HEADER: usize = MAGIC.len() + size_of::<u16>() + SUM;

/// Why bytes are no model.
#[derive(Debug, thiserror::Error)]
pub enum ArtefactError {
    /// Something else was stored there.
    #[error("these bytes are not a model")]
    NotAModel,
    /// Another release wrote it.
    #[error("the model has format {0}, this release reads format {FORMAT}")]
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
}

impl Model {
    /// The model as bytes.
    pub fn to_artefact(&self) -> Vec<u8> {
        let body = postcard::to_stdvec(self).expect("a model holds only lists and numbers");
        let mut artefact = Vec::with_capacity(HEADER + body.len());
        artefact.extend_from_slice(MAGIC);
        artefact.extend_from_slice(&FORMAT.to_le_bytes());
        artefact.extend_from_slice(&Sha256::digest(&body));
        artefact.extend_from_slice(&body);
        artefact
    }

    /// The checksum that an artefact carries; none of bytes that are too short.
    pub fn checksum(artefact: &[u8]) -> Option<&[u8]> {
        artefact.get(HEADER - SUM..HEADER)
    }

    /// The model that these bytes are.
    pub fn from_artefact(artefact: &[u8]) -> Result<Self, ArtefactError> {
        let body = body(artefact)?;
        let model: Self = postcard::from_bytes(body).map_err(ArtefactError::Body)?;
        if model.is_sound() {
            Ok(model)
        } else {
            Err(ArtefactError::Unsound)
        }
    }
}

fn body(artefact: &[u8]) -> Result<&[u8], ArtefactError> {
    let rest = artefact
        .strip_prefix(MAGIC)
        .ok_or(ArtefactError::NotAModel)?;
    let (format, rest) = rest
        .split_first_chunk::<2>()
        .ok_or(ArtefactError::NotAModel)?;
    let format = u16::from_le_bytes(*format);
    if format != FORMAT {
        return Err(ArtefactError::Format(format));
    }
    let (sum, body) = rest
        .split_first_chunk::<SUM>()
        .ok_or(ArtefactError::NotAModel)?;
    if Sha256::digest(body).as_slice() != sum {
        return Err(ArtefactError::Checksum);
    }
    Ok(body)
}
