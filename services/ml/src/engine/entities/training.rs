//! How a tagger learns from annotated examples.

use super::super::encoder::{self, Encoder};
use super::super::progress::{Cancelled, Progress};
use super::super::random::Random;
use super::Lesson;
use super::corpus::{self, Corpus};
use super::gazetteer::Gazetteer;
use super::perceptron;
use super::tagger::Tagger;
use super::tags::{self, label_count};
use stoa_contracts::training_data::Example;

/// How much work it is to learn from the examples.
pub(super) fn work(examples: &[Example], encoder: Option<&Encoder>) -> usize {
    if examples.iter().all(|example| example.entities.is_empty()) {
        return 0;
    }
    let read = |encoder| examples.len().div_ceil(corpus::step(examples, encoder));
    let read = encoder.map_or(0, read);
    examples.len() * perceptron::epochs(examples.len()) + read * encoder::WORK
}

/// Learns from the annotated examples; none where nothing is annotated.
pub(super) fn learn(
    lesson: &Lesson<'_>,
    gazetteer: &Gazetteer,
    mut random: Random,
    progress: &Progress,
) -> Result<Option<Tagger>, Cancelled> {
    let tags = tags::tags(&lesson.data.examples);
    if tags.is_empty() {
        return Ok(None);
    }
    let corpus = Corpus::new(lesson, gazetteer, &tags, progress)?;
    let sentences = (
        lesson.data.examples.len(),
        |index: usize, random: &mut Random| corpus.noised(index, random),
    );
    let labels = label_count(tags.len());
    let numbers = lesson.encoder.map(Encoder::width);
    let learned = perceptron::learn(sentences, (labels, numbers), &mut random, progress)?;
    let mut tagger = Tagger {
        tags: tags.clone(),
        dictionary: learned.dictionary,
        weights: learned.weights,
        meant: learned.meant,
        values: Some(corpus.counts.known()),
        transitions: learned.transitions,
        lead: 1.0,
    };
    tagger.lead = corpus.typical_lead(&tagger, progress)?;
    Ok(Some(tagger))
}
