//! Annotated examples as a tagger learns from them.

use super::super::encoder::{Encoder, Reading};
use super::super::progress::{Cancelled, Progress};
use super::super::random::Random;
use super::super::text::Text;
use super::Lesson;
use super::clues::{self, Clues, UNKNOWN};
use super::gazetteer::Gazetteer;
use super::meanings::{self, Kept, Meanings};
use super::perceptron::Sentence;
use super::tagger::Tagger;
use super::tags::{self, Tag};
use super::values::{Counts, Mark, Place};
use std::borrow::Cow;
use stoa_contracts::training_data::Example;

/// While it learns, how often of a thousand times the intent is hidden, a value, any word, and of a hidden word its ends.
const HIDDEN_INTENT: usize = 100;
const HIDDEN_VALUE: usize = 100;
const HIDDEN_WORD: usize = 50;
const HIDDEN_ENDS: usize = 300;

/// Bytes of examples that are kept, folded and annotated: as many as 20,000 of 50 characters take. Those behind are made
/// anew each time that they are seen.
const KEPT: usize = 1 << 25;

/// Bytes of meanings that are kept: as many as 35,000 examples of 10 tokens take. Of more, evenly chosen ones are read, and
/// the others are learned without.
const READ: usize = 1 << 27;
/// Bytes of a token in an utterance, roughly.
const TOKEN: usize = 4;

/// One in so many examples is read by an encoder.
pub(super) fn step(examples: &[Example], encoder: &Encoder) -> usize {
    let tokens: usize = examples.iter().map(|e| e.text.len() / TOKEN + 1).sum();
    (tokens * encoder.width()).div_ceil(READ).max(1)
}

/// The examples, and what is counted over all of them.
pub(super) struct Corpus<'a> {
    lesson: &'a Lesson<'a>,
    gazetteer: &'a Gazetteer,
    tags: &'a [Tag],
    /// For each tag the number of its entity.
    numbers: Vec<u16>,
    pub(super) counts: Counts,
    /// The first examples.
    kept: Vec<Annotated>,
    /// What the tokens of one in so many examples mean; empty without an encoder.
    meanings: Vec<Kept>,
    step: usize,
}

impl<'a> Corpus<'a> {
    pub(super) fn new(
        lesson: &'a Lesson<'a>,
        gazetteer: &'a Gazetteer,
        tags: &'a [Tag],
        progress: &Progress,
    ) -> Result<Self, Cancelled> {
        let mut corpus = Self {
            lesson,
            gazetteer,
            tags,
            numbers: tags::numbers(tags),
            counts: Counts::default(),
            kept: Vec::new(),
            meanings: Vec::new(),
            step: 1,
        };
        for example in &lesson.data.examples {
            let text = Text::new(&example.text);
            let places = corpus.places(&tags::labels(example, &text, tags));
            corpus.counts.add(&clues::words(&text), &places);
            progress.advance(0)?;
        }
        corpus.keep(KEPT, progress)?;
        if let Some(encoder) = lesson.encoder {
            corpus.step = step(&lesson.data.examples, encoder);
            corpus.meanings = corpus.read(encoder, progress)?;
        }
        Ok(corpus)
    }

    fn read(&self, encoder: &Encoder, progress: &Progress) -> Result<Vec<Kept>, Cancelled> {
        let read = self.lesson.data.examples.iter().step_by(self.step);
        let texts: Vec<&str> = read.map(|example| example.text.as_str()).collect();
        let keep = |number: usize, reading: &Reading| {
            let text = Text::new(texts[number]);
            Kept::new(&meanings::meanings(&text, reading))
        };
        encoder.read_all(texts.iter().copied(), keep, (self.lesson.threads, progress))
    }

    /// What the tokens of an example mean; empty where it was not read.
    fn meanings(&self, index: usize) -> Meanings {
        let is_read = index.is_multiple_of(self.step);
        let kept = self.meanings.get(index / self.step).filter(|_| is_read);
        kept.map(Kept::meanings).unwrap_or_default()
    }

