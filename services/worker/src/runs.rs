//! Runs: what `ml` does for `api` in the background, seen through by a job that tells `api` how far it is.
//!
//! Twice is the same as once: the snapshot stands since the run was created, `ml` does the work of
//! one run once and answers the second start with how far it is, and reports replace each other.

use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::jobs::{Evaluate, Payload, Train};
use stoa_contracts::trainings::TrainingStatus;
use stoa_contracts::webhooks::Deliver;
use stoa_contracts::{Coded as _, ErrorCode};
use stoa_queue::store::{DeadJob, StoredJob};
use stoa_queue::{DeadReason, Envelope, JobContext, JobError, Observer, Outcome, Stop};
use stoa_service::BoxError;
use uuid::Uuid;

use crate::refusals::is_for_now;
use crate::{transfers, webhooks};

/// A snapshot has all the utterances of an assistant.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(30);
/// Progress is passed on in steps of this size: each one is a row written in `api`.
const STEP: f64 = 0.01;
/// How long `ml` is tried to be told that a run is not wanted any more: less than a cancelled job has.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);
/// What `api` is told of a run whose job was cancelled.
pub(crate) const CANCELLED: &str = "Its job was cancelled.";

/// A kind of run: the payload of its job, with what `api`, `ml` and this service say to each other.
pub(crate) trait Run: Payload {
    /// What it is called; its internal routes are named so, with an `s`.
    const NAME: &'static str;
    /// What it works on.
    type Snapshot: Serialize + DeserializeOwned + Send + Sync;
    /// How far it is.
    type Report: Serialize + DeserializeOwned + Send + Sync;

    /// The run's id.
    fn id(&self) -> Uuid;
    /// What every report says.
    fn state(report: &Self::Report) -> State<'_>;
    /// The report of a run that ended without what it was for.
    fn failed(error: String) -> Self::Report;
}

/// What the reports of all kinds say.
pub(crate) struct State<'r> {
    pub(crate) status: TrainingStatus,
    pub(crate) progress: f64,
    pub(crate) error: Option<&'r str>,
}

/// Sees runs through. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Runs {
    api: ServiceClient,
    ml: ServiceClient,
    poll: Duration,
}

