//! How a tagger learns from annotated examples.

use super::super::progress::{Cancelled, Progress};
use super::super::random::Random;
use super::super::text::Text;
use super::Lesson;
use super::clues::{self, Clues, UNKNOWN};
use super::gazetteer::Gazetteer;
use super::perceptron::{self, Sentence};
use super::tagger::Tagger;
use super::tags::{self, Tag, label_count};
use super::values::{Counts, Place};
use stoa_contracts::training_data::Example;

/// While it learns, how often of a thousand times the intent is hidden, a value, any word, and of a hidden word its ends.
const HIDDEN_INTENT: usize = 100;
const HIDDEN_VALUE: usize = 100;
const HIDDEN_WORD: usize = 50;
const HIDDEN_ENDS: usize = 300;

/// How much work it is to learn from the examples.
pub(super) fn work(examples: &[Example]) -> usize {
    let is_annotated = examples.iter().any(|example| !example.entities.is_empty());
    if is_annotated {
        examples.len() * perceptron::epochs(examples.len())
    } else {
        0
    }
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
    let learned = perceptron::learn(sentences, labels, &mut random, progress)?;
    let mut tagger = Tagger {
        tags: tags.clone(),
        dictionary: learned.dictionary,
        weights: learned.weights,
        values: Some(corpus.counts.known()),
        transitions: learned.transitions,
        lead: 1.0,
    };
    tagger.lead = corpus.typical_lead(&tagger, progress)?;
    Ok(Some(tagger))
}

/// The examples, and what is counted over all of them.
struct Corpus<'a> {
    lesson: &'a Lesson<'a>,
    gazetteer: &'a Gazetteer,
    tags: &'a [Tag],
    /// For each tag the number of its entity.
    numbers: Vec<u16>,
    counts: Counts,
}

impl<'a> Corpus<'a> {
    fn new(
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
        };
        for example in &lesson.data.examples {
            let text = Text::new(&example.text);
            let places = corpus.places(&tags::labels(example, &text, tags));
            corpus.counts.add(&clues::words(&text), &places);
            progress.advance(0)?;
        }
        Ok(corpus)
    }

    fn places(&self, labels: &[u16]) -> Vec<Place> {
        let spans = tags::spans(labels).into_iter();
        let place = |(tokens, tag): (_, usize)| (tokens, self.numbers[tag]);
        spans.map(place).collect()
    }

    /// An example as it is learned from, made each time that it is seen: the features of all of them would take
    /// kilobytes for each. Some of it is hidden, so that what is learned leans on all that there is, and not on words
    /// alone that others do not use. The rarer a word is, the more often it is hidden; one that is there once, always.
    fn noised(&self, index: usize, random: &mut Random) -> Sentence {
        let annotated = self.annotated(index);
        let mut clues = self.clues(index, &annotated);
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
            labels: annotated.labels,
        }
    }

    /// An example as it would be asked.
    fn plain(&self, index: usize) -> Sentence {
        let annotated = self.annotated(index);
        let mut clues = self.clues(index, &annotated);
        let words = clues.words.iter_mut();
        let rare = words.filter(|word| self.counts.count(**word) < 2);
        rare.for_each(|word| *word = UNKNOWN);
        Sentence {
            features: clues.features(),
            labels: annotated.labels,
        }
    }

    fn annotated(&self, index: usize) -> Annotated {
        let example: &Example = &self.lesson.data.examples[index];
        let text = Text::new(&example.text);
        let labels = tags::labels(example, &text, self.tags);
        Annotated {
            places: self.places(&labels),
            listed: self.gazetteer.listed(&text),
            text,
            labels,
        }
    }

    fn clues<'s>(&self, index: usize, annotated: &'s Annotated) -> Clues<'s> {
        let words = clues::words(&annotated.text);
        Clues {
            text: &annotated.text,
            marks: self.counts.marks(&words, &annotated.places),
            hidden: vec![false; words.len()],
            words,
            listed: &annotated.listed,
            intent: Some(u64::from(self.lesson.label_of[index])),
        }
    }

    /// The median lead of the true labels over the examples with entities.
    fn typical_lead(&self, tagger: &Tagger, progress: &Progress) -> Result<f32, Cancelled> {
        let mut leads: Vec<f32> = Vec::new();
        let examples = self.lesson.data.examples.iter().enumerate();
        for (index, _) in examples.filter(|(_, example)| !example.entities.is_empty()) {
            progress.advance(0)?;
            let sentence = self.plain(index);
            if sentence.labels.iter().any(|label| *label > 0) {
                leads.extend(tagger.leads(&sentence.features, &sentence.labels));
            }
        }
        let middle = leads.len() / 2;
        leads.sort_unstable_by(f32::total_cmp);
        let middle = leads.get(middle).copied().unwrap_or(1.0);
        Ok(middle.max(f32::MIN_POSITIVE))
    }
}

/// An example as it is annotated.
struct Annotated {
    text: Text,
    labels: Vec<u16>,
    places: Vec<Place>,
    listed: Vec<u32>,
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
