//! Jobs that will not run again unless somebody replays them.

use crate::Envelope;

/// Why a job was parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadReason {
    /// Its handler said that it can never succeed.
    Failed,
    /// It has failed as often as it may.
    Exhausted,
    /// No handler here is for its kind.
    UnknownKind,
    /// Its envelope or its payload cannot be read.
    Unreadable,
    /// The broker gave up handing it out.
    Undeliverable,
}

impl DeadReason {
    /// The reason as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Exhausted => "exhausted",
            Self::UnknownKind => "unknown_kind",
            Self::Unreadable => "unreadable",
            Self::Undeliverable => "undeliverable",
        }
    }

    /// The reason from its stored form; what the broker parks itself has none.
    pub(crate) fn from_stored(text: &str) -> Self {
        let known = [
            Self::Failed,
            Self::Exhausted,
            Self::UnknownKind,
            Self::Unreadable,
        ];
        known
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .unwrap_or(Self::Undeliverable)
    }
}

/// A parked job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its envelope, if it has one that can be read.
    pub envelope: Option<Envelope>,
    /// Its payload as it came.
    pub body: Vec<u8>,
    /// Why it was parked.
    pub reason: DeadReason,
    /// What the last failure said.
    pub error: String,
}
