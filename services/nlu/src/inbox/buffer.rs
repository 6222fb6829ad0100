//! What waits to be handed over, within bounds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use stoa_contracts::assistants::AssistantRuntime;
use stoa_contracts::inbox::UncertainUtterance;
use uuid::Uuid;

/// Different utterances that wait.
const ENTRIES: usize = 5_000;
/// Bytes of text that wait, what it may mean included.
const BYTES: usize = 2 << 20;

/// Whom an utterance was said to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Owner {
    pub(super) account: Uuid,
    pub(super) assistant: Uuid,
}

/// Utterances, each once with how often it was said.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    waiting: HashMap<(Owner, String), UncertainUtterance>,
    bytes: usize,
}

impl Buffer {
    /// Takes an utterance in, unless it is full; one that waits already is counted.
    pub(super) fn put(
        &mut self,
        assistant: &AssistantRuntime,
        utterance: UncertainUtterance,
    ) -> bool {
        let owner = Owner {
            account: assistant.account_id,
            assistant: assistant.id,
        };
        let bytes = self.bytes + weight(&utterance);
        let is_full = self.waiting.len() >= ENTRIES || bytes > BYTES;
        match self.waiting.entry((owner, utterance.text.clone())) {
            Entry::Occupied(known) => {
                let known = known.into_mut();
                let before = weight(known);
                known.join(utterance);
                if self.bytes - before + weight(known) > BYTES {
                    known.guesses.clear();
                }
                self.bytes = self.bytes - before + weight(known);
            }
            Entry::Vacant(_) if is_full => return false,
            Entry::Vacant(place) => {
                self.bytes = bytes;
                place.insert(utterance);
            }
        }
        true
    }

    /// Takes everything out.
    pub(super) fn take(&mut self) -> Vec<(Owner, UncertainUtterance)> {
        let taken = std::mem::take(self).waiting.into_iter();
        taken
            .map(|((owner, _), utterance)| (owner, utterance))
            .collect()
    }
}

/// Bytes of an utterance.
fn weight(utterance: &UncertainUtterance) -> usize {
    let guesses = utterance.guesses.iter().map(|guess| guess.name.len());
    utterance.text.len() + guesses.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoa_contracts::parse::RankedIntent;
    use stoa_contracts::understanding::Understanding;
    use time::OffsetDateTime;

    fn assistant() -> AssistantRuntime {
        AssistantRuntime {
            id: Uuid::now_v7(),
            account_id: Uuid::now_v7(),
            name: "Care".into(),
            language: "en".into(),
            active_model: Some(1),
            flows_version: None,
            collects_utterances: true,
            canary: None,
            shadow: None,
            understanding: Understanding::default(),
            engines: Vec::new(),
        }
    }

    fn said(text: impl Into<String>) -> UncertainUtterance {
        UncertainUtterance {
            text: text.into(),
            times: 1,
            first_at: OffsetDateTime::UNIX_EPOCH,
            last_at: OffsetDateTime::UNIX_EPOCH,
            model_version: 1,
            guesses: Vec::new(),
        }
    }

    #[test]
    fn a_full_buffer_still_counts_what_it_has_and_is_empty_after() {
        let (mut buffer, care) = (Buffer::default(), assistant());
        let taken = (0..=ENTRIES).filter(|number| buffer.put(&care, said(number.to_string())));
        assert_eq!(taken.count(), ENTRIES);
        assert!(buffer.put(&care, said("7")));
        let all = buffer.take();
        let seven = all.iter().find(|(_, utterance)| utterance.text == "7");
        assert_eq!(
            (all.len(), seven.map(|(_, seven)| seven.times)),
            (ENTRIES, Some(2))
        );
        assert!(buffer.put(&care, said("new")));
        assert_eq!(buffer.take().len(), 1);
    }

    #[test]
    fn long_utterances_fill_it_sooner() {
        let (mut buffer, care) = (Buffer::default(), assistant());
        let long = |number: usize| said(format!("{number} {}", "x".repeat(8_000)));
        let taken = (0..ENTRIES)
            .filter(|number| buffer.put(&care, long(*number)))
            .count();
        assert!((200..300).contains(&taken), "{taken}");
    }

    #[test]
    fn what_utterances_may_mean_fills_it_as_well() {
        let guess = |name: &str| RankedIntent {
            name: name.repeat(4_000),
            confidence: 0.2,
        };
        let guessed = |number: usize, guesses| UncertainUtterance {
            guesses,
            ..said(number.to_string())
        };
        let (mut buffer, care) = (Buffer::default(), assistant());
        let taken =
            (0..ENTRIES).filter(|n| buffer.put(&care, guessed(*n, vec![guess("a"), guess("b")])));
        let taken = taken.count();
        assert!((200..300).contains(&taken), "{taken}");
        // What waits does not grow beyond it either.
        let more = vec![guess("abcd"); 5];
        assert!(buffer.put(&care, guessed(0, more)));
        assert!(buffer.bytes <= BYTES, "{}", buffer.bytes);
        let weights: usize = buffer.waiting.values().map(weight).sum();
        assert_eq!(weights, buffer.bytes);
    }

    #[test]
    fn the_same_words_to_two_assistants_are_two_utterances() {
        let mut buffer = Buffer::default();
        for care in [assistant(), assistant()] {
            buffer.put(&care, said("hi"));
        }
        assert_eq!(buffer.take().len(), 2);
    }
}
