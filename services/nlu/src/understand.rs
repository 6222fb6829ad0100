//! From an utterance to what it means: which model, the cache, the engine, and what is not sure.

use crate::answers::Answers;
use crate::assistants::{Assistants, LookupError};
use crate::inbox::Inbox;
use crate::rollout::Rollouts;
use crate::said::Said;
use crate::thresholds;
use stoa_client::ClientError;
use stoa_contracts::assistants::AssistantRuntime;
use stoa_contracts::parse::{ParseResult, ParseWithModel};
use stoa_contracts::{Coded, ErrorCode, Problem};
use stoa_service::Identity;
use uuid::Uuid;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Nlu {
    pub(crate) assistants: Assistants,
    pub(crate) answers: Answers,
    pub(crate) inbox: Inbox,
    pub(crate) rollouts: Rollouts,
}

/// Why an utterance is not understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnderstandError {
    #[error("There is no such assistant.")]
    NoAssistant,
    #[error("The assistant has no active model: train one, or activate one.")]
    NoModel,
    #[error("The access token is not narrowed to an assistant: use the key of one.")]
    NoAssistantInToken,
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error("the engine failed")]
    Engine(#[from] ClientError),
}

impl Coded for UnderstandError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoAssistant => ErrorCode::NotFound,
            Self::NoModel => ErrorCode::Conflict,
            Self::NoAssistantInToken => ErrorCode::Forbidden,
            Self::Lookup(error) => error.code(),
            // Text and assistant have been checked here: what an engine refuses is our defect.
            Self::Engine(error) if error.is_transient() => error.code(),
            Self::Engine(_) => ErrorCode::Internal,
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Lookup(error) => error.problem(),
            _ => match self.code() {
                code @ (ErrorCode::Internal | ErrorCode::Unavailable | ErrorCode::RateLimited) => {
                    Problem::new(code, code.title())
                }
                code => Problem::new(code, self.to_string()),
            },
        }
    }
}

impl Nlu {
    /// An assistant that the identity may use. Another account's does not exist.
    pub(crate) async fn assistant(
        &self,
        identity: &Identity,
        id: Uuid,
    ) -> Result<AssistantRuntime, UnderstandError> {
        if identity.assistant.is_some_and(|own| own != id) {
            return Err(UnderstandError::NoAssistant);
        }
        let assistant = self.assistants.get(id).await?;
        if assistant.account_id != identity.account {
            return Err(UnderstandError::NoAssistant);
        }
        Ok(assistant.as_ref().clone())
    }

    /// The assistant that the identity is narrowed to.
    pub(crate) async fn own_assistant(
        &self,
        identity: &Identity,
    ) -> Result<AssistantRuntime, UnderstandError> {
        let id = identity
            .assistant
            .ok_or(UnderstandError::NoAssistantInToken)?;
        self.assistant(identity, id).await
    }

    /// What an utterance of a user means to an assistant.
    pub(crate) async fn understand(
        &self,
        assistant: &AssistantRuntime,
        said: Said,
    ) -> Result<ParseResult, UnderstandError> {
        let active = assistant.active_model.ok_or(UnderstandError::NoModel)?;
        let settings = &assistant.understanding;
        let mut input = ParseWithModel {
            assistant_id: assistant.id,
            model_version: Rollouts::choose(assistant, active, said.key()),
            text: said.text,
            reference_time: said.reference_time,
            time_zone: said.time_zone.or_else(|| settings.time_zone.clone()),
            builtin_entities: settings.builtin_entities.clone(),
        };
        let answer = match self.answers.answer(&input).await {
            // What is tried must not make fail what would not fail without it.
            Err(error) if input.model_version != active && !error.is_transient() => {
                let (assistant, version) = (assistant.id, input.model_version);
                tracing::warn!(
                    %error, assistant.id = %assistant, model.version = version,
                    "a canary cannot answer; the active version does"
                );
                input.model_version = active;
                self.answers.answer(&input).await?
            }
            answer => answer?,
        };
        // Versions are compared by what they say themselves.
        self.rollouts.notice(assistant, input, &answer);
        let result = thresholds::judge(answer, settings);
        self.inbox.notice(assistant, &result);
        Ok(result)
    }
}
