//! What the handlers share.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use stoa_contracts::{Coded, ErrorCode};
use stoa_idempotency::Keys;
use stoa_service::{Clock, Context, Operators, TokenError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{
    Settings, oidc::Oidc, passwords::Passwords, revocations::Alarm, room::Room, secrets::Sealer,
    tokens::Tokens, transfers::Task,
};

/// Documents that are read or written at a time: each may take 40 MB and a core.
const DOCUMENTS: usize = 2;
/// Of those, which are loaded from the database: each may be as large as an import, and take 150 MB.
const LOADED: usize = 1;
/// Uploads of files that come in at a time: each takes 2 MB.
const UPLOADS: usize = 8;
/// How long a document waits for its turn.
const DOCUMENT_WAIT: Duration = Duration::from_secs(5);

/// What the handlers share; cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
    pub(crate) sealer: Sealer,
    /// Who may make accounts.
    pub(crate) operators: Operators,
    /// The provider through which people sign in, if there is one.
    pub(crate) oidc: Option<Arc<Oidc>>,
    /// Wakes gateways that wait for revocations.
    pub(crate) revocations: Alarm,
    /// Wakes the relay of the outbox.
    pub(crate) outbox: Arc<Notify>,
    /// Whether webhooks may be `http`.
    pub(crate) webhook_http: bool,
    /// Whether engines may be `http`.
    pub(crate) engine_http: bool,
    /// How long API keys are kept after they were revoked.
    pub(crate) revoked_keys_kept: Duration,
    /// Where imports and exports wait that this process has claimed.
    pub(crate) transfers: mpsc::Sender<Task>,
    /// Held by uploads while they come in.
    pub(crate) uploads: Arc<Semaphore>,
    /// How long an utterance stays in the inbox after it was last said.
    pub(crate) inbox_kept: Duration,
    /// What was asked with an `Idempotency-Key`.
    pub(crate) keys: Keys,
    /// For documents that come in and answers that go out.
    pub(crate) room: Room,
    documents: Arc<Semaphore>,
    loaded: Arc<Semaphore>,
}

/// Work on a document that could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentWorkError {
    #[error("too many documents are being worked on")]
    Busy,
    #[error("the work on a document crashed")]
    Crashed(#[from] tokio::task::JoinError),
}

impl Coded for DocumentWorkError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Busy => ErrorCode::Unavailable,
            Self::Crashed(_) => ErrorCode::Internal,
        }
    }
}

impl Api {
    pub(crate) fn new(
        pool: PgPool,
        settings: &Settings,
        context: &Context,
        transfers: mpsc::Sender<Task>,
    ) -> Result<Self, TokenError> {
        let oidc = settings.oidc.clone();
        let keys = Keys::new(pool.clone(), context);
        let oidc = oidc.map(|oidc| Arc::new(Oidc::new(oidc, context.clock.clone())));
        Ok(Self {
            pool,
            clock: context.clock.clone(),
            tokens: Tokens::new(&settings.signing_key)?,
            passwords: Passwords::new(),
            sealer: Sealer::new(&settings.signing_key),
            operators: settings.operators,
            oidc,
            revocations: Alarm::new(),
            outbox: Arc::new(Notify::new()),
            webhook_http: settings.webhook_http,
            engine_http: settings.engine_http,
            revoked_keys_kept: settings.api_key_retention,
            transfers,
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            inbox_kept: settings.inbox_retention,
            keys,
            room: Room::new(context),
            documents: Arc::new(Semaphore::new(DOCUMENTS)),
            loaded: Arc::new(Semaphore::new(LOADED)),
        })
    }

    /// Runs work on a document on a blocking thread, a few at a time.
    pub(crate) async fn on_document<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DocumentWorkError> {
        self.document_turn().await?.run(work).await
    }

    /// A turn to work on a document, for who holds it before and after that as well.
    pub(crate) async fn document_turn(&self) -> Result<Turn, DocumentWorkError> {
        self.turn(async { None }).await
    }

    /// A turn to work on a document that is loaded. However many want one, and whatever they wait for in it, a turn is left for
    /// documents that come in.
    pub(crate) async fn loading_turn(&self) -> Result<Turn, DocumentWorkError> {
        self.turn(async { Some(held(&self.loaded).await) }).await
    }

    async fn turn(
        &self,
        first: impl Future<Output = Option<OwnedSemaphorePermit>>,
    ) -> Result<Turn, DocumentWorkError> {
        let turn = async { (first.await, held(&self.documents).await) };
        let turn = tokio::time::timeout(DOCUMENT_WAIT, turn).await;
        let turn = turn.map_err(|_| DocumentWorkError::Busy)?;
        Ok(Turn(Arc::new(turn)))
    }
}

async fn held(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let permit = semaphore.clone().acquire_owned().await;
    permit.expect("the semaphore is never closed")
}

/// A turn to work on a document, which lasts as long as this and what it runs.
pub(crate) struct Turn(Arc<(Option<OwnedSemaphorePermit>, OwnedSemaphorePermit)>);

impl Turn {
    /// Runs work on the document on a blocking thread.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DocumentWorkError> {
        // Work goes on when the client leaves.
        let turn = self.0.clone();
        let task = move || {
            let _turn = turn;
            work()
        };
        Ok(tokio::task::spawn_blocking(task).await?)
    }
}
