//! What clients of Rasa speak: the key selects the assistant.
//!
//! Held against the description that Rasa 3 publishes of its server. Errors stay problems (RFC 9457) as everywhere:
//! `status` and `code` mean other things in Rasa's form of them, and the gateway refuses before a request comes here.

use crate::engines;
use crate::said::Said;
use crate::understand::{Nlu, UnderstandError};
use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};
use stoa_contracts::parse::{Entity, Intent, RankedIntent, TEXT_LIMIT};
use stoa_contracts::{ErrorCode, FieldError};
use stoa_service::{AnyJson, Identity, Json, Problem, Query, responses};
use utoipa::ToSchema;

/// What a client of Rasa may ask for by the query.
#[derive(Debug, Deserialize, Validate)]
pub(crate) struct RasaQuery {
    /// Whose answers Rasa should imitate.
    #[garde(skip)]
    emulation_mode: Option<String>,
}

/// Input of `parse_rasa`.
#[derive(Debug, Deserialize, Validate, ToSchema)]
pub(crate) struct RasaParse {
    /// The utterance.
    #[garde(length(chars, min = 1, max = TEXT_LIMIT))]
    #[schema(min_length = 1, max_length = 10000, example = "my meter shows 48213")]
    text: String,
    /// Comes back with the answer.
    #[garde(inner(length(chars, max = 200)))]
    #[schema(max_length = 200)]
    message_id: Option<String>,
}

/// What an utterance means, in Rasa's words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RasaParsed {
    /// The utterance as it came.
    text: String,
    /// The most probable intent; its name is null when the utterance is out of scope.
    intent: Intent,
    /// The most probable intents, best first.
    intent_ranking: Vec<RankedIntent>,
    /// The entities, in the order of the text.
    entities: Vec<Entity>,
    /// What came with the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
}

/// The model that answers, in Rasa's words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RasaStatus {
    /// The version of the assistant's active model; the sort of engine, where one elsewhere is asked first.
    #[schema(example = "3")]
    model_id: String,
    /// The model, as a file that Rasa would have.
    #[schema(example = "018f0c4e-7d3a-7cc1-9d6f-0a4b1c2d3e4f/3")]
    model_file: String,
    /// Trainings do not run here.
    num_active_training_jobs: u32,
}

/// Understand an utterance (Rasa)
#[utoipa::path(
    post, path = "/model/parse", operation_id = "parse_rasa", tag = "rasa",
    request_body = RasaParse,
    responses((status = 200, body = RasaParsed, description = "What it means"), responses::Write)
)]
pub(crate) async fn parse_rasa(
    State(nlu): State<Nlu>,
    identity: Identity,
    Query(query): Query<RasaQuery>,
    AnyJson(input): AnyJson<RasaParse>,
) -> Result<Json<RasaParsed>, Problem> {
    if query.emulation_mode.is_some() {
        return Err(no_emulation());
    }
    let assistant = nlu.own_assistant(&identity).await?;
    let result = nlu.understand(&assistant, Said::now(input.text)).await?;
    Ok(Json(RasaParsed {
        text: result.text,
        intent: result.intent,
        intent_ranking: result.intent_ranking,
        entities: result.entities,
        message_id: input.message_id,
    }))
}

fn no_emulation() -> Problem {
    let detail = "Answers come in Rasa's own form only: leave `emulation_mode` out of the query.";
    let place = FieldError {
        message: "emulation_mode is not supported".to_owned(),
        ..FieldError::default()
    };
    Problem::new(ErrorCode::Invalid, detail)
        .with_status(axum::http::StatusCode::BAD_REQUEST)
        .with_errors(vec![place])
}

/// Get the model that answers (Rasa)
#[utoipa::path(
    get, path = "/status", operation_id = "get_rasa_status", tag = "rasa",
    responses(
        (status = 200, body = RasaStatus, description = "The model that answers"),
        (status = 409, body = stoa_contracts::Problem, content_type = "application/problem+json",
            description = "The assistant has no active model"),
        responses::Read
    )
)]
pub(crate) async fn get_rasa_status(
    State(nlu): State<Nlu>,
    identity: Identity,
) -> Result<Json<RasaStatus>, Problem> {
    let assistant = nlu.own_assistant(&identity).await?;
    let model_id = engines::first_model(&assistant).map_err(UnderstandError::from)?;
    Ok(Json(RasaStatus {
        model_file: format!("{}/{model_id}", assistant.id),
        model_id,
        num_active_training_jobs: 0,
    }))
}
