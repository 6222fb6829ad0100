//! The job `collect_inbox`: brings utterances that `nlu` was not sure of to `api`, for a person to say what they mean.
//!
//! Twice is the same as once: the batch has the id of the job, and `api` takes each batch once.

use crate::refusals::is_for_now;
use crate::retrain::Retrainings;
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::inbox::{CollectInbox, InboxBatch, InboxTaken};
use stoa_queue::{Job, JobContext, JobError};

const UTTERANCES: &str = "worker_inbox_utterances_total";

/// Describes the metrics and lets them begin at 0.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(UTTERANCES, "Uncertain utterances that were brought to api");
    for outcome in ["taken", "skipped"] {
        metrics::counter!(UTTERANCES, "outcome" => outcome).absolute(0);
    }
}

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
enum CollectError {
    /// The assistant is there, so it is `api` that does not know the route yet.
    #[error("api has no inbox yet")]
    NoInbox,
    #[error("{0}")]
    Call(#[from] ClientError),
}

impl From<CollectError> for JobError {
    fn from(error: CollectError) -> Self {
        let later = match &error {
            CollectError::NoInbox => true,
            CollectError::Call(call) => is_for_now(call),
        };
        if later {
            Self::retry(error)
        } else {
            Self::fail(error)
        }
    }
}

/// Brings batches. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) api: ServiceClient,
    pub(crate) assistants: Retrainings,
}

impl Job<Collector> for CollectInbox {
    async fn run(self, collector: Collector, context: JobContext) -> Result<(), JobError> {
        let count = self.utterances.len();
        // Of an assistant that is gone there is nothing to bring.
        let taken = collector.bring(self, &context).await?.unwrap_or(0);
        let skipped = count.saturating_sub(taken);
        metrics::counter!(UTTERANCES, "outcome" => "taken").increment(taken as u64);
        metrics::counter!(UTTERANCES, "outcome" => "skipped").increment(skipped as u64);
        context.give(serde_json::json!({"taken": taken}));
        Ok(())
    }
}

impl Collector {
    /// How many were taken; none if there is no such assistant any more.
    async fn bring(
        &self,
        job: CollectInbox,
        context: &JobContext,
    ) -> Result<Option<usize>, CollectError> {
        let (assistant, batch) = (job.assistant_id, context.envelope.id);
        let path = format!("/internal/v1/assistants/{assistant}/inbox/{batch}");
        let body = InboxBatch {
            utterances: job.utterances,
        };
        match self.api.put::<InboxTaken>(&path, &body).await {
            Ok(InboxTaken { taken }) => Ok(Some(taken)),
            Err(error) if error.is_not_found() => {
                if self.assistants.has(job.account_id, assistant).await? {
                    return Err(CollectError::NoInbox);
                }
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}
