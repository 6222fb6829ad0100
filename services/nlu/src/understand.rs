//! From an utterance to what it means: whose it is, the engines, and what is not sure.

use crate::assistants::{Assistants, LookupError};
use crate::engines::{EngineError, Engines};
use crate::inbox::Inbox;
use crate::said::Said;
use crate::thresholds;
use stoa_contracts::assistants::AssistantRuntime;
use stoa_contracts::parse::ParseResult;
use stoa_contracts::{Coded, ErrorCode, Problem};
use stoa_service::Identity;
use uuid::Uuid;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Nlu {
    pub(crate) assistants: Assistants,
    pub(crate) engines: Engines,
    pub(crate) inbox: Inbox,
}

/// Why an utterance is not understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnderstandError {
    #[error("There is no such assistant.")]
    NoAssistant,
    #[error("The access token is not narrowed to an assistant: use the key of one.")]
    NoAssistantInToken,
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Coded for UnderstandError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoAssistant => ErrorCode::NotFound,
            Self::NoAssistantInToken => ErrorCode::Forbidden,
            Self::Lookup(error) => error.code(),
            Self::Engine(error) => error.code(),
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
        let answer = self.engines.ask(assistant, &said).await?;
        let result = thresholds::judge(answer, &assistant.understanding);
        self.inbox.notice(assistant, &result);
        Ok(result)
    }
}
