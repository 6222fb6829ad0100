//! The training data of an assistant, in three formats.

use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, header};
use sqlx::types::Json as Stored;
use stoa_contracts::{
    Problem as ProblemBody,
    identity::Role,
    training_data::{TrainingData, TrainingDataSummary},
};
use stoa_postgres::{begin, traced};
use stoa_service::{Identity, Json, Path, Problem, read_body, responses};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{assistants, documents};
use crate::{
    document::Size,
    revisions::NewRevision,
    state::Api,
    training_data::{Format, Reading, read, write},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    let routes = OpenApiRouter::new().routes(routes!(get_training_data, put_training_data));
    documents::with_limit(routes)
}

/// Reads the training data, as JSON, Rasa 3 NLU YAML or CSV.
///
/// CSV holds texts and intents only.
#[utoipa::path(
    get,
    path = "/api/v1/assistants/{id}/training-data",
    tag = "training data",
    params(("id" = Uuid, Path, description = "The assistant")),
    responses(
        (status = 200, description = "The latest revision, in the format that `Accept` asks for", content(
            (TrainingData = "application/json"), (serde_json::Value = "application/yaml"), (String = "text/csv")
        )),
        (status = 406, description = "`Accept` allows none of the formats", body = ProblemBody, content_type = "application/problem+json"),
        responses::Read,
    )
)]
async fn get_training_data(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = documents::accepted(&headers, &Format::ALL, Format::media_type)?;
    assistants::require(&api, &identity, id).await?;
    let select = sqlx::query_scalar!(
        r#"SELECT data AS "data: Stored<TrainingData>" FROM training_data
           WHERE assistant_id = $1 ORDER BY version DESC LIMIT 1"#,
        id,
    );
    let found = traced("training_data.get", select.fetch_optional(&api.pool)).await?;
    let Some(Stored(data)) = found else {
        return Err(Problem::not_found(
            "training data; this assistant has none yet",
        ));
    };
    let body = api.on_document(move || write(&data, format)).await?;
    Ok(([(header::CONTENT_TYPE, format.media_type())], body).into_response())
}

/// Replaces the training data.
///
/// Everything that is wrong is told at once, with line and column. What may be worth a look
/// (duplicates, contradictions, intents with few utterances) is told in `hints`.
#[utoipa::path(
    put,
    path = "/api/v1/assistants/{id}/training-data",
    tag = "training data",
    params(("id" = Uuid, Path, description = "The assistant")),
    request_body(description = "At most 5 MiB", content(
        (TrainingData = "application/json"), (String = "application/yaml"), (String = "text/csv")
    )),
    responses(
        (status = 200, description = "What was understood", body = TrainingDataSummary),
        responses::Write,
    )
)]
async fn put_training_data(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    request: Request,
) -> Result<Json<TrainingDataSummary>, Problem> {
    identity.require(Role::Editor)?;
    assistants::require(&api, &identity, id).await?;
    let formats = Format::ALL.map(Format::media_type);
    let format = documents::content_type(&request, Format::of_content_type, &formats)?;
    let body = read_body(request).await?;
    let reading = api
        .on_document(move || read(&body, format, Size::Request))
        .await??;
    Ok(Json(store(&api, &identity, id, reading).await?))
}

async fn store(
    api: &Api,
    identity: &Identity,
    id: Uuid,
    reading: Reading,
) -> Result<TrainingDataSummary, Problem> {
    let new = NewRevision {
        account: identity.account,
        assistant: id,
        by: identity.subject,
        data: &reading.data,
        after: None,
    };
    let mut transaction = begin(&api.pool).await?;
    let inserted = new.insert(&mut transaction, api.clock.now()).await?;
    let revision = inserted.ok_or_else(|| Problem::not_found("assistant"))?;
    traced("transaction.commit", transaction.commit()).await?;
    Ok(TrainingDataSummary {
        version: revision.version,
        examples: reading.data.examples.len(),
        intents: revision.intents,
        entities: revision.entities,
        hints: reading.hints,
    })
}
