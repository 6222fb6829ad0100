//! The job `retrain`: has `api` start a training of an assistant, as a schedule asks for it.
//!
//! Twice is the same as once: the training has the id of the job. The training itself is a job of its own, `train`.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::assistants::AssistantRuntime;
use stoa_contracts::trainings::{StartTraining, Training};
use stoa_contracts::{Coded as _, ErrorCode};
use stoa_queue::store::Store;
use stoa_queue::{Job, JobContext, JobError, Payload, QueueError};
use uuid::Uuid;

use crate::refusals::is_for_now;

/// Start a training of an assistant with its data as it stands then, as a schedule asks for it. The training
/// has the id of the job, so that it is there once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Retrain {
    /// The assistant.
    pub(crate) assistant_id: Uuid,
    /// The account that it belongs to.
    pub(crate) account_id: Uuid,
    /// Who made the schedule: a user or an API key.
    pub(crate) created_by: Uuid,
    /// Whether the new model answers as soon as it is there.
    pub(crate) activate: bool,
}

impl Payload for Retrain {
    const KIND: &'static str = "retrain";
    // Not behind the trainings: it is done in a moment, and says when the data was taken.
    const QUEUE: &'static str = "retrainings";
    // As with `train`: half an hour of a service being away, or of another training, is bridged.
    const MAX_ATTEMPTS: u16 = 16;
    const TIME_LIMIT: Duration = Duration::from_mins(1);
}

impl Job<Retrainings> for Retrain {
    async fn run(self, retrainings: Retrainings, job: JobContext) -> Result<(), JobError> {
        Ok(retrainings.ask(&self, &job).await?)
    }
}

/// Starts trainings. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Retrainings {
    api: ServiceClient,
    store: Store,
}

/// Why no training was started.
#[derive(Debug, thiserror::Error)]
enum RetrainError {
    /// Another training runs, or there is no data: `api` says which.
    #[error("{0}")]
    NotNow(String),
    #[error("{0}")]
    Call(#[from] ClientError),
    #[error(transparent)]
    Record(#[from] QueueError),
}

impl From<RetrainError> for JobError {
    fn from(error: RetrainError) -> Self {
        let later = match &error {
            RetrainError::NotNow(_) | RetrainError::Record(_) => true,
            RetrainError::Call(error) => is_for_now(error),
        };
        if later {
            Self::retry(error)
        } else {
            Self::fail(error)
        }
    }
}

impl Retrainings {
    pub(crate) fn new(api: ServiceClient, store: Store) -> Self {
        Self { api, store }
    }

    /// Whether an account has an assistant.
    pub(crate) async fn has(&self, account: Uuid, assistant: Uuid) -> Result<bool, ClientError> {
        let path = format!("/internal/v1/assistants/{assistant}");
        match self.api.get::<AssistantRuntime>(&path).await {
            Ok(found) => Ok(found.account_id == account),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Has `api` start one training.
    async fn ask(&self, job: &Retrain, context: &JobContext) -> Result<(), RetrainError> {
        let id = context.envelope.id;
        let path = format!(
            "/internal/v1/assistants/{}/trainings/{id}",
            job.assistant_id
        );
        let start = StartTraining {
            account_id: job.account_id,
            created_by: job.created_by,
            activate: job.activate,
        };
        match self.api.put::<Training>(&path, &start).await {
            Ok(training) => {
                context.give(serde_json::json!({"training_id": training.id}));
                Ok(())
            }
            // An `api` of the release before does not know the path either.
            Err(error) if error.is_not_found() => {
                if self.has(job.account_id, job.assistant_id).await? {
                    return Err(RetrainError::NotNow(error.problem().detail));
                }
                self.forget(context).await
            }
            Err(error) if error.code() == ErrorCode::Conflict => {
                Err(RetrainError::NotNow(error.problem().detail))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The assistant is gone, and its schedule goes with it, if it is still for that one: it would fail for ever.
    async fn forget(&self, context: &JobContext) -> Result<(), RetrainError> {
        if let Some(schedule) = self.store.unschedule_with(context.envelope.id).await? {
            tracing::info!(schedule, "a schedule is removed: its assistant is gone");
        }
        context.give(serde_json::json!({"skipped": "The assistant is gone."}));
        Ok(())
    }
}
