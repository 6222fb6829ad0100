//! Imports and exports: files of training data, worked on beside the requests, one at a time in this process.
//!
//! `worker` has them go on (`handlers::internal_routes::transfers`) and asks how far they are. Who works on one has claimed it
//! for a time, so a process that dies leaves it to the next. Two copies of a job, or two processes, do no harm: the
//! effect is committed together with the end, and there is one end.

mod ending;
mod export;
mod import;
pub(crate) mod parts;

use stoa_contracts::{
    Coded, ErrorCode,
    transfers::{DataFormat, ImportMode, TransferState, TransferStatus},
};
use stoa_postgres::{DatabaseError, traced};
use stoa_service::{BoxError, Problem};
use time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

pub(crate) use ending::{Ending, GivenUp};

use crate::{
    state::{Api, DocumentWorkError},
    stored,
};

/// How long a claim holds: the largest file takes some seconds, on a busy machine half a minute.
const CLAIM: Duration = Duration::minutes(2);
/// How long one rests of which the work failed because something was away.
const REST: Duration = Duration::seconds(10);
/// How often one is begun that ends with its process, or breaks.
const STARTS: i32 = 3;

/// One that this process has claimed.
pub(crate) struct Task {
    id: Uuid,
    span: tracing::Span,
}

/// Where claimed ones wait: one at most, beside the one that is worked on.
pub(crate) fn line() -> (mpsc::Sender<Task>, mpsc::Receiver<Task>) {
    mpsc::channel(1)
}

/// Lets one go on, if this process has room for it and nobody else works on it; and says how far it is.
pub(crate) async fn advance(api: &Api, id: Uuid) -> Result<TransferState, Problem> {
    if let Ok(place) = api.transfers.try_reserve()
        && claim(api, id).await?
    {
        let span = tracing::Span::current();
        place.send(Task { id, span });
    }
    state(api, id).await
}

async fn claim(api: &Api, id: Uuid) -> Result<bool, DatabaseError> {
    let now = api.clock.now();
    let update = sqlx::query_scalar!(
        "UPDATE transfers SET status = 'running', starts = starts + 1, claimed_until = $3, updated_at = $2
         WHERE id = $1 AND status IN ('queued', 'running')
             AND (claimed_until IS NULL OR claimed_until < $2)
         RETURNING starts",
        id,
        now,
        now + CLAIM,
    );
    let starts = traced("transfer.claim", update.fetch_optional(&api.pool)).await?;
    if starts.is_some_and(|starts| starts > STARTS) {
        let why = format!("Given up: a service broke {STARTS} times while it worked on this file.");
        Ending::failed(why).end(api, id).await?;
        return Ok(false);
    }
    Ok(starts.is_some())
}

async fn state(api: &Api, id: Uuid) -> Result<TransferState, Problem> {
    let select = sqlx::query!("SELECT status, error FROM transfers WHERE id = $1", id);
    let found = traced("transfer.state", select.fetch_optional(&api.pool)).await?;
    let row = found.ok_or_else(|| Problem::not_found("import or export"))?;
    Ok(TransferState {
        status: stored::transfer_status(&row.status),
        error: row.error,
    })
}

/// Works on those that are claimed until the token is cancelled; what still waits then goes to another process.
pub(crate) async fn run(
    api: Api,
    mut tasks: mpsc::Receiver<Task>,
    token: CancellationToken,
) -> Result<(), BoxError> {
    loop {
        let task = tokio::select! {
            () = token.cancelled() => break,
            task = tasks.recv() => task,
        };
        let Some(Task { id, span }) = task else { break };
        work(&api, id).instrument(span).await;
    }
    tasks.close();
    while let Ok(Task { id, .. }) = tasks.try_recv() {
        rest(&api, id, Duration::ZERO, 1).await;
    }
    Ok(())
}

/// Why the work on one stopped.
#[derive(Debug, thiserror::Error)]
enum WorkError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Document(#[from] DocumentWorkError),
    #[error("the training data is changed faster than a file can be added to it")]
    Overtaken,
}

impl Coded for WorkError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Database(error) => error.code(),
            Self::Document(error) => error.code(),
            Self::Overtaken => ErrorCode::Unavailable,
        }
    }
}

async fn work(api: &Api, id: Uuid) {
    let Err(error) = attempt(api, id).await else {
        return;
    };
    tracing::warn!(transfer = %id, %error, source = ?error, "the work on a file is tried again");
    // What is away comes back; what is broken is tried a few times.
    let forgiven = i32::from(error.code() == ErrorCode::Unavailable);
    rest(api, id, REST, forgiven).await;
}

async fn attempt(api: &Api, id: Uuid) -> Result<(), WorkError> {
    let Some(transfer) = Transfer::load(api, id).await? else {
        return Ok(());
    };
    match transfer.mode {
        Some(mode) => import::run(api, &transfer, mode).await,
        None => export::run(api, &transfer).await,
    }
}

/// Gives one back, for a while; `forgiven` of its starts do not count.
async fn rest(api: &Api, id: Uuid, time: Duration, forgiven: i32) {
    let update = sqlx::query!(
        "UPDATE transfers SET claimed_until = $2, starts = greatest(starts - $3, 0) WHERE id = $1",
        id,
        api.clock.now() + time,
        forgiven,
    );
    if let Err(error) = traced("transfer.rest", update.execute(&api.pool)).await {
        tracing::warn!(transfer = %id, %error, "a file stays claimed until the claim expires");
    }
}

/// What is worked on.
struct Transfer {
    id: Uuid,
    account: Uuid,
    assistant: Uuid,
    by: Uuid,
    /// None for an export.
    mode: Option<ImportMode>,
    format: DataFormat,
    base_version: i32,
    /// The size of the file of an import.
    bytes: i64,
}

impl Transfer {
    /// None if it is gone, or has ended.
    async fn load(api: &Api, id: Uuid) -> Result<Option<Self>, DatabaseError> {
        let select = sqlx::query!(
            "SELECT a.account_id, t.assistant_id, t.mode, t.format, t.base_version, t.bytes, t.status, t.created_by
             FROM transfers t JOIN assistants a ON a.id = t.assistant_id WHERE t.id = $1",
            id,
        );
        let found = traced("transfer.load", select.fetch_optional(&api.pool)).await?;
        let open = found.filter(|row| {
            let status = stored::transfer_status(&row.status);
            matches!(status, TransferStatus::Queued | TransferStatus::Running)
        });
        Ok(open.map(|row| Self {
            id,
            account: row.account_id,
            assistant: row.assistant_id,
            by: row.created_by,
            mode: row.mode.as_deref().map(stored::import_mode),
            format: stored::data_format(&row.format),
            base_version: row.base_version,
            bytes: row.bytes.unwrap_or(0),
        }))
    }
}
