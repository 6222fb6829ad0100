//! Assistants and their compiled flows, as `api` has them.

use crate::engine::Program;
use moka::future::Cache;
use std::sync::Arc;
use std::time::Duration;
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::assistants::{AssistantRuntime, FlowsRevision};
use stoa_contracts::{Coded, ErrorCode};
use stoa_service::Clock;
use time::OffsetDateTime;
use uuid::Uuid;

/// How old the knowledge about an assistant may be: what a designer saves is heard by the next
/// message but one.
const FRESH: Duration = Duration::from_secs(1);

/// How long that knowledge serves while `api` is away.
const STALE: Duration = Duration::from_mins(10);

/// Assistants that talk at the same time on one replica.
const ASSISTANTS: u64 = 1_000;

/// An assistant that cannot talk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssistantError {
    /// There is no such assistant in the account.
    #[error("There is no such assistant.")]
    Unknown,
    /// It has no flows.
    #[error("The assistant has no flows yet: upload some before talking to it.")]
    Mute,
    /// `api` said so.
    #[error(transparent)]
    Api(#[from] Arc<ClientError>),
}

impl Coded for AssistantError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown => ErrorCode::NotFound,
            Self::Mute => ErrorCode::Conflict,
            Self::Api(error) => error.code(),
        }
    }
}

/// What is known of an assistant, and since when.
#[derive(Clone)]
struct Known {
    runtime: Arc<AssistantRuntime>,
    since: OffsetDateTime,
}

/// Assistants and their compiled flows; cheap to clone.
#[derive(Clone)]
pub(crate) struct Assistants {
    api: ServiceClient,
    clock: Clock,
    known: Cache<Uuid, Known>,
    programs: Cache<(Uuid, i32), Arc<Program>>,
}

impl Assistants {
    pub(crate) fn new(api: ServiceClient, clock: Clock) -> Self {
        let known = Cache::builder()
            .max_capacity(ASSISTANTS)
            .time_to_live(STALE);
        let programs = Cache::builder()
            .max_capacity(ASSISTANTS)
            .time_to_idle(STALE);
        Self {
            api,
            clock,
            known: known.build(),
            programs: programs.build(),
        }
    }

    /// Refuses an assistant of another account.
    pub(crate) async fn require(&self, id: Uuid, account: Uuid) -> Result<(), AssistantError> {
        let runtime = self.runtime(id).await?;
        if runtime.account_id != account {
            return Err(AssistantError::Unknown);
        }
        Ok(())
    }

    /// The flows of an assistant in their present revision, compiled.
    pub(crate) async fn program(&self, id: Uuid) -> Result<Arc<Program>, AssistantError> {
        let runtime = self.runtime(id).await?;
        let version = runtime.flows_version.ok_or(AssistantError::Mute)?;
        let load = async {
            let path = format!("/internal/v1/assistants/{id}/flows");
            let revision: FlowsRevision = self.api.get(&path).await?;
            Ok(Arc::new(Program::compile(revision.version, revision.flows)))
        };
        Ok(self.programs.try_get_with((id, version), load).await?)
    }

    async fn runtime(&self, id: Uuid) -> Result<Arc<AssistantRuntime>, AssistantError> {
        let known = self.known.get(&id).await;
        let now = self.clock.now();
        let is_fresh = |known: &&Known| now - known.since < FRESH;
        if let Some(known) = known.as_ref().filter(is_fresh) {
            return Ok(known.runtime.clone());
        }
        let asked = self.api.get(&format!("/internal/v1/assistants/{id}")).await;
        match (asked, known) {
            (Ok(runtime), _) => {
                let runtime: Arc<AssistantRuntime> = Arc::new(runtime);
                let known = Known {
                    runtime: runtime.clone(),
                    since: now,
                };
                self.known.insert(id, known).await;
                Ok(runtime)
            }
            (Err(error), Some(known)) if error.is_transient() => {
                tracing::warn!(%error, "api is away; going on with what was known of an assistant");
                Ok(known.runtime)
            }
            (Err(error), _) if error.is_not_found() => {
                self.known.invalidate(&id).await;
                Err(AssistantError::Unknown)
            }
            (Err(error), _) => Err(AssistantError::Api(Arc::new(error))),
        }
    }
}
