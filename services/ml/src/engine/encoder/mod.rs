//! Sentence encoders: what a sentence means as a few hundred numbers, learned elsewhere from many. Sentences that mean the
//! same lie near each other, though they have no word in common.

mod bert;
mod dense;
mod tokenizer;
mod weights;

pub use weights::WeightsError;

use super::parallel;
use super::progress::{Cancelled, Progress};
use bert::Bert;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use tokenizer::Tokenizer;
use weights::Weights;

/// Pieces that go through the network together: enough that its weights are read once for many of them.
const TOGETHER: usize = 512;

/// What embedding a text takes, in steps of a descent.
pub(super) const WORK: usize = 200;

/// An encoder.
pub struct Encoder {
    tokenizer: Tokenizer,
    bert: Bert,
    id: String,
}

/// Why there is no encoder.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    /// A file is missing.
    #[error("{0} cannot be read")]
    File(String, #[source] std::io::Error),
    /// The description is not one of a BERT.
    #[error("config.json does not describe a BERT")]
    Description(#[source] serde_json::Error),
    /// The vocabulary lacks what every text has.
    #[error("vocab.txt is not the vocabulary of a BERT, or not that of these weights")]
    Vocabulary,
    /// The weights cannot be used.
    #[error("model.safetensors cannot be used")]
    Weights(#[from] WeightsError),
}

/// What is needed of `config.json`.
#[derive(Deserialize)]
struct Description {
    num_attention_heads: usize,
}

impl Encoder {
    /// The encoder in a folder: `config.json`, `vocab.txt` and `model.safetensors`, as sentence-transformers keeps a small
    /// BERT in lower case whose embedding is the mean over its pieces.
    pub fn load(folder: &Path) -> Result<Self, EncoderError> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path)
                .map_err(|error| EncoderError::File(path.display().to_string(), error))
        };
        let description = read("config.json")?;
        let description: Description =
            serde_json::from_slice(&description).map_err(EncoderError::Description)?;
        let vocabulary = read("vocab.txt")?;
        let text = String::from_utf8_lossy(&vocabulary);
        let tokenizer = Tokenizer::new(&text).ok_or(EncoderError::Vocabulary)?;
        let weights = read("model.safetensors")?;
        let bert = Bert::new(&Weights::read(&weights)?, description.num_attention_heads)?;
        if bert.known() < tokenizer.len() || bert.longest() < tokenizer::MOST_PIECES {
            return Err(EncoderError::Vocabulary);
        }
        let sum = Sha256::new()
            .chain_update(&vocabulary)
            .chain_update(&weights);
        let mut id = String::with_capacity(16);
        for byte in sum.finalize().iter().take(8) {
            write!(id, "{byte:02x}").expect("a text takes what is written to it");
        }
        Ok(Self {
            tokenizer,
            bert,
            id,
        })
    }

    /// What names it: a model that was trained with one is of no use with another.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The numbers of an embedding.
    pub fn width(&self) -> usize {
        self.bert.width()
    }

    /// What a text means: numbers whose squares add up to 1.
    pub fn embed(&self, text: &str) -> Vec<f32> {
        let pieces = [self.tokenizer.pieces(text)];
        self.bert.embed(&pieces)
    }

    /// The same of many texts, one after the other; each is [`WORK`].
    pub(super) fn embed_all<'a>(
        &self,
        texts: impl Iterator<Item = &'a str>,
        threads: NonZeroUsize,
        progress: &Progress,
    ) -> Result<Vec<f32>, Cancelled> {
        let mut batches: Vec<Vec<Vec<u32>>> = Vec::new();
        let mut pieces = TOGETHER;
        for text in texts {
            let text = self.tokenizer.pieces(text);
            pieces += text.len();
            if pieces > TOGETHER {
                pieces = text.len();
                batches.push(Vec::new());
            }
            batches.last_mut().expect("there is one now").push(text);
        }
        let count: usize = batches.iter().map(Vec::len).sum();
        let embedded = parallel::map(threads, batches, |_, batch| {
            progress.advance(0)?;
            let embedded = self.bert.embed(&batch);
            progress.advance(batch.len() * WORK)?;
            Ok(embedded)
        });
        // Each goes when it has been copied.
        let mut all = Vec::with_capacity(count * self.width());
        for embedded in embedded {
            all.extend(embedded?);
        }
        Ok(all)
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("id", &self.id)
            .field("width", &self.width())
            .finish_non_exhaustive()
    }
}

/// One encoder is as good as another of the same weights.
impl PartialEq for Encoder {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
