//! The job `train`: lets `ml` make a model of what `api` keeps, and tells `api` how far it is.
//!
//! Twice is the same as once: the snapshot stands since the training was created, `ml` does the
//! work of one training once and answers the second start with how far it is, and reports
//! replace each other.

use futures_util::future::BoxFuture;
use std::time::Duration;
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::jobs::{Payload as _, Train};
use stoa_contracts::trainings::{TrainingReport, TrainingSnapshot, TrainingStatus};
use stoa_contracts::{Coded as _, ErrorCode};
use stoa_queue::store::{DeadJob, StoredJob};
use stoa_queue::{DeadReason, Envelope, JobContext, JobError, Observer, Outcome};
use stoa_service::BoxError;
use uuid::Uuid;

/// A snapshot has all the utterances of an assistant.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(30);
/// Progress is passed on in steps of this size: each one is a row written in `api`.
const STEP: f64 = 0.01;
/// What `api` is told of a training whose job was cancelled.
const CANCELLED: &str = "Its job was cancelled.";

/// Does trainings. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Trainings {
    api: ServiceClient,
    ml: ServiceClient,
    poll: Duration,
}

/// Why a training does not go on.
#[derive(Debug, thiserror::Error)]
enum TrainError {
    #[error("The training is gone, perhaps with its assistant.")]
    Gone,
    /// `ml` has tried and says why it cannot.
    #[error("{0}")]
    Failed(String),
    #[error("{}", refusal(.0))]
    Call(#[from] ClientError),
}

impl From<TrainError> for JobError {
    fn from(error: TrainError) -> Self {
        let later = match &error {
            TrainError::Gone | TrainError::Failed(_) => false,
            // What the other side refuses once, it refuses always; its defects may be mended.
            TrainError::Call(error) => matches!(
                error.code(),
                ErrorCode::Unavailable | ErrorCode::RateLimited | ErrorCode::Internal
            ),
        };
        if later {
            Self::retry(error)
        } else {
            Self::fail(error)
        }
    }
}

/// What a refusal means to who started the training: the detail, if there is one for clients.
fn refusal(error: &ClientError) -> String {
    match error.code() {
        ErrorCode::Internal => "A service could not do its part.".to_owned(),
        ErrorCode::Unavailable | ErrorCode::RateLimited => error.to_string(),
        _ => error.problem().detail,
    }
}

impl Trainings {
    pub(crate) fn new(api: ServiceClient, ml: ServiceClient, poll: Duration) -> Self {
        Self { api, ml, poll }
    }

    /// Tells `api` of trainings that end without a model.
    pub(crate) fn observer(&self) -> impl Observer + use<> {
        Teller {
            api: self.api.clone(),
        }
    }

    /// Tells `api` of a training whose job was cancelled before it ran. If `api` cannot be told, it finds out itself,
    /// because it hears no more of it.
    pub(crate) async fn tell_cancelled(&self, job: &StoredJob) {
        let Ok(train) = Train::decode(Train::VERSION, &job.payload) else {
            return;
        };
        let told = tell(&self.api, train.training_id, &failed(CANCELLED.to_owned())).await;
        if let Err(error) = told {
            tracing::warn!(%error, "api was not told of a cancelled training");
        }
    }

    /// Lets the training of a job that has ended begin anew in `api`; other jobs have none.
    pub(crate) async fn reopen(&self, job: &DeadJob) -> Result<(), ClientError> {
        if job.kind != Train::KIND {
            return Ok(());
        }
        let Ok(train) = Train::decode(Train::VERSION, &job.payload) else {
            return Ok(());
        };
        let path = format!("/internal/v1/trainings/{}/reopening", train.training_id);
        self.api.put(&path, &serde_json::json!({})).await
    }

    /// Sees a training through to its end.
    pub(crate) async fn train(self, job: Train, context: JobContext) -> Result<(), JobError> {
        Ok(self.see_through(job.training_id, &context).await?)
    }

