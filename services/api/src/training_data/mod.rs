//! Training data in three formats, in and out: JSON, Rasa 3 NLU YAML, CSV.
//!
//! A reader walks its format and hands every item to the [`collect::Collector`], which checks it
//! once for all formats; what is wrong is collected with line and column, up to a bound.
//! What is read and written again is the same data, except that Rasa YAML groups utterances by
//! intent and CSV holds nothing but texts and intents.

mod annotation;
mod blocks;
mod bounds;
mod collect;
mod csv;
mod format;
mod hints;
mod json;
mod json_writer;
mod merge;
mod patch;
mod rasa;
mod rasa_writer;
#[cfg(test)]
mod round_trip;

use stoa_contracts::evaluations::{CreateEvaluation, LabelledSet};
use stoa_contracts::training_data::{Example, Hint, TrainingData};

pub(crate) use bounds::{excess, excess_of_intents, excess_of_labels};
pub(crate) use collect::{EXAMPLES_LIMIT, OUT_OF_SCOPE, is_name};
pub use format::Format;
pub(crate) use hints::normalised;
pub use merge::{Merged, merge};
pub(crate) use patch::read_patch;

use crate::document::{DocumentError, Findings, Position, Size, text_of};

/// What a document held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The data.
    pub data: TrainingData,
    /// What may be worth a look.
    pub hints: Vec<Hint>,
    /// Utterances that stand before in it with another intent.
    pub contradictions: usize,
}

/// Reads a document; takes time in proportion to its size, so call it on a blocking thread.
pub fn read(bytes: &[u8], format: Format, size: Size) -> Result<Reading, DocumentError> {
    let text = text_of(bytes)?;
    let (data, mut hints) = match format {
        Format::Json => json::read(text, size)?,
        Format::Yaml => rasa::read(text, size)?,
        Format::Csv => csv::read(text)?,
    };
    let remarks = hints::of(&data, 0);
    hints.extend(remarks.hints);
    Ok(Reading {
        data,
        hints,
        contradictions: remarks.contradictions,
    })
}

/// Checks one utterance as those of a document are, or says what is wrong with it.
pub(crate) fn checked(example: Example) -> Result<Example, Vec<String>> {
    let mut collector = collect::Collector::default();
    collector.example(Position::new(1, 1), example);
    match collector.finish() {
        Ok((data, _)) => Ok(data.examples.into_iter().next().unwrap_or_default()),
        Err(DocumentError::Content(findings)) => {
            let told = findings.told().iter();
            Err(told.map(|finding| finding.message.clone()).collect())
        }
        Err(DocumentError::Syntax(finding)) => Err(vec![finding.message]),
    }
}

/// Reads what an evaluation is to do: JSON says it whole, the other formats are a labelled set.
pub fn read_evaluation(bytes: &[u8], format: Format) -> Result<CreateEvaluation, DocumentError> {
    let text = text_of(bytes)?;
    let (data, _) = match format {
        Format::Json => return json::read_evaluation(text),
        Format::Yaml => rasa::read(text, Size::Request)?,
        Format::Csv => csv::read(text)?,
    };
    if data.examples.is_empty() {
        let mut findings = Findings::default();
        findings.add(Position::new(1, 1), "there is no utterance in it");
        return Err(DocumentError::Content(findings));
    }
    Ok(CreateEvaluation::LabelledSet(LabelledSet {
        examples: data.examples,
        model: None,
    }))
}

/// Writes data in a format.
pub fn write(data: &TrainingData, format: Format) -> Vec<u8> {
    match format {
        Format::Json => json_writer::write(data),
        Format::Yaml => rasa_writer::write(data).into_bytes(),
        Format::Csv => csv::write(data),
    }
}
