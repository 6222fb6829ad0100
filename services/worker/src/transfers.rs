//! The jobs `import` and `export`: have `api` take a file of training data in, or write one, and wait until it has.
//!
//! Twice is the same as once: `api` keeps the file and how far it is, lets it go on where it does not already, and commits
//! its effect together with its end. So asking how far it is and starting it are one call, made again and again.

use std::time::Duration;
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::jobs::Payload;
use stoa_contracts::transfers::{
    ExportTrainingData, ImportTrainingData, TransferState, TransferStatus,
};
use stoa_queue::store::{DeadJob, StoredJob};
use stoa_queue::{Job, JobContext, JobError, Outcome};
use uuid::Uuid;

use crate::refusals::is_for_now;
use crate::runs::{CANCELLED, final_failure};

/// A kind of them: the payload of its job.
pub(crate) trait Transfer: Payload {
    /// What it is called.
    const NAME: &'static str;

    /// Its id.
    fn id(&self) -> Uuid;
}

impl Transfer for ImportTrainingData {
    const NAME: &'static str = "import";

    fn id(&self) -> Uuid {
        self.import_id
    }
}

impl Transfer for ExportTrainingData {
    const NAME: &'static str = "export";

    fn id(&self) -> Uuid {
        self.export_id
    }
}

impl Job<Transfers> for ImportTrainingData {
    async fn run(self, transfers: Transfers, job: JobContext) -> Result<(), JobError> {
        transfers.run(self, job).await
    }
}

impl Job<Transfers> for ExportTrainingData {
    async fn run(self, transfers: Transfers, job: JobContext) -> Result<(), JobError> {
        transfers.run(self, job).await
    }
}

/// Sees them through. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Transfers {
    api: ServiceClient,
    poll: Duration,
}

/// Why one does not go on.
#[derive(Debug, thiserror::Error)]
enum TransferError {
    #[error("The {0} is gone, perhaps with its assistant.")]
    Gone(&'static str),
    /// `api` says why: the file is wrong, say.
    #[error("{0}")]
    Ended(String),
    #[error("{CANCELLED}")]
    Cancelled,
    #[error("{0}")]
    Call(#[from] ClientError),
}

impl From<TransferError> for JobError {
    fn from(error: TransferError) -> Self {
        let later = match &error {
            TransferError::Gone(_) | TransferError::Ended(_) | TransferError::Cancelled => false,
            TransferError::Call(error) => is_for_now(error),
        };
        if later {
            Self::retry(error)
        } else {
            Self::fail(error)
        }
    }
}

impl Transfers {
    pub(crate) fn new(api: ServiceClient, poll: Duration) -> Self {
        Self { api, poll }
    }

    /// Sees one through to its end.
    async fn run<T: Transfer>(self, job: T, context: JobContext) -> Result<(), JobError> {
        tokio::select! {
            ended = self.see_through::<T>(job.id()) => Ok(ended?),
            // `api` is told when the job has ended, and then what it works on has no effect any more.
            _ = context.stopped() => Err(TransferError::Cancelled.into()),
        }
    }

    async fn see_through<T: Transfer>(&self, id: Uuid) -> Result<(), TransferError> {
        let path = format!("{}/run", path(id));
        let nothing = serde_json::json!({});
        loop {
            let answer = self.api.put::<TransferState>(&path, &nothing);
            let state = match answer.await {
                Err(error) if error.is_not_found() => return Err(TransferError::Gone(T::NAME)),
                other => other?,
            };
            match state.status {
                TransferStatus::Succeeded => return Ok(()),
                TransferStatus::Failed | TransferStatus::Cancelled => {
                    let unknown = || format!("The {} failed without saying why.", T::NAME);
                    return Err(TransferError::Ended(state.error.unwrap_or_else(unknown)));
                }
                TransferStatus::Queued | TransferStatus::Running => {}
            }
            tokio::time::sleep(self.poll).await;
        }
    }

    /// Tells `api` of one whose job was cancelled before it ran; other jobs have none.
    pub(crate) async fn tell_cancelled(&self, job: &StoredJob) {
        let Some(id) = id_of(&job.kind, &job.payload) else {
            return;
        };
        let cancelled = TransferState {
            status: TransferStatus::Cancelled,
            error: Some(CANCELLED.to_owned()),
        };
        if let Err(error) = tell(&self.api, id, &cancelled).await {
            tracing::warn!(%error, kind = job.kind, "api was not told of a cancelled job");
        }
    }

    /// Lets the import or export of a job that has ended begin anew in `api`; other jobs have none.
    pub(crate) async fn reopen(&self, job: &DeadJob) -> Result<(), ClientError> {
        let Some(id) = id_of(&job.kind, &job.payload) else {
            return Ok(());
        };
        let path = format!("{}/reopening", path(id));
        self.api.put(&path, &serde_json::json!({})).await
    }
}

/// Tells `api` that the job of an import or export has ended without success, if it has; other jobs have none.
pub(crate) async fn tell_end(
    api: &ServiceClient,
    job: &JobContext,
    outcome: &Outcome,
) -> Result<(), ClientError> {
    let (envelope, id) = (&job.envelope, transfer_of(job));
    let (Some(id), Some(error)) = (id, final_failure(envelope, outcome)) else {
        return Ok(());
    };
    let status = match outcome {
        Outcome::Cancelled => TransferStatus::Cancelled,
        _ => TransferStatus::Failed,
    };
    let error = Some(error);
    match tell(api, id, &TransferState { status, error }).await {
        // One that is gone needs no more news.
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

fn transfer_of(job: &JobContext) -> Option<Uuid> {
    match job.envelope.kind.as_str() {
        ImportTrainingData::KIND => job.payload::<ImportTrainingData>().ok().map(|job| job.id()),
        ExportTrainingData::KIND => job.payload::<ExportTrainingData>().ok().map(|job| job.id()),
        _ => None,
    }
}

fn id_of(kind: &str, payload: &[u8]) -> Option<Uuid> {
    fn read<T: Transfer>(payload: &[u8]) -> Option<Uuid> {
        T::decode(T::VERSION, payload).ok().map(|job| job.id())
    }
    match kind {
        ImportTrainingData::KIND => read::<ImportTrainingData>(payload),
        ExportTrainingData::KIND => read::<ExportTrainingData>(payload),
        _ => None,
    }
}

async fn tell(api: &ServiceClient, id: Uuid, state: &TransferState) -> Result<(), ClientError> {
    api.put(&path(id), state).await
}

fn path(id: Uuid) -> String {
    format!("/internal/v1/transfers/{id}")
}
