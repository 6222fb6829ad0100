//! From answers to figures.

use super::entities::EntityTally;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use stoa_contracts::evaluations::{
    CELLS_TOLD, ConfusionCell, EvaluationResult, EvaluationSummary, INTENTS_TOLD, IntentScore,
    MISTAKE_TEXT_LIMIT, MISTAKES_TOLD, WrongAnswer,
};
use stoa_contracts::training_data::Example;

/// Bins of the calibration error, as in Guo et al., "On Calibration of Modern Neural Networks" (2017), with ten.
const BINS: usize = 10;

/// What a model answered to an example.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The number of the example.
    pub(super) example: usize,
    /// The intent; none is out of scope.
    pub(super) predicted: Option<String>,
    /// How sure the model was.
    pub(super) confidence: f64,
    /// How sure it was of the intent that the example has.
    pub(super) own: f64,
}

/// An answer beside what was expected.
struct Judged<'a> {
    text: &'a str,
    expected: Option<&'a str>,
    predicted: Option<&'a str>,
    confidence: f64,
    own: f64,
}

impl Judged<'_> {
    fn is_right(&self) -> bool {
        self.expected == self.predicted
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    expected: usize,
    predicted: usize,
    right: usize,
}

/// The result of the answers, in the order of the examples.
pub(super) fn result(
    examples: &[Example],
    answers: &[Answer],
    entities: &EntityTally<'_>,
) -> EvaluationResult {
    let judge = |answer| judge(examples, answer);
    let judged: Vec<Judged<'_>> = answers.iter().map(judge).collect();
    let counts = count(&judged);
    let right = judged.iter().filter(|answer| answer.is_right()).count();
    let (macro_f1, weighted_f1) = mean_f1(&counts);
    let usual = Usual::of(&judged);
    let summary = EvaluationSummary {
        accuracy: share(right, judged.len()).unwrap_or_default(),
        macro_f1,
        weighted_f1,
        entity_f1: entities.f1(),
        calibration_error: calibration_error(&judged),
        examples: judged.len(),
        left_out: examples.len() - judged.len(),
        mistakes: judged.len() - right,
        suspects: judged.iter().filter(|answer| usual.suspect(answer)).count(),
    };
    EvaluationResult {
        summary,
        intents: intents(&counts),
        confusion: confusion(&judged),
        entities: entities.scores(),
        wrong: wrong(&judged, &usual),
    }
}

fn judge<'a>(examples: &'a [Example], answer: &'a Answer) -> Judged<'a> {
    let example = &examples[answer.example];
    Judged {
        text: &example.text,
        expected: example.intent.as_deref(),
        predicted: answer.predicted.as_deref(),
        confidence: answer.confidence,
        own: answer.own,
    }
}

fn count<'a>(judged: &[Judged<'a>]) -> BTreeMap<Option<&'a str>, Counts> {
    let mut counts: BTreeMap<Option<&str>, Counts> = BTreeMap::new();
    for answer in judged {
        let expected = counts.entry(answer.expected).or_default();
        expected.expected += 1;
        expected.right += usize::from(answer.is_right());
        counts.entry(answer.predicted).or_default().predicted += 1;
    }
    counts
}

/// The mean F1 of what has examples: each counted once, and by its examples.
fn mean_f1(counts: &BTreeMap<Option<&str>, Counts>) -> (f64, f64) {
    let (mut classes, mut examples, mut once, mut weighted) = (0, 0, 0.0, 0.0);
    for counts in counts.values().filter(|counts| counts.expected > 0) {
        let f1 = f1(counts.right, counts.predicted, counts.expected);
        classes += 1;
        examples += counts.expected;
        once += f1;
        weighted += f1 * number(counts.expected);
    }
    (
        once / number(classes.max(1)),
        weighted / number(examples.max(1)),
    )
}

