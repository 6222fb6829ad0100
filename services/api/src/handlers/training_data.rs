//! The training data of an assistant, in three formats.

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderName, header};
use stoa_contracts::{
    Problem as ProblemBody,
    identity::Role,
    training_data::{TrainingData, TrainingDataOperation, TrainingDataSummary},
};
use stoa_postgres::{begin, traced};
use stoa_service::{Identity, Json, Path, Problem, responses};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{assistants, documents, revision_tags};
use crate::{
    document::Size,
    media::essence,
    revisions::{self, NewRevision},
    state::{Api, Turn},
    training_data::{Format, Reading, read, read_patch, write},
};

const JSON_PATCH: &str = "application/json-patch+json";

/// The tag of a revision.
pub(super) type TagHeader = [(HeaderName, String); 1];

/// What somebody else has done.
pub(super) const CHANGED: &str = "The training data has";

pub(super) fn routes() -> OpenApiRouter<Api> {
    let routes = OpenApiRouter::new().routes(routes!(
        get_training_data,
        put_training_data,
        patch_training_data
    ));
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
        ), headers(("etag" = String, description = "The revision, for `If-Match`"))),
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
    let turn = api.loading_turn().await?;
    let latest = latest(&api, id).await?;
    answer(&api, &identity, turn, latest, format).await
}

async fn latest(api: &Api, id: Uuid) -> Result<(i32, TrainingData), Problem> {
    let latest = revisions::latest(&api.pool, id).await?;
    latest.ok_or_else(|| Problem::not_found("training data; this assistant has none yet"))
}

/// A revision in a format, with its tag. It was loaded in this turn, which lasts until there is room for the answer.
pub(super) async fn answer(
    api: &Api,
    identity: &Identity,
    turn: Turn,
    (version, data): (i32, TrainingData),
    format: Format,
) -> Result<Response, Problem> {
    let body = turn.run(move || write(&data, format)).await?;
    let tag = revision_tags::tag(version, format.media_type());
    documents::answer(api, identity, body, format.media_type(), tag).await
}

/// Replaces the training data.
///
/// Everything that is wrong is told at once, with line and column. What may be worth a look
/// (duplicates, contradictions, intents with few utterances) is told in `hints`.
#[utoipa::path(
    put,
    path = "/api/v1/assistants/{id}/training-data",
    tag = "training data",
    params(
        ("id" = Uuid, Path, description = "The assistant"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the revision that this one follows: if another is the latest, nothing is changed", pattern = r#"^(W/)?"[0-9]{1,9}\.(json|yaml|csv)"$"#)
    ),
    request_body(description = "At most 5 MiB", content(
        (TrainingData = "application/json"), (String = "application/yaml"), (String = "text/csv")
    )),
    responses(
        (status = 200, description = "What was understood", body = TrainingDataSummary,
            headers(("etag" = String, description = "The new revision, for `If-Match`"))),
        (status = 412, description = "Another revision is the latest than `If-Match` says", body = ProblemBody, content_type = "application/problem+json"),
        responses::Write,
    )
)]
async fn put_training_data(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    request: Request,
) -> Result<(TagHeader, Json<TrainingDataSummary>), Problem> {
    identity.require(Role::Editor)?;
    assistants::require(&api, &identity, id).await?;
    let after = revision_tags::expected(request.headers())?;
    let formats = Format::ALL.map(Format::media_type);
    let format = documents::content_type(&request, Format::of_content_type, &formats)?;
    let (body, room) = documents::receive(&api, &identity, request).await?;
    // From its reading to its writing.
    let turn = api.document_turn().await?;
    let reading = move || {
        let _room = room;
        read(&body, format, Size::Request)
    };
    let reading = turn.run(reading).await??;
    store(&api, &identity, (id, after), reading).await
}

/// Changes utterances.
///
/// A JSON Patch (RFC 6902) of the utterances of the revision that `If-Match` names: `add`, `replace` and `remove` at
/// `/examples/{number}`, counted from 0, and `add` at `/examples/-`, behind the last. All of it is done, or nothing.
#[utoipa::path(
    patch,
    path = "/api/v1/assistants/{id}/training-data",
    tag = "training data",
    params(
        ("id" = Uuid, Path, description = "The assistant"),
        ("If-Match" = String, Header, description = "The `ETag` of the revision that is changed: if another is the latest, nothing is", pattern = r#"^(W/)?"[0-9]{1,9}\.(json|yaml|csv)"$"#)
    ),
    request_body(description = "At most 1,000 operations", content((Vec<TrainingDataOperation> = "application/json-patch+json"))),
    responses(
        (status = 200, description = "What there is now", body = TrainingDataSummary,
            headers(("etag" = String, description = "The new revision, for `If-Match`"))),
        (status = 412, description = "Another revision is the latest than `If-Match` says", body = ProblemBody, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = ProblemBody, content_type = "application/problem+json"),
        responses::Write,
    )
)]
async fn patch_training_data(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    request: Request,
) -> Result<(TagHeader, Json<TrainingDataSummary>), Problem> {
    identity.require(Role::Editor)?;
    assistants::require(&api, &identity, id).await?;
    let after = revision_tags::required(request.headers())?;
    let is_patch = |value: &str| (essence(value) == JSON_PATCH).then_some(());
    documents::content_type(&request, is_patch, &[JSON_PATCH])?;
    let (body, _room) = documents::receive(&api, &identity, request).await?;
    // From its reading to its writing: it may be as large as an import.
    let turn = api.loading_turn().await?;
    let patch = turn.run(move || read_patch(&body)).await??;
    let (version, data) = latest(&api, id).await?;
    if version != after {
        return Err(revision_tags::changed(CHANGED, after));
    }
    let reading = turn.run(move || patch.apply(data)).await??;
    store(&api, &identity, (id, Some(after)), reading).await
}

/// Makes it the latest revision; the answer, with the tag of that.
async fn store(
    api: &Api,
    identity: &Identity,
    (id, after): (Uuid, Option<i32>),
    reading: Reading,
) -> Result<(TagHeader, Json<TrainingDataSummary>), Problem> {
    let new = NewRevision {
        account: identity.account,
        assistant: id,
        by: identity.subject,
        data: &reading.data,
        after,
    };
    let mut transaction = begin(&api.pool).await?;
    let inserted = new.insert(&mut transaction, api.clock.now()).await?;
    let refused = || match after {
        Some(version) => revision_tags::changed(CHANGED, version),
        None => Problem::not_found("assistant"),
    };
    let revision = inserted.ok_or_else(refused)?;
    traced("transaction.commit", transaction.commit()).await?;
    let summary = TrainingDataSummary {
        version: revision.version,
        examples: reading.data.examples.len(),
        intents: revision.intents,
        entities: revision.entities,
        hints: reading.hints,
    };
    let tag = revision_tags::tag(summary.version, Format::Json.media_type());
    Ok(([(header::ETAG, tag)], Json(summary)))
}