/// Why a run does not go on.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("The {0} is gone, perhaps with its assistant.")]
    Gone(&'static str),
    /// `ml` has tried and says why it cannot.
    #[error("{0}")]
    Failed(String),
    #[error("{CANCELLED}")]
    Cancelled,
    #[error("It took longer than {} minutes; use less data or fewer folds.", .0.as_secs() / 60)]
    TooLong(Duration),
    #[error("{}", refusal(.0))]
    Call(#[from] ClientError),
}

impl From<RunError> for JobError {
    fn from(error: RunError) -> Self {
        let later = match &error {
            RunError::Gone(_)
            | RunError::Failed(_)
            | RunError::Cancelled
            | RunError::TooLong(_) => false,
            RunError::Call(error) => is_for_now(error),
        };
        if later {
            Self::retry(error)
        } else {
            Self::fail(error)
        }
    }
}

/// What a refusal means to who started the run: the detail, if there is one for clients.
fn refusal(error: &ClientError) -> String {
    match error.code() {
        ErrorCode::Internal => "A service could not do its part.".to_owned(),
        ErrorCode::Unavailable | ErrorCode::RateLimited => error.to_string(),
        _ => error.problem().detail,
    }
}

fn path<R: Run>(run: Uuid) -> String {
    format!("/internal/v1/{}s/{run}", R::NAME)
}

impl Runs {
    pub(crate) fn new(api: ServiceClient, ml: ServiceClient, poll: Duration) -> Self {
        Self { api, ml, poll }
    }

    /// Tells `api` of runs that end without what they were for.
    pub(crate) fn observer(&self) -> impl Observer + use<> {
        Teller { runs: self.clone() }
    }

    /// Tells `api` of a run whose job was cancelled before it ran. If `api` cannot be told, it hears of it when the job is
    /// cancelled once more, or finds out itself, because it hears no more of it.
    pub(crate) async fn tell_cancelled(&self, job: &StoredJob) {
        let told = match job.kind.as_str() {
            Train::KIND => self.tell_cancelled_of::<Train>(job).await,
            Evaluate::KIND => self.tell_cancelled_of::<Evaluate>(job).await,
            _ => return,
        };
        if let Err(error) = told {
            tracing::warn!(%error, kind = job.kind, "api was not told of a cancelled job");
        }
    }

    async fn tell_cancelled_of<R: Run>(&self, job: &StoredJob) -> Result<(), ClientError> {
        let Ok(run) = R::decode(R::VERSION, &job.payload) else {
            return Ok(());
        };
        if job.attempts > 0 {
            // An attempt may have left it there.
            self.cancel::<R>(run.id()).await;
        }
        self.tell_end::<R>(run.id(), CANCELLED.to_owned()).await
    }

    /// Tells `api` that a run has ended without what it was for. One that is gone, or has ended already, needs no more
    /// news.
    async fn tell_end<R: Run>(&self, run: Uuid, error: String) -> Result<(), ClientError> {
        match tell::<R>(&self.api, run, &R::failed(error)).await {
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::Conflict) => {
                Ok(())
            }
            other => other,
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
        let path = format!("{}/reopening", path::<Train>(train.training_id));
        self.api.put(&path, &serde_json::json!({})).await
    }

    /// Sees a run through to its end.
    pub(crate) async fn run<R: Run>(self, run: R, job: JobContext) -> Result<(), JobError> {
        let id = run.id();
        let stop = tokio::select! {
            ended = self.see_through::<R>(id, &job) => return Ok(ended?),
            stop = job.stopped() => stop,
        };
        Err(JobError::from(match stop {
            // `ml` is told when the job has ended, whether this attempt had begun or not.
            Stop::Cancelled => RunError::Cancelled,
            Stop::SoftTimeLimit => RunError::TooLong(R::SOFT_TIME_LIMIT.unwrap_or_default()),
        }))
    }

    async fn see_through<R: Run>(&self, run: Uuid, job: &JobContext) -> Result<(), RunError> {
        let snapshot: R::Snapshot = self.snapshot::<R>(run).await?;
        let mut report = self.start::<R>(run, &snapshot).await?;
        let mut told = None;
        loop {
            let state = R::state(&report);
            match state.status {
                TrainingStatus::Succeeded => return self.tell::<R>(run, &report).await,
                TrainingStatus::Failed => {
                    let unknown = || format!("The {} failed without saying why.", R::NAME);
                    let error = state.error.map_or_else(unknown, str::to_owned);
                    return Err(RunError::Failed(error));
                }
                TrainingStatus::Queued | TrainingStatus::Running => {}
            }
            let progress = state.progress;
            if told.is_none_or(|told| progress >= told + STEP) {
                self.tell::<R>(run, &report).await?;
                job.progress(progress);
                told = Some(progress);
            }
            tokio::time::sleep(self.poll).await;
            report = self.look::<R>(run, &snapshot).await?;
        }
    }

    async fn snapshot<R: Run>(&self, run: Uuid) -> Result<R::Snapshot, RunError> {
        let api = self.api.clone().with_timeout(SNAPSHOT_TIMEOUT);
        match api.get(&format!("{}/snapshot", path::<R>(run))).await {
            Err(error) if error.is_not_found() => Err(RunError::Gone(R::NAME)),
            other => Ok(other?),
        }
    }

    async fn start<R: Run>(
        &self,
        run: Uuid,
        snapshot: &R::Snapshot,
    ) -> Result<R::Report, RunError> {
        let ml = self.ml.clone().with_timeout(SNAPSHOT_TIMEOUT);
        Ok(ml.put(&path::<R>(run), snapshot).await?)
    }

    /// How far it is. If `ml` knows nothing of it any more, because the process that worked on
    /// it is gone, it is started again.
    async fn look<R: Run>(&self, run: Uuid, snapshot: &R::Snapshot) -> Result<R::Report, RunError> {
        match self.ml.get(&path::<R>(run)).await {
            Err(error) if error.is_not_found() => self.start::<R>(run, snapshot).await,
            other => Ok(other?),
        }
    }

    /// Lets `ml` stop. If it cannot be told, it works in vain, and nobody asks for what it gives.
    async fn cancel<R: Run>(&self, run: Uuid) {
        let ml = self.ml.clone().with_timeout(CANCEL_TIMEOUT);
        let path = path::<R>(run);
        let told = tokio::time::timeout(CANCEL_TIMEOUT, ml.delete(&path));
        if !matches!(told.await, Ok(Ok(()))) {
            tracing::warn!(kind = R::NAME, %run, "ml was not told that a run is not wanted any more");
        }
    }

    async fn tell<R: Run>(&self, run: Uuid, report: &R::Report) -> Result<(), RunError> {
        match tell::<R>(&self.api, run, report).await {
            Err(error) if error.is_not_found() => Err(RunError::Gone(R::NAME)),
            other => Ok(other?),
        }
    }
}

async fn tell<R: Run>(
    api: &ServiceClient,
    run: Uuid,
    report: &R::Report,
) -> Result<(), ClientError> {
    api.put(&path::<R>(run), report).await
}

struct Teller {
    runs: Runs,
}

impl Teller {
    /// Tells `api` that a run has ended without what it was for, whatever the reason was; and `ml`, where this attempt or
    /// one before may have left it.
    async fn tell_failure<R: Run>(
        &self,
        job: &JobContext,
        error: String,
    ) -> Result<(), ClientError> {
        let Ok(run) = job.payload::<R>() else {
            return Ok(());
        };
        self.runs.cancel::<R>(run.id()).await;
        self.runs.tell_end::<R>(run.id(), error).await
    }
}

/// Why a job ended without success, in words for its account.
pub(crate) fn final_failure(job: &Envelope, outcome: &Outcome) -> Option<String> {
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
        Box::pin(async move {
            let Some(error) = final_failure(&job.envelope, outcome) else {
                return Ok(());
            };
            match job.envelope.kind.as_str() {
                Train::KIND => self.tell_failure::<Train>(job, error).await?,
                Evaluate::KIND => self.tell_failure::<Evaluate>(job, error).await?,
                Deliver::KIND => webhooks::tell_end(&self.runs.api, job, outcome).await?,
                _ => transfers::tell_end(&self.runs.api, job, outcome).await?,
            }
            Ok(())
        })
    }
}
