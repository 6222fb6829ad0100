//! Asks the shadow what the active version was asked, and compares.
//!
//! Questions wait in a queue that has a bound, and few are asked at a time: what does not fit is dropped and counted.

use super::sightings::{Sightings, Subject};
use crate::answers::Answers;
use metrics::{Unit, counter, describe_counter};
use std::convert::Infallible;
use stoa_contracts::parse::{Entity, ParseResult, ParseWithModel};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// Questions that wait; with answers of ordinary length they take less than a mebibyte.
const WAITING: usize = 256;
/// Questions that are asked at a time: a shadow takes at most this much of the engine.
const AT_ONCE: usize = 4;

const SHADOW: &str = "nlu_shadow_total";

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Both understood the same.
    Agree,
    /// They did not.
    Disagree,
    /// The shadow gave no answer.
    Failed,
    /// It was not asked: too many waited, or the process ended.
    Dropped,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Agree, Self::Disagree, Self::Failed, Self::Dropped];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Agree => "agree",
            Self::Disagree => "disagree",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    fn count(self) {
        counter!(SHADOW, "outcome" => self.as_str()).increment(1);
    }
}

/// Describes the metrics and lets them begin at 0.
pub(super) fn describe_metrics() {
    let help = "Utterances for a shadow, by how its answer compared with the one that was given.";
    describe_counter!(SHADOW, Unit::Count, help);
    for outcome in Outcome::ALL {
        counter!(SHADOW, "outcome" => outcome.as_str()).absolute(0);
    }
}

/// What the shadow is to be asked, and what the active version answered.
pub(super) struct Question {
    pub(super) subject: Subject,
    pub(super) input: ParseWithModel,
    pub(super) answer: ParseResult,
}

/// Where questions are put. Cheap to clone.
#[derive(Clone)]
pub(super) struct Questions(mpsc::Sender<Question>);

impl Questions {
    /// Lets a question wait for its turn, unless too many do.
    pub(super) fn put(&self, question: Question) {
        if self.0.try_send(question).is_err() {
            Outcome::Dropped.count();
        }
    }
}

/// Where questions are put, and what asks them.
pub(super) fn new(answers: Answers, sightings: Sightings) -> (Questions, Shadower) {
    let (sender, questions) = mpsc::channel(WAITING);
    let asker = Asker { answers, sightings };
    (Questions(sender), Shadower { questions, asker })
}

/// Asks the shadows.
pub(crate) struct Shadower {
    questions: mpsc::Receiver<Question>,
    asker: Asker,
}

impl Shadower {
    /// Runs until the token is cancelled; what was asked by then is compared, what still waits is dropped.
    pub(crate) async fn run(mut self, token: CancellationToken) -> Result<(), Infallible> {
        let mut asked = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = token.cancelled() => break,
                Some(_) = asked.join_next() => {}
                question = self.questions.recv(), if asked.len() < AT_ONCE => {
                    let Some(question) = question else { break };
                    let span = tracing::info_span!(
                        parent: None, "shadow.ask", model.version = question.input.model_version
                    );
                    asked.spawn(self.asker.clone().ask(question).instrument(span));
                }
            }
        }
        self.questions.close();
        while self.questions.try_recv().is_ok() {
            Outcome::Dropped.count();
        }
        // Each has the limit of an engine's call.
        while asked.join_next().await.is_some() {}
        Ok(())
    }
}

#[derive(Clone)]
struct Asker {
    answers: Answers,
    sightings: Sightings,
}

impl Asker {
    async fn ask(self, question: Question) {
        let Question {
            subject,
            input,
            answer,
        } = question;
        let outcome = match self.answers.answer(&input).await {
            Ok(shadow) if is_same(&answer, &shadow, input.reference_time.is_none()) => {
                self.sightings.agreed(&subject);
                Outcome::Agree
            }
            Ok(shadow) => {
                self.sightings.disagreed(&subject, &answer, &shadow);
                Outcome::Disagree
            }
            Err(error) => {
                tracing::debug!(%error, assistant.id = %input.assistant_id, "a shadow gave no answer");
                Outcome::Failed
            }
        };
        outcome.count();
    }
}

/// Whether two answers say the same: the intent and the entities, however sure each is. Times that were counted from now
/// are moments apart and compared by where they stand.
fn is_same(one: &ParseResult, other: &ParseResult, from_now: bool) -> bool {
    let is_alike = |(one, other): (&Entity, &Entity)| {
        let is_moment = from_now && one.extractor == "builtin" && one.entity == "datetime";
        (&one.entity, &one.role, &one.group, one.start, one.end)
            == (
                &other.entity,
                &other.role,
                &other.group,
                other.start,
                other.end,
            )
            && (is_moment || one.value == other.value)
    };
    one.intent.name == other.intent.name
        && one.entities.len() == other.entities.len()
        && one.entities.iter().zip(&other.entities).all(is_alike)
}