    /// Keeps as many of the examples as there is room for, in bytes.
    fn keep(&mut self, mut room: usize, progress: &Progress) -> Result<(), Cancelled> {
        for index in 0..self.lesson.data.examples.len() {
            progress.advance(0)?;
            let annotated = self.annotate(index);
            let Some(left) = room.checked_sub(annotated.bytes()) else {
                break;
            };
            room = left;
            self.kept.push(annotated);
        }
        Ok(())
    }

    fn places(&self, labels: &[u16]) -> Vec<Place> {
        let spans = tags::spans(labels).into_iter();
        let place = |(tokens, tag): (_, usize)| (tokens, self.numbers[tag]);
        spans.map(place).collect()
    }

    /// An example as it is learned from, made each time that it is seen. Some of it is hidden, so that what is learned leans
    /// on all that there is, and not on words alone that others do not use. The rarer a word is, the more often it is hidden;
    /// one that is there once, always.
    pub(super) fn noised(&self, index: usize, random: &mut Random) -> Sentence {
        let annotated = self.annotated(index);
        let mut clues = annotated.clues(self.lesson.label_of[index]);
        if is_so(random, HIDDEN_INTENT, 1_000) {
            clues.intent = None;
        }
        for place in 0..clues.words.len() {
            let others = self.counts.count(clues.words[place]).saturating_sub(1);
            let is_rare = is_so(random, 1, 1 + 2 * others as usize);
            if is_rare || is_so(random, HIDDEN_WORD, 1_000) {
                hide(&mut clues, place, random);
            }
        }
        for (tokens, _) in &annotated.places {
            if is_so(random, HIDDEN_VALUE, 1_000) {
                for place in tokens.clone() {
                    hide(&mut clues, place, random);
                    clues.marks[place].clear();
                }
            }
        }
        Sentence {
            features: clues.features(),
            meanings: self.meanings(index),
            labels: annotated.labels.clone(),
        }
    }

    /// An example as it would be asked.
    fn plain(&self, index: usize) -> Sentence {
        let annotated = self.annotated(index);
        let mut clues = annotated.clues(self.lesson.label_of[index]);
        let words = clues.words.iter_mut();
        let rare = words.filter(|word| self.counts.count(**word) < 2);
        rare.for_each(|word| *word = UNKNOWN);
        Sentence {
            features: clues.features(),
            meanings: self.meanings(index),
            labels: annotated.labels.clone(),
        }
    }

    fn annotated(&self, index: usize) -> Cow<'_, Annotated> {
        match self.kept.get(index) {
            Some(kept) => Cow::Borrowed(kept),
            None => Cow::Owned(self.annotate(index)),
        }
    }

    fn annotate(&self, index: usize) -> Annotated {
        let example: &Example = &self.lesson.data.examples[index];
        let text = Text::new(&example.text);
        let labels = tags::labels(example, &text, self.tags);
        let (words, places) = (clues::words(&text), self.places(&labels));
        Annotated {
            marks: self.counts.marks(&words, &places),
            listed: self.gazetteer.listed(&text),
            text,
            labels,
            places,
            words,
        }
    }

    /// The median lead of the true labels over the examples with entities.
    pub(super) fn typical_lead(
        &self,
        tagger: &Tagger,
        progress: &Progress,
    ) -> Result<f32, Cancelled> {
        let mut leads: Vec<f32> = Vec::new();
        let examples = self.lesson.data.examples.iter().enumerate();
        for (index, _) in examples.filter(|(_, example)| !example.entities.is_empty()) {
            progress.advance(0)?;
            let sentence = self.plain(index);
            if sentence.labels.iter().any(|label| *label > 0) {
                leads.extend(tagger.leads(&sentence));
            }
        }
        let middle = leads.len() / 2;
        leads.sort_unstable_by(f32::total_cmp);
        let middle = leads.get(middle).copied().unwrap_or(1.0);
        Ok(middle.max(f32::MIN_POSITIVE))
    }
}

