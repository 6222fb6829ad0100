//! The training data of an assistant, in three formats.

use std::collections::BTreeSet;

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
use stoa_postgres::{DatabaseError, begin, traced};
use stoa_service::{Identity, Json, Path, Problem, read_body, responses};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{assistants, documents};
use crate::{
    state::Api,
    training_data::{Format, Reading, read, write},
};

/// Revisions that are kept beside those that a running training or evaluation needs.
const KEPT: i32 = 20;

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
    let reading = api.on_document(move || read(&body, format)).await??;
    Ok(Json(store(&api, &identity, id, reading).await?))
}

async fn store(
    api: &Api,
    identity: &Identity,
    id: Uuid,
    Reading { data, hints }: Reading,
) -> Result<TrainingDataSummary, DatabaseError> {
    let now = api.clock.now();
    let (intents, entities) = (intents(&data), entities(&data));
    let mut transaction = begin(&api.pool).await?;
    let next = sqlx::query_scalar!(
        "UPDATE assistants SET training_data_version = training_data_version + 1, updated_at = $3
         WHERE id = $1 AND account_id = $2 RETURNING training_data_version",
        id,
        identity.account,
        now,
    );
    let version = traced("training_data.next", next.fetch_one(&mut *transaction)).await?;
    let examples = data.examples.len();
    let insert = sqlx::query!(
        "INSERT INTO training_data
             (assistant_id, version, data, examples, intents, entities, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        id,
        version,
        Stored(data) as _,
        i32::try_from(examples).expect("an upload has at most 100,000 utterances"),
        &intents,
        &entities,
        identity.subject,
        now,
    );
    traced("training_data.insert", insert.execute(&mut *transaction)).await?;
    let forget = sqlx::query!(
        "DELETE FROM training_data d WHERE assistant_id = $1 AND version <= $2 AND NOT EXISTS
             (SELECT 1 FROM trainings t WHERE t.assistant_id = $1
              AND t.training_data_version = d.version AND t.status IN ('queued', 'running'))
         AND NOT EXISTS
             (SELECT 1 FROM evaluations e WHERE e.assistant_id = $1
              AND e.training_data_version = d.version AND e.status IN ('queued', 'running'))",
        id,
        version - KEPT,
    );
    traced("training_data.forget", forget.execute(&mut *transaction)).await?;
    traced("transaction.commit", transaction.commit()).await?;
    let (intents, entities) = (intents.len(), entities.len());
    Ok(TrainingDataSummary {
        version,
        examples,
        intents,
        entities,
        hints,
    })
}

fn intents(data: &TrainingData) -> Vec<String> {
    let names = data
        .examples
        .iter()
        .filter_map(|example| example.intent.clone());
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

fn entities(data: &TrainingData) -> Vec<String> {
    let annotated = data.examples.iter().flat_map(|example| &example.entities);
    let annotated = annotated.map(|entity| entity.entity.clone());
    let lookups = data.lookups.iter().map(|lookup| lookup.entity.clone());
    let regexes = data.regexes.iter().map(|regex| regex.entity.clone());
    let names: BTreeSet<String> = annotated.chain(lookups).chain(regexes).collect();
    names.into_iter().collect()
}