    async fn see_through(&self, training: Uuid, job: &JobContext) -> Result<(), TrainError> {
        let snapshot = self.snapshot(training).await?;
        let mut report = self.start(training, &snapshot).await?;
        let mut told = None;
        loop {
            match report.status {
                TrainingStatus::Succeeded => return self.tell(training, &report).await,
                TrainingStatus::Failed => {
                    let unknown = || "The training failed without saying why.".to_owned();
                    return Err(TrainError::Failed(report.error.unwrap_or_else(unknown)));
                }
                TrainingStatus::Queued | TrainingStatus::Running => {}
            }
            if told.is_none_or(|told| report.progress >= told + STEP) {
                self.tell(training, &report).await?;
                job.progress(report.progress);
                told = Some(report.progress);
            }
            tokio::time::sleep(self.poll).await;
            report = self.look(training, &snapshot).await?;
        }
    }

    async fn snapshot(&self, training: Uuid) -> Result<TrainingSnapshot, TrainError> {
        let api = self.api.clone().with_timeout(SNAPSHOT_TIMEOUT);
        match api
            .get(&format!("/internal/v1/trainings/{training}/snapshot"))
            .await
        {
            Err(error) if error.is_not_found() => Err(TrainError::Gone),
            other => Ok(other?),
        }
    }

    async fn start(
        &self,
        training: Uuid,
        snapshot: &TrainingSnapshot,
    ) -> Result<TrainingReport, TrainError> {
        let ml = self.ml.clone().with_timeout(SNAPSHOT_TIMEOUT);
        Ok(ml
            .put(&format!("/internal/v1/trainings/{training}"), snapshot)
            .await?)
    }

    /// How far it is. If `ml` knows nothing of it any more, because the process that worked on
    /// it is gone, it is started again.
    async fn look(
        &self,
        training: Uuid,
        snapshot: &TrainingSnapshot,
    ) -> Result<TrainingReport, TrainError> {
        match self
            .ml
            .get(&format!("/internal/v1/trainings/{training}"))
            .await
        {
            Err(error) if error.is_not_found() => self.start(training, snapshot).await,
            other => Ok(other?),
        }
    }

    async fn tell(&self, training: Uuid, report: &TrainingReport) -> Result<(), TrainError> {
        match tell(&self.api, training, report).await {
            Err(error) if error.is_not_found() => Err(TrainError::Gone),
            other => Ok(other?),
        }
    }
}

async fn tell(
    api: &ServiceClient,
    training: Uuid,
    report: &TrainingReport,
) -> Result<(), ClientError> {
    api.put(&format!("/internal/v1/trainings/{training}"), report)
        .await
}

struct Teller {
    api: ServiceClient,
}

impl Teller {
    /// Tells `api` that a training has ended without a model, whatever the reason was.
    async fn tell_failure(&self, job: &JobContext, outcome: &Outcome) -> Result<(), ClientError> {
        let Some(error) = final_failure(&job.envelope, outcome) else {
            return Ok(());
        };
        let payload = job
            .payload::<Train>()
            .ok()
            .filter(|_| job.envelope.kind == Train::KIND);
        let Some(train) = payload else { return Ok(()) };
        match tell(&self.api, train.training_id, &failed(error)).await {
            // A training that is gone, or has ended already, needs no more news.
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::Conflict) => {
                Ok(())
            }
            other => other,
        }
    }
}

fn failed(error: String) -> TrainingReport {
    TrainingReport {
        status: TrainingStatus::Failed,
        progress: 0.0,
        metrics: None,
        error: Some(error),
    }
}

/// Why a job ended without success, in words for its account.
fn final_failure(job: &Envelope, outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Cancelled => Some(CANCELLED.to_owned()),
        Outcome::Dead { reason, failure } => Some(match reason {
            DeadReason::Failed => failure.message.clone(),
            DeadReason::Exhausted => {
                format!(
                    "Given up after {} attempts: {}",
                    job.max_attempts, failure.message
                )
            }
            _ => format!("The job cannot be run here: {}", failure.message),
        }),
        Outcome::Succeeded | Outcome::Retried { .. } | Outcome::Released => None,
    }
}

impl Observer for Teller {
    fn started<'a>(&'a self, _: &'a JobContext) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn ended<'a>(
        &'a self,
        job: &'a JobContext,
        outcome: &'a Outcome,
    ) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move { Ok(self.tell_failure(job, outcome).await?) })
    }
}