/// By how much confidence and the share of right answers differ, in each bin by its answers.
fn calibration_error(judged: &[Judged<'_>]) -> f64 {
    let mut gaps = [0.0; BINS];
    for answer in judged {
        let lower = (1..BINS).filter(|bin| answer.confidence >= number(*bin) / number(BINS));
        let right = if answer.is_right() { 1.0 } else { 0.0 };
        gaps[lower.count()] += right - answer.confidence;
    }
    gaps.iter().map(|gap| gap.abs()).sum::<f64>() / number(judged.len().max(1))
}

fn intents(counts: &BTreeMap<Option<&str>, Counts>) -> Vec<IntentScore> {
    let score = |intent: Option<&str>, counts: &Counts| IntentScore {
        intent: intent.map(str::to_owned),
        precision: share(counts.right, counts.predicted),
        recall: share(counts.right, counts.expected),
        f1: f1(counts.right, counts.predicted, counts.expected),
        support: counts.expected,
    };
    let mut scores: Vec<IntentScore> = counts
        .iter()
        .map(|(intent, counts)| score(*intent, counts))
        .collect();
    if scores.len() > INTENTS_TOLD {
        scores.sort_by_key(|score| Reverse(score.support));
        scores.truncate(INTENTS_TOLD);
        scores.sort_by(|a, b| a.intent.cmp(&b.intent));
    }
    scores
}

fn confusion(judged: &[Judged<'_>]) -> Vec<ConfusionCell> {
    let mut cells: BTreeMap<(Option<&str>, Option<&str>), usize> = BTreeMap::new();
    for answer in judged {
        *cells
            .entry((answer.expected, answer.predicted))
            .or_default() += 1;
    }
    let mut cells: Vec<_> = cells.into_iter().collect();
    cells.sort_by_key(|(_, count)| Reverse(*count));
    cells.truncate(CELLS_TOLD);
    let cell =
        |((expected, predicted), count): ((Option<&str>, Option<&str>), usize)| ConfusionCell {
            expected: expected.map(str::to_owned),
            predicted: predicted.map(str::to_owned),
            count,
        };
    cells.into_iter().map(cell).collect()
}

fn wrong(judged: &[Judged<'_>], usual: &Usual<'_>) -> Vec<WrongAnswer> {
    let mut wrong: Vec<_> = judged.iter().filter(|answer| !answer.is_right()).collect();
    wrong.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    wrong.truncate(MISTAKES_TOLD);
    let tell = |answer: &Judged<'_>| WrongAnswer {
        text: shortened(answer.text),
        expected: answer.expected.map(str::to_owned),
        predicted: answer.predicted.map(str::to_owned),
        confidence: answer.confidence,
        suspect: usual.suspect(answer),
    };
    wrong.into_iter().map(tell).collect()
}

/// How sure the model usually is of an intent where an example has it: the thresholds of confident learning (Northcutt
/// et al., 2021).
struct Usual<'a>(BTreeMap<&'a str, f64>);

impl<'a> Usual<'a> {
    fn of(judged: &[Judged<'a>]) -> Self {
        let mut sums: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
        for answer in judged {
            let Some(intent) = answer.expected else {
                continue;
            };
            let (sum, examples) = sums.entry(intent).or_default();
            *sum += answer.own;
            *examples += 1;
        }
        let mean =
            |(intent, (sum, examples)): (&'a str, (f64, usize))| (intent, sum / number(examples));
        Self(sums.into_iter().map(mean).collect())
    }

    /// Whether an example looks as if its label were wrong: the model is at least as sure of another intent as it
    /// usually is where that intent is right.
    fn suspect(&self, answer: &Judged<'_>) -> bool {
        let usual = answer.predicted.and_then(|intent| self.0.get(intent));
        !answer.is_right() && usual.is_some_and(|usual| answer.confidence >= *usual)
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MISTAKE_TEXT_LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A part of a whole; none of nothing.
pub(super) fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| number(part) / number(whole))
}

/// The harmonic mean of precision and recall; 0 where nothing was right.
pub(super) fn f1(right: usize, predicted: usize, expected: usize) -> f64 {
    share(2 * right, predicted + expected).unwrap_or_default()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of examples are far below 2^52"
)]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result_of(cases: &[(Option<&str>, Option<&str>, f64)]) -> EvaluationResult {
        let example = |(number, case): (usize, &(Option<&str>, Option<&str>, f64))| Example {
            text: format!("utterance {number}"),
            intent: case.0.map(str::to_owned),
            ..Example::default()
        };
        let examples: Vec<Example> = cases.iter().enumerate().map(example).collect();
        let answer = |(example, case): (usize, &(Option<&str>, Option<&str>, f64))| Answer {
            example,
            predicted: case.1.map(str::to_owned),
            confidence: case.2,
            own: if case.0 == case.1 { case.2 } else { 0.0 },
        };
        let answers: Vec<Answer> = cases.iter().enumerate().map(answer).collect();
        result(&examples, &answers, &EntityTally::default())
    }

    fn is_near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    /// The figures are those of scikit-learn's `classification_report` over the same answers.
    #[test]
    fn figures_are_those_of_their_definitions() {
        let result = result_of(&[
            (Some("a"), Some("a"), 0.95),
            (Some("a"), Some("a"), 0.85),
            (Some("a"), Some("b"), 0.55),
            (Some("b"), Some("b"), 0.75),
            (None, None, 0.65),
            (None, Some("a"), 0.35),
        ]);
        let [none, a, b] = &result.intents[..] else {
            panic!("{:?}", result.intents)
        };
        assert_eq!((none.intent.as_deref(), none.support), (None, 2));
        assert!(is_near(none.precision.unwrap(), 1.0) && is_near(none.recall.unwrap(), 0.5));
        assert!(is_near(a.precision.unwrap(), 2.0 / 3.0) && is_near(a.f1, 2.0 / 3.0));
        assert!(is_near(b.precision.unwrap(), 0.5) && is_near(b.recall.unwrap(), 1.0));
        let summary = result.summary;
        assert!(is_near(summary.accuracy, 4.0 / 6.0));
        assert!(is_near(summary.macro_f1, 2.0 / 3.0));
        assert!(is_near(summary.weighted_f1, 2.0 / 3.0));
        // Each answer has a bin of its own: 0.05 + 0.15 + 0.55 + 0.25 + 0.35 + 0.35.
        assert!(is_near(summary.calibration_error, 1.7 / 6.0));
        assert_eq!((summary.examples, summary.mistakes), (6, 2));
    }

    #[test]
    fn the_matrix_holds_what_happened_and_mistakes_come_surest_first() {
        let result = result_of(&[
            (Some("a"), Some("b"), 0.4),
            (Some("a"), Some("b"), 0.9),
            (Some("b"), None, 0.6),
            (Some("b"), Some("b"), 1.0),
        ]);
        let total: usize = result.confusion.iter().map(|cell| cell.count).sum();
        assert_eq!(total, 4);
        let first = &result.confusion[0];
        assert_eq!(
            (
                first.expected.as_deref(),
                first.predicted.as_deref(),
                first.count
            ),
            (Some("a"), Some("b"), 2)
        );
        let told: Vec<&str> = result
            .wrong
            .iter()
            .map(|wrong| wrong.text.as_str())
            .collect();
        assert_eq!(told, ["utterance 1", "utterance 2", "utterance 0"]);
    }

    #[test]
    fn a_label_is_suspect_where_another_intent_is_as_sure_as_it_usually_is() {
        let result = result_of(&[
            (Some("a"), Some("a"), 0.9),
            (Some("a"), Some("a"), 0.7),
            (Some("b"), Some("b"), 0.9),
            (Some("b"), Some("a"), 0.85),
            (Some("b"), Some("a"), 0.75),
            (None, Some("a"), 0.8),
            (Some("a"), None, 0.99),
            (Some("b"), Some("only_answered"), 1.0),
        ]);
        // Of `a` it is 0.53 sure on average: 0.9, 0.7 and nothing.
        let told = result.wrong.iter().filter(|wrong| wrong.suspect);
        let told: Vec<_> = told.map(|wrong| wrong.confidence).collect();
        assert_eq!(told, [0.85, 0.8, 0.75]);
        assert_eq!(result.summary.suspects, 3);
    }

    #[test]
    fn an_intent_that_is_only_answered_has_no_recall_and_does_not_count_in_the_mean() {
        let result = result_of(&[(Some("a"), Some("a"), 1.0), (Some("a"), None, 1.0)]);
        assert_eq!(result.intents[0].recall, None);
        assert!(is_near(result.summary.macro_f1, 2.0 / 3.0));
    }

    #[test]
    fn what_is_told_is_bounded() {
        let texts: Vec<String> = (0..3_000)
            .map(|number| format!("intent {number}"))
            .collect();
        let case = |text: &'static str| (Some(text), None, 0.5);
        let leaked: Vec<&'static str> = texts.into_iter().map(|text| &*text.leak()).collect();
        let cases: Vec<_> = leaked.into_iter().map(case).collect();
        let result = result_of(&cases);
        assert_eq!(result.summary.mistakes, 3_000);
        let told = (
            result.intents.len(),
            result.confusion.len(),
            result.wrong.len(),
        );
        assert_eq!(told, (INTENTS_TOLD, CELLS_TOLD, MISTAKES_TOLD));
        assert_eq!(shortened(&"ä".repeat(400)).chars().count(), 301);
    }
}
