//! What was seen of the versions of rollouts, gathered within bounds and told to `api`, where a designer looks.
//!
//! What a process that is killed has not told yet is lost: the figures are of what was seen, not of all that was said.

use super::Answerer;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stoa_client::ServiceClient;
use stoa_contracts::assistants::AssistantRuntime;
use stoa_contracts::parse::ParseResult;
use stoa_contracts::rollouts::{
    Answers, DISAGREEMENTS_LIMIT, Disagreement, Seen, SeenBatch, TEXT_LIMIT, Versions, seen_path,
};
use stoa_service::Clock;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument as _;
use uuid::Uuid;

/// Assistants whose rollouts are watched at a time, between two batches.
const SUBJECTS: usize = 1_000;
/// Disagreements that wait, of all assistants: at most four mebibytes.
const WAITING: usize = 500;
/// Longer ones, as JSON, are counted and not kept.
const LARGEST: usize = 8 << 10;
/// Shorter intervals would only keep a core busy.
const SHORTEST: Duration = Duration::from_millis(10);

/// Whose answers are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    assistant: Uuid,
    versions: Versions,
    /// Whether what users say is kept.
    collects: bool,
}

impl Subject {
    /// An assistant that tries something.
    pub(super) fn of(assistant: &AssistantRuntime) -> Option<Self> {
        let canary = assistant.canary.map(|canary| canary.version);
        let shadow = assistant.shadow.map(|shadow| shadow.version);
        let active = assistant.active_model?;
        (canary.is_some() || shadow.is_some()).then_some(Self {
            assistant: assistant.id,
            versions: Versions {
                active,
                canary,
                shadow,
            },
            collects: assistant.collects_utterances,
        })
    }
}

#[derive(Default)]
struct Buffer {
    seen: HashMap<(Uuid, Versions), Seen>,
    disagreements: usize,
}

/// Where what is seen is put. Cheap to clone.
#[derive(Clone)]
pub(super) struct Sightings {
    buffer: Arc<Mutex<Buffer>>,
    clock: Clock,
    /// Ends when nobody looks any more.
    _open: Arc<DropGuard>,
}

/// The sightings, and what tells them.
pub(super) fn new(api: ServiceClient, interval: Duration, clock: Clock) -> (Sightings, Teller) {
    let (buffer, open) = (Arc::default(), CancellationToken::new());
    let teller = Teller {
        api,
        buffer: Arc::clone(&buffer),
        interval: interval.max(SHORTEST),
        closed: open.clone(),
        pending: Vec::new(),
    };
    let sightings = Sightings {
        buffer,
        clock,
        _open: Arc::new(open.drop_guard()),
    };
    (sightings, teller)
}

impl Sightings {
    /// Counts an answer that was given.
    pub(super) fn answered(&self, subject: &Subject, answerer: Answerer, answer: &ParseResult) {
        self.with(subject, |seen| {
            let answers: &mut Answers = match answerer {
                Answerer::Active => &mut seen.active,
                Answerer::Canary => &mut seen.canary,
            };
            answers.total += 1;
            answers.out_of_scope += u64::from(answer.intent.name.is_none());
            0
        });
    }

    /// Counts an utterance that two versions understood alike.
    pub(super) fn agreed(&self, subject: &Subject) {
        self.with(subject, |seen| {
            seen.shadow.agreed += 1;
            0
        });
    }

    /// Counts one that they did not, and keeps it for a person to look at.
    pub(super) fn disagreed(&self, subject: &Subject, active: &ParseResult, shadow: &ParseResult) {
        let disagreement = Disagreement {
            text: active.text.clone(),
            at: self.clock.now(),
            active: active.into(),
            shadow: shadow.into(),
        };
        let is_kept = subject.collects && is_small(&disagreement);
        self.with(subject, |seen| {
            seen.shadow.disagreed += 1;
            let waiting = &mut seen.shadow.disagreements;
            if !is_kept {
                return 0;
            }
            let is_full = waiting.len() >= DISAGREEMENTS_LIMIT;
            if is_full {
                waiting.remove(0);
            }
            waiting.push(disagreement);
            usize::from(!is_full)
        });
    }

    /// Changes what was seen of a subject, unless there are too many subjects; told is how many disagreements came in.
    fn with(&self, subject: &Subject, change: impl FnOnce(&mut Seen) -> usize) {
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (subject.assistant, subject.versions);
        if buffer.seen.len() >= SUBJECTS && !buffer.seen.contains_key(&key) {
            return;
        }
        let is_full = buffer.disagreements >= WAITING;
        let seen = buffer.seen.entry(key).or_default();
        let mut came = change(seen);
        if is_full && came > 0 {
            seen.shadow.disagreements.pop();
            came = 0;
        }
        buffer.disagreements += came;
    }
}

/// Whether it is worth its place: it can be stored, and is not a letter.
fn is_small(disagreement: &Disagreement) -> bool {
    let text = &disagreement.text;
    !text.contains('\0')
        && text.chars().count() <= TEXT_LIMIT
        && serde_json::to_vec(disagreement).is_ok_and(|json| json.len() <= LARGEST)
}

/// What `api` has not taken yet.
struct Batch {
    id: Uuid,
    assistant: Uuid,
    body: SeenBatch,
}

/// Tells `api` what was seen, as long as the service runs and once more at its end.
pub(crate) struct Teller {
    api: ServiceClient,
    buffer: Arc<Mutex<Buffer>>,
    interval: Duration,
    /// Cancelled when nobody looks any more.
    closed: CancellationToken,
    /// The buffer is not touched meanwhile, so both have their bound.
    pending: Vec<Batch>,
}

impl Teller {
    /// Runs until the token is cancelled and the last answer was looked at.
    pub(crate) async fn run(mut self, token: CancellationToken) -> Result<(), Infallible> {
        while !token.is_cancelled() {
            tokio::select! {
                () = token.cancelled() => {}
                () = tokio::time::sleep(self.interval) => {}
            }
            self.tell().await;
        }
        // What is still in hand; the deadline of the drain bounds the wait.
        self.closed.cancelled().await;
        self.tell().await;
        Ok(())
    }

    async fn tell(&mut self) {
        if self.pending.is_empty() {
            let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
            let Buffer { seen, .. } = std::mem::take(&mut *buffer);
            drop(buffer);
            let batch = |((assistant, versions), seen)| Batch {
                id: Uuid::now_v7(),
                assistant,
                body: SeenBatch { versions, seen },
            };
            self.pending = seen.into_iter().map(batch).collect();
        }
        while let Some(batch) = self.pending.pop() {
            let path = seen_path(batch.assistant, batch.id);
            let span = tracing::info_span!("rollout.tell", assistant.id = %batch.assistant);
            let told = self.api.put::<()>(&path, &batch.body).instrument(span);
            match told.await {
                Ok(()) => {}
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "what was seen of rollouts waits: api did not take it");
                    self.pending.push(batch);
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, "api refuses what was seen of a rollout; it is dropped");
                }
            }
        }
    }
}
