//! Sentence encoders: what a sentence means as a few hundred numbers, learned elsewhere from many. Sentences that mean the
//! same lie near each other, though they have no word in common.

mod bert;
mod dense;
mod reading;
mod tokenizer;
mod weights;

pub(super) use reading::Reading;
pub use weights::WeightsError;

use super::parallel;
use super::progress::{Cancelled, Progress};
use bert::Bert;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use tokenizer::{Pieces, Tokenizer};
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
        self.read(text).meaning()
    }

    /// What a text means, and each of its words where it stands.
    pub(super) fn read(&self, text: &str) -> Reading {
        let Pieces { numbers, places } = self.tokenizer.pieces(text);
        Reading::new(self.bert.read(&[&numbers]), places)
    }

    /// The same of many texts, one after the other; each is [`WORK`].
    pub(super) fn embed_all<'a>(
        &self,
        texts: impl Iterator<Item = &'a str>,
        threads: NonZeroUsize,
        progress: &Progress,
    ) -> Result<Vec<f32>, Cancelled> {
        let meanings = self.read_all(texts, |_, reading| reading.meaning(), (threads, progress))?;
        // Each goes when it has been copied.
        let mut all = Vec::with_capacity(meanings.len() * self.width());
        for meaning in meanings {
            all.extend(meaning);
        }
        Ok(all)
    }

    /// Reads many texts, of each of which `keep` keeps something, with its number; each is [`WORK`].
    pub(super) fn read_all<'a, Kept: Send>(
        &self,
        texts: impl Iterator<Item = &'a str>,
        keep: impl Fn(usize, &Reading) -> Kept + Sync,
        (threads, progress): (NonZeroUsize, &Progress),
    ) -> Result<Vec<Kept>, Cancelled> {
        let mut batches = Vec::new();
        let mut first = 0;
        for batch in self.batches(texts) {
            let number = first;
            first += batch.len();
            batches.push((number, batch));
        }
        let kept = parallel::map(threads, batches, |_, (first, batch)| {
            progress.advance(0)?;
            let texts: Vec<&[u32]> = batch.iter().map(|text| text.numbers.as_slice()).collect();
            let rows = self.bert.read(&texts);
            let mut rest = rows.as_slice();
            let mut kept = Vec::with_capacity(batch.len());
            for (number, text) in (first..).zip(batch) {
                let (own, behind) = rest.split_at(text.numbers.len() * self.width());
                kept.push(keep(number, &Reading::new(own.to_vec(), text.places)));
                rest = behind;
            }
            progress.advance(kept.len() * WORK)?;
            Ok(kept)
        });
        let kept: Vec<Vec<Kept>> = kept.into_iter().collect::<Result<_, _>>()?;
        Ok(kept.into_iter().flatten().collect())
    }

    /// Texts that go through the network together.
    fn batches<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Vec<Vec<Pieces>> {
        let mut batches: Vec<Vec<Pieces>> = Vec::new();
        let mut pieces = TOGETHER;
        for text in texts {
            let text = self.tokenizer.pieces(text);
            pieces += text.numbers.len();
            if pieces > TOGETHER {
                pieces = text.numbers.len();
                batches.push(Vec::new());
            }
            batches.last_mut().expect("there is one now").push(text);
        }
        batches
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
