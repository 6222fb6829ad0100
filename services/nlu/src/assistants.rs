//! Which version of which assistant's model answers: asked of `api`, remembered for a second.

use crate::coalescing::share;
use moka::future::Cache;
use std::sync::Arc;
use std::time::Duration;
use stoa_client::ClientError;
use stoa_client::ServiceClient;
use stoa_contracts::Coded;
use stoa_contracts::assistants::AssistantRuntime;
use stoa_contracts::{ErrorCode, Problem};
use uuid::Uuid;

/// How soon an activation reaches every replica.
const FRESH: Duration = Duration::from_secs(1);
/// Assistants that are remembered; each takes less than a kibibyte.
const REMEMBERED: u64 = 10_000;

/// The assistants, as `api` knows them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Assistants {
    api: ServiceClient,
    fresh: Cache<Uuid, Arc<AssistantRuntime>>,
}

/// Why an assistant cannot be had. Requests that waited for the same answer share it.
#[derive(Debug, thiserror::Error)]
#[error("the assistant cannot be looked up")]
pub(crate) struct LookupError(#[source] Arc<ClientError>);

impl Coded for LookupError {
    fn code(&self) -> ErrorCode {
        self.0.code()
    }

    fn problem(&self) -> Problem {
        match self.code() {
            ErrorCode::NotFound => Problem::new(ErrorCode::NotFound, "There is no such assistant."),
            code => Problem::new(code, code.title()),
        }
    }
}

impl Assistants {
    /// Asks this `api`.
    pub(crate) fn new(api: ServiceClient) -> Self {
        let fresh = Cache::builder()
            .max_capacity(REMEMBERED)
            .time_to_live(FRESH)
            .build();
        Self { api, fresh }
    }

    /// An assistant, at most a second old; requests that come meanwhile share one question.
    pub(crate) async fn get(&self, id: Uuid) -> Result<Arc<AssistantRuntime>, LookupError> {
        let path = format!("/internal/v1/assistants/{id}");
        let ask = || async { self.api.get::<AssistantRuntime>(&path).await.map(Arc::new) };
        let answer = share(&self.fresh, &id, self.api.timeout(), ask).await;
        answer.map_err(LookupError)
    }
}
