//! What the engine remembers of a conversation.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use stoa_contracts::conversations::{ConversationState, ConversationStatus};
use stoa_contracts::flows::Scalar;
use time::OffsetDateTime;

/// Letters and digits that nobody confuses on the phone.
const REFERENCE_ALPHABET: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";

/// A billion references: two open cases of one supplier will not share one.
const REFERENCE_LENGTH: usize = 6;

/// What the engine remembers of a conversation; stored between turns.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct State {
    /// Whether the assistant or a person answers.
    pub status: ConversationStatus,
    /// A short code to quote on the phone.
    pub(super) reference: String,
    /// The slots that are filled.
    pub(super) slots: BTreeMap<String, Scalar>,
    /// The flows that are running, the innermost last. After a turn the last one waits for the
    /// answer to a question; those before it were interrupted or have called the next.
    pub(super) stack: Vec<Frame>,
    /// The slot that the last flow waits for.
    pub(super) asking: Option<String>,
    /// How many utterances in a row led nowhere.
    pub(super) misses: u32,
    /// The revision of the flows that the stack belongs to.
    pub(super) flows_version: i32,
    /// When the user was last heard, or a person has given the conversation back.
    #[serde(with = "time::serde::timestamp")]
    pub(super) heard_at: OffsetDateTime,
}

/// A flow that is running.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Frame {
    /// The flow.
    pub(super) flow: String,
    /// The next operation of its code.
    pub(super) at: usize,
    /// How often the question at `at` was asked.
    pub(super) asked: u32,
    /// Whether the question at `at` was at another place when it was asked, in flows that were changed since.
    #[serde(default)]
    pub(super) moved: bool,
    /// Whether the frame before it called it, instead of being interrupted by it.
    pub(super) called: bool,
    /// Slots of interrupted flows that this one uses too, to be given back at its end.
    pub(super) saved: BTreeMap<String, Scalar>,
    /// What the flows have asked that were given up for this one, to be told to a person. Not among
    /// `saved`: the release before gives all of those back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) given_up: BTreeMap<String, Scalar>,
    /// Slots that it, or a flow that it has called, has set to nothing: no person is told what they held.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) emptied: BTreeSet<String>,
}

impl Frame {
    /// Lets the flow begin again.
    pub(super) fn restart(&mut self) {
        (self.at, self.asked, self.moved) = (0, 0, false);
    }
}

impl State {
    /// A conversation in which nothing was said yet.
    pub fn new(now: OffsetDateTime, rng: &mut dyn Rng) -> Self {
        let letter = |_| {
            let at = rng.random_range(0..REFERENCE_ALPHABET.len());
            char::from(REFERENCE_ALPHABET[at])
        };
        Self {
            status: ConversationStatus::Active,
            reference: (0..REFERENCE_LENGTH).map(letter).collect(),
            slots: BTreeMap::new(),
            stack: Vec::new(),
            asking: None,
            misses: 0,
            flows_version: 0,
            heard_at: now,
        }
    }

    /// Gives the conversation back to the assistant after a person has dealt with it.
    pub fn take_back(&mut self, now: OffsetDateTime) {
        self.status = ConversationStatus::Active;
        self.slots.clear();
        self.heard_at = now;
    }

    /// All that was answered: the slots, and what was put aside of the flows that are interrupted or
    /// were given up; without what a flow above them has emptied.
    pub(super) fn answered(&self) -> BTreeMap<String, Scalar> {
        let mut answered = self.slots.clone();
        let mut emptied = BTreeSet::new();
        for frame in self.stack.iter().rev() {
            emptied.extend(&frame.emptied);
            for (name, value) in frame.saved.iter().chain(&frame.given_up) {
                if !emptied.contains(name) {
                    answered
                        .entry(name.clone())
                        .or_insert_with(|| value.clone());
                }
            }
        }
        answered
    }

    /// What clients see of it.
    pub fn view(&self) -> ConversationState {
        let json = |value: &Scalar| match value {
            Scalar::Text(text) => text.clone().into(),
            other => serde_json::to_value(other).unwrap_or_default(),
        };
        ConversationState {
            status: self.status,
            flow: self.stack.last().map(|frame| frame.flow.clone()),
            asking: self.asking.clone(),
            slots: self
                .slots
                .iter()
                .map(|(name, value)| (name.clone(), json(value)))
                .collect(),
        }
    }
}
