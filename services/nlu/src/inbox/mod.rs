//! Utterances that were not understood for sure, collected for a person to say what they mean.
//!
//! A request only puts its utterance into a [`Buffer`] that has a bound, and never waits; what does not fit is dropped
//! and counted. The [`Relay`] takes out what has come together, and hands it to `worker` as jobs that bring it to `api`,
//! which keeps it. What a process that is killed has not handed over yet is lost: it will be said again.

mod batches;
mod buffer;
mod relay;

use buffer::Buffer;
use metrics::{Unit, counter, describe_counter};
use relay::Relay;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stoa_client::ServiceClient;
use stoa_contracts::assistants::AssistantRuntime;
use stoa_contracts::inbox::{GUESSES_LIMIT, TEXT_LIMIT, UncertainUtterance};
use stoa_contracts::parse::ParseResult;
use stoa_service::Clock;
use tokio_util::sync::{CancellationToken, DropGuard};

const UTTERANCES: &str = "nlu_inbox_utterances_total";

/// What became of uncertain utterances.
#[derive(Clone, Copy)]
enum Outcome {
    /// Waits in the buffer.
    Noticed,
    /// Did not fit into it.
    Dropped,
    /// Is with `worker`.
    HandedOver,
    /// `worker` will not have it.
    Refused,
}

impl Outcome {
    const ALL: [Self; 4] = [
        Self::Noticed,
        Self::Dropped,
        Self::HandedOver,
        Self::Refused,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Noticed => "noticed",
            Self::Dropped => "dropped",
            Self::HandedOver => "handed_over",
            Self::Refused => "refused",
        }
    }

    fn count(self, utterances: u64) {
        counter!(UTTERANCES, "outcome" => self.as_str()).increment(utterances);
    }
}

/// Describes the metrics and lets them begin at 0.
pub(crate) fn describe_metrics() {
    describe_counter!(
        UTTERANCES,
        Unit::Count,
        "Utterances that were not understood for sure, each time that they were said."
    );
    for outcome in Outcome::ALL {
        counter!(UTTERANCES, "outcome" => outcome.as_str()).absolute(0);
    }
}

/// How sure an answer is, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Confidence(f64);

/// It is no number from 0 to 1.
#[derive(Debug, thiserror::Error)]
#[error("expected a number from 0 to 1, such as `0.6`")]
pub struct ConfidenceError;

impl FromStr for Confidence {
    type Err = ConfidenceError;

    fn from_str(text: &str) -> Result<Self, ConfidenceError> {
        let number = text.parse().map_err(|_| ConfidenceError)?;
        if (0.0..=1.0).contains(&number) {
            Ok(Self(number))
        } else {
            Err(ConfidenceError)
        }
    }
}

/// What is configured of the inbox.
#[derive(Clone, Copy, Debug)]
pub struct InboxSettings {
    /// Answers that are less sure are collected.
    pub confidence: Confidence,
    /// How long utterances are gathered before they are handed over.
    pub interval: Duration,
}

/// Where answers are looked at. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inbox {
    confidence: Confidence,
    clock: Clock,
    buffer: Arc<Mutex<Buffer>>,
    /// Ends when nobody looks at answers any more.
    _open: Arc<DropGuard>,
}

impl Inbox {
    /// The inbox, and what empties it.
    pub(crate) fn new(
        settings: InboxSettings,
        worker: ServiceClient,
        clock: Clock,
    ) -> (Self, Relay) {
        let (buffer, open) = (
            Arc::new(Mutex::new(Buffer::default())),
            CancellationToken::new(),
        );
        let relay = Relay::new(worker, buffer.clone(), settings.interval, open.clone());
        let inbox = Self {
            confidence: settings.confidence,
            clock,
            buffer,
            _open: Arc::new(open.drop_guard()),
        };
        (inbox, relay)
    }

    /// Looks at an answer to what a user said; takes no longer than to copy it.
    pub(crate) fn notice(&self, assistant: &AssistantRuntime, answer: &ParseResult) {
        if !(assistant.collects_utterances && self.is_uncertain(answer) && is_example(&answer.text))
        {
            return;
        }
        let now = self.clock.now();
        let guesses = answer.intent_ranking.iter().take(GUESSES_LIMIT);
        let utterance = UncertainUtterance {
            text: answer.text.clone(),
            times: 1,
            first_at: now,
            last_at: now,
            model_version: answer.model_version,
            guesses: guesses.cloned().collect(),
        };
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = if buffer.put(assistant, utterance) {
            Outcome::Noticed
        } else {
            Outcome::Dropped
        };
        outcome.count(1);
    }

    fn is_uncertain(&self, answer: &ParseResult) -> bool {
        answer.intent.name.is_none() || answer.intent.confidence < self.confidence.0
    }
}

/// Whether an utterance could be an example to learn from.
fn is_example(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\0') && text.chars().count() <= TEXT_LIMIT
}
