//! What the service counts, beside requests and queries.

use metrics::{counter, describe_counter, describe_gauge, gauge};
use stoa_contracts::conversations::EventKind;

use crate::store::hands_over;

const MESSAGES: &str = "conversation_messages_total";
const HANDOVERS: &str = "conversation_handovers_total";
const STREAMS: &str = "conversation_streams";
const REMOVED: &str = "conversation_removed_total";

/// Describes the metrics, and makes them exist at 0.
pub(crate) fn describe() {
    describe_counter!(
        MESSAGES,
        "Messages heard, by whether the utterance was in scope"
    );
    describe_counter!(HANDOVERS, "Conversations handed over to a person");
    describe_counter!(REMOVED, "Conversations that were removed");
    describe_gauge!(STREAMS, "WebSockets that are open");
    for understood in ["yes", "no", "button", "person"] {
        counter!(MESSAGES, "understood" => understood).absolute(0);
    }
    counter!(HANDOVERS).absolute(0);
    counter!(REMOVED).absolute(0);
    gauge!(STREAMS).set(0.0);
}

/// Counts what happened in a turn.
pub(crate) fn count_turn(understood: &'static str, events: &[EventKind]) {
    counter!(MESSAGES, "understood" => understood).increment(1);
    if hands_over(events) {
        counter!(HANDOVERS).increment(1);
    }
}

/// Counts conversations that were removed: kept long enough, or of an assistant that is gone.
pub(crate) fn count_removed(removed: u64) {
    counter!(REMOVED).increment(removed);
}

/// Counts a WebSocket as open until it is dropped.
pub(crate) struct OpenStream;

impl OpenStream {
    pub(crate) fn count() -> Self {
        gauge!(STREAMS).increment(1.0);
        Self
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        gauge!(STREAMS).decrement(1.0);
    }
}