/// An example as it is annotated, and what is known of it.
#[derive(Clone)]
struct Annotated {
    text: Text,
    labels: Vec<u16>,
    places: Vec<Place>,
    listed: Vec<u32>,
    words: Vec<u64>,
    marks: Vec<Vec<Mark>>,
}

impl Annotated {
    fn clues(&self, intent: u32) -> Clues<'_> {
        Clues {
            text: &self.text,
            marks: self.marks.clone(),
            hidden: vec![false; self.words.len()],
            words: self.words.clone(),
            listed: &self.listed,
            intent: Some(u64::from(intent)),
        }
    }

    /// Bytes in memory, roughly.
    fn bytes(&self) -> usize {
        let marks: usize = self.marks.iter().map(Vec::capacity).sum();
        let token = size_of::<u16>() + size_of::<u32>() + size_of::<u64>() + size_of::<Vec<Mark>>();
        size_of::<Self>()
            + self.text.bytes()
            + self.words.len() * token
            + marks * size_of::<Mark>()
            + self.places.len() * size_of::<Place>()
    }
}

/// Makes a word one that nobody knows.
fn hide(clues: &mut Clues<'_>, place: usize, random: &mut Random) {
    clues.words[place] = UNKNOWN;
    clues.hidden[place] = is_so(random, HIDDEN_ENDS, 1_000);
}

/// Whether it is so this time, which it is `times` of `all`.
fn is_so(random: &mut Random, times: usize, all: usize) -> bool {
    random.below(all) < times
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroUsize;
    use stoa_contracts::training_data::{EntityAnnotation, TrainingData};

    fn data() -> TrainingData {
        let example = |number: usize| Example {
            text: format!("pay bill {} of {} now", number % 7, number % 5),
            entities: vec![EntityAnnotation {
                start: 9,
                end: 10,
                entity: "bill".into(),
                role: None,
                group: None,
                value: None,
            }],
            ..Example::default()
        };
        TrainingData {
            examples: (0..40).map(example).collect(),
            ..TrainingData::default()
        }
    }

    fn lesson(data: &TrainingData) -> Lesson<'_> {
        Lesson {
            data,
            label_of: &[0; 40],
            seed: 1,
            encoder: None,
            threads: NonZeroUsize::MIN,
        }
    }

    #[test]
    fn an_example_that_was_not_read_is_learned_without_a_meaning() {
        let data = data();
        let (lesson, gazetteer) = (lesson(&data), Gazetteer::default());
        let (tags, progress) = (tags::tags(&data.examples), Progress::new());
        let mut corpus = Corpus::new(&lesson, &gazetteer, &tags, &progress).expect("it goes on");
        let meanings: Meanings = vec![vec![(0, 1.0)]; 5];
        (corpus.meanings, corpus.step) = (vec![Kept::new(&meanings); 10], 4);
        for index in 0..40 {
            let sentences = [
                corpus.plain(index),
                corpus.noised(index, &mut Random::new(7)),
            ];
            let read = sentences.map(|sentence| sentence.meanings.len());
            let wanted = if index % 4 == 0 { 5 } else { 0 };
            assert_eq!(read, [wanted; 2], "{index}");
        }
    }

    #[test]
    fn an_example_that_is_not_kept_is_made_anew_and_the_same() {
        let data = data();
        let (lesson, gazetteer) = (lesson(&data), Gazetteer::default());
        let (tags, progress) = (tags::tags(&data.examples), Progress::new());
        let corpus = || Corpus::new(&lesson, &gazetteer, &tags, &progress).expect("it goes on");
        let (all, mut some) = (corpus(), corpus());
        let room = all.kept.iter().take(10).map(Annotated::bytes).sum();
        some.kept.clear();
        some.keep(room, &progress).expect("it goes on");
        assert_eq!((all.kept.len(), some.kept.len()), (40, 10));
        for index in 0..40 {
            let noised = |corpus: &Corpus<'_>| {
                let sentence = corpus.noised(index, &mut Random::new(7));
                (sentence.features, sentence.labels)
            };
            assert_eq!(noised(&all), noised(&some), "{index}");
        }
    }
}
