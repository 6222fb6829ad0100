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
use stoa_postgres::DatabaseError;
use stoa_queue::{JobContext, JobError, Observer, Outcome};
use stoa_service::BoxError;
use uuid::Uuid;

use crate::records::{Records, final_failure};

/// A snapshot has all the utterances of an assistant.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(30);
/// Progress is passed on in steps of this size: each one is a row written here and in `api`.
const STEP: f64 = 0.01;

/// Does trainings. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Trainings {
    api: ServiceClient,
    ml: ServiceClient,
    records: Records,
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
    #[error("the record cannot be written")]
    Record(#[from] DatabaseError),
}

impl From<TrainError> for JobError {
    fn from(error: TrainError) -> Self {
        let later = match &error {
            TrainError::Gone | TrainError::Failed(_) => false,
            TrainError::Record(_) => true,
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
    pub(crate) fn new(
        api: ServiceClient,
        ml: ServiceClient,
        records: Records,
        poll: Duration,
    ) -> Self {
        Self {
            api,
            ml,
            records,
            poll,
        }
    }

    /// Writes the record of every job, and tells `api` of trainings that have failed.
    pub(crate) fn observer(&self) -> impl Observer + use<> {
        Recorder {
            api: self.api.clone(),
            records: self.records.clone(),
        }
    }

    /// Sees a training through to its end.
    pub(crate) async fn train(self, job: Train, context: JobContext) -> Result<(), JobError> {
        Ok(self
            .see_through(job.training_id, context.envelope.id)
            .await?)
    }

    async fn see_through(&self, training: Uuid, job: Uuid) -> Result<(), TrainError> {
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
                self.records.progressed(job, report.progress).await?;
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

struct Recorder {
    api: ServiceClient,
    records: Records,
}

impl Recorder {
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
        let report = TrainingReport {
            status: TrainingStatus::Failed,
            progress: 0.0,
            metrics: None,
            error: Some(error),
        };
        match tell(&self.api, train.training_id, &report).await {
            // A training that is gone, or has ended already, needs no more news.
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::Conflict) => {
                Ok(())
            }
            other => other,
        }
    }
}

impl Observer for Recorder {
    fn started<'a>(&'a self, job: &'a JobContext) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move { Ok(self.records.started(&job.envelope).await?) })
    }

    fn ended<'a>(
        &'a self,
        job: &'a JobContext,
        outcome: &'a Outcome,
    ) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            self.tell_failure(job, outcome).await?;
            Ok(self.records.ended(&job.envelope, outcome).await?)
        })
    }
}
