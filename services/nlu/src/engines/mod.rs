//! The engines that understand utterances, behind one call: asked in the assistant's order until one has an answer.

mod built_in;
mod gate;
mod rasa;
mod remotes;

pub(crate) use built_in::BuiltIn;
pub(crate) use remotes::Remotes;

use crate::said::Said;
use metrics::{Unit, counter, describe_counter};
use remotes::{Remote, RemoteError};
use std::sync::Arc;
use stoa_client::ClientError;
use stoa_contracts::assistants::AssistantRuntime;
use stoa_contracts::engines::{EngineKind, KeptEngine};
use stoa_contracts::parse::ParseResult;
use stoa_contracts::{Coded, ErrorCode};

/// Whose assistant has no list, or one that only a later release can read.
const BUILT_IN_ALONE: &[KeptEngine] = &[KeptEngine::Ml {}];

const REQUESTS: &str = "nlu_engine_requests_total";
const ANSWERED: &str = "answered";
const OUTCOMES: [&str; 7] = [
    ANSWERED, "failed", "timeout", "refused", "open", "busy", "no_model",
];

/// Describes the metrics and lets them begin at 0.
pub(crate) fn describe_metrics() {
    let help = "Utterances for an engine, by what became of them.";
    describe_counter!(REQUESTS, Unit::Count, help);
    for kind in EngineKind::ALL {
        for outcome in OUTCOMES {
            counter!(REQUESTS, "engine" => kind.as_str(), "outcome" => outcome).absolute(0);
        }
    }
    remotes::describe_metrics();
}

/// The engines. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Engines {
    pub(crate) built_in: BuiltIn,
    pub(crate) remotes: Remotes,
}

/// Why an engine has no answer. Requests for the same share it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    #[error("The assistant has no active model: train one, or activate one.")]
    NoModel,
    #[error(transparent)]
    BuiltIn(#[from] Arc<ClientError>),
    #[error(transparent)]
    Remote(#[from] Arc<RemoteError>),
}

impl EngineError {
    fn outcome(&self) -> &'static str {
        match self {
            Self::NoModel => "no_model",
            Self::BuiltIn(_) => "failed",
            Self::Remote(error) => error.outcome(),
        }
    }
}

impl Coded for EngineError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoModel => ErrorCode::Conflict,
            // Text and assistant have been checked here: what `ml` refuses is our defect.
            Self::BuiltIn(error) if error.is_transient() => error.code(),
            Self::BuiltIn(_) => ErrorCode::Internal,
            Self::Remote(error) => error.code(),
        }
    }
}

/// The engines of an assistant, in the order in which they are asked.
fn in_order(assistant: &AssistantRuntime) -> &[KeptEngine] {
    match assistant.engines.as_slice() {
        [] => BUILT_IN_ALONE,
        engines => engines,
    }
}

/// What answers as long as it is well: the version of the active model, or the sort of an engine elsewhere.
pub(crate) fn first_model(assistant: &AssistantRuntime) -> Result<String, EngineError> {
    let model = |engine: &KeptEngine| match engine {
        KeptEngine::Ml {} => assistant.active_model.map(|version| version.to_string()),
        KeptEngine::Rasa { .. } => Some(EngineKind::Rasa.as_str().to_owned()),
    };
    let mut models = in_order(assistant).iter().filter_map(model);
    models.next().ok_or(EngineError::NoModel)
}

impl Engines {
    /// What an utterance means to the first engine that has an answer; if none has, why the last one that was asked has
    /// none.
    pub(crate) async fn ask(
        &self,
        assistant: &AssistantRuntime,
        said: &Said,
    ) -> Result<ParseResult, EngineError> {
        let engines = in_order(assistant);
        let mut failure = EngineError::NoModel;
        for (index, engine) in engines.iter().enumerate() {
            let others = index + 1 < engines.len();
            let (kind, answer) = self.ask_one(engine, assistant, said, others).await;
            let outcome = answer
                .as_ref()
                .map_or_else(EngineError::outcome, |_| ANSWERED);
            counter!(REQUESTS, "engine" => kind.as_str(), "outcome" => outcome).increment(1);
            match answer {
                Ok(answer) => return Ok(answer),
                // Nobody was asked: others may have more to say.
                Err(EngineError::NoModel) => {}
                Err(error) => {
                    tracing::debug!(%error, engine = kind.as_str(), "an engine has no answer");
                    failure = error;
                }
            }
        }
        Err(failure)
    }

    async fn ask_one(
        &self,
        engine: &KeptEngine,
        assistant: &AssistantRuntime,
        said: &Said,
        others: bool,
    ) -> (EngineKind, Result<ParseResult, EngineError>) {
        match engine {
            KeptEngine::Ml {} => (EngineKind::Ml, self.built_in.ask(assistant, said).await),
            KeptEngine::Rasa {
                url,
                token,
                timeout_ms,
            } => {
                let remote = Remote::new(assistant.id, url, token.as_deref(), *timeout_ms);
                let answer = self.remotes.ask(&remote, &said.text, others).await;
                (EngineKind::Rasa, answer.map_err(EngineError::from))
            }
        }
    }
}
