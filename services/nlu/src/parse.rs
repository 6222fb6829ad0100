//! Our own parse API, for clients and for `conversation`.

use crate::said::Said;
use crate::understand::Nlu;
use axum::extract::State;
use stoa_contracts::parse::{CreateParse, ParseForAssistant, ParseResult};
use stoa_service::{Identity, Json, Path, Problem, responses};
use uuid::Uuid;

/// Understand an utterance
#[utoipa::path(
    post, path = "/api/v1/assistants/{id}/parse", operation_id = "parse", tag = "nlu",
    params(("id" = Uuid, Path, description = "The assistant")),
    request_body = CreateParse,
    responses((status = 200, body = ParseResult, description = "What it means"), responses::Write)
)]
pub(crate) async fn parse(
    State(nlu): State<Nlu>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Json(input): Json<CreateParse>,
) -> Result<Json<ParseResult>, Problem> {
    let assistant = nlu.assistant(&identity, id).await?;
    let said = Said::new(input.text, input.reference_time, input.time_zone)?;
    Ok(Json(nlu.understand(&assistant, said).await?))
}

/// `POST /internal/v1/parse`: what an utterance means, for `conversation`, which knows who asks.
pub(crate) async fn parse_for_assistant(
    State(nlu): State<Nlu>,
    Json(input): Json<ParseForAssistant>,
) -> Result<Json<ParseResult>, Problem> {
    let assistant = nlu.assistants.get(input.assistant_id).await?;
    let said = Said::new(input.text, input.reference_time, input.time_zone)?;
    let said = said.within(input.conversation_id);
    Ok(Json(nlu.understand(&assistant, said).await?))
}
