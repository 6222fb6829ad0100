//! The built-in engine: a version of the assistant's own model, which `ml` serves.

use super::EngineError;
use crate::answers::Answers;
use crate::rollout::Rollouts;
use crate::said::Said;
use stoa_contracts::assistants::AssistantRuntime;
use stoa_contracts::parse::{ParseResult, ParseWithModel};

/// Asks versions of models. Cheap to clone.
#[derive(Clone)]
pub(crate) struct BuiltIn {
    pub(crate) answers: Answers,
    pub(crate) rollouts: Rollouts,
}

impl BuiltIn {
    /// What an utterance means to the version that answers its conversation.
    pub(super) async fn ask(
        &self,
        assistant: &AssistantRuntime,
        said: &Said,
    ) -> Result<ParseResult, EngineError> {
        let active = assistant.active_model.ok_or(EngineError::NoModel)?;
        let settings = &assistant.understanding;
        let zone = said.time_zone.as_ref().or(settings.time_zone.as_ref());
        let mut input = ParseWithModel {
            assistant_id: assistant.id,
            model_version: Rollouts::choose(assistant, active, said.key()),
            text: said.text.clone(),
            reference_time: said.reference_time,
            time_zone: zone.cloned(),
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
        Ok(answer)
    }
}
