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
    /// The first examples.
    kept: Vec<Annotated>,
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
            kept: Vec::new(),
        };
        for example in &lesson.data.examples {
            let text = Text::new(&example.text);
            let places = corpus.places(&tags::labels(example, &text, tags));
            corpus.counts.add(&clues::words(&text), &places);
            progress.advance(0)?;
        }
        corpus.keep(KEPT, progress)?;
        Ok(corpus)
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
    fn noised(&self, index: usize, random: &mut Random) -> Sentence {
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
    use stoa_contracts::training_data::{EntityAnnotation, TrainingData};

    #[test]
    fn an_example_that_is_not_kept_is_made_anew_and_the_same() {
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
        let data = TrainingData {
            examples: (0..40).map(example).collect(),
            ..TrainingData::default()
        };
        let (label_of, gazetteer) = ([0; 40], Gazetteer::default());
        let lesson = Lesson {
            data: &data,
            label_of: &label_of,
            seed: 1,
        };
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
