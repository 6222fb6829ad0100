//! The flows of an assistant: what it says and does.

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, header};
use sqlx::types::Json as Stored;
use stoa_contracts::{
    Problem as ProblemBody, assistants::FlowsSummary, flows::Flows, identity::Role,
};
use stoa_postgres::{DatabaseError, begin, traced};
use stoa_service::{Identity, Json, Path, Problem, responses};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{assistants, documents, revision_tags, training_data::TagHeader};
use crate::{
    flows::{Form, Known, read, write},
    state::Api,
};

/// Revisions that are kept.
const KEPT: i32 = 20;

pub(super) fn routes() -> OpenApiRouter<Api> {
    documents::with_limit(OpenApiRouter::new().routes(routes!(get_flows, put_flows)))
}

/// Reads the flows, as YAML or JSON.
///
/// In the form in which they were uploaded they come back as they were written.
#[utoipa::path(
    get,
    path = "/api/v1/assistants/{id}/flows",
    tag = "flows",
    params(("id" = Uuid, Path, description = "The assistant")),
    responses(
        (status = 200, description = "The latest revision, in the form that `Accept` asks for", content(
            (Flows = "application/json"), (Flows = "application/yaml")
        ), headers(("etag" = String, description = "The revision, for `If-Match`"))),
        (status = 406, description = "`Accept` allows neither form", body = ProblemBody, content_type = "application/problem+json"),
        responses::Read,
    )
)]
async fn get_flows(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = documents::accepted(&headers, &Form::ALL, Form::media_type)?;
    assistants::require(&api, &identity, id).await?;
    let turn = api.loading_turn().await?;
    let select = sqlx::query!(
        r#"SELECT version, source, media_type, flows AS "flows: Stored<Flows>" FROM flows
           WHERE assistant_id = $1 ORDER BY version DESC LIMIT 1"#,
        id,
    );
    let found = traced("flows.get", select.fetch_optional(&api.pool)).await?;
    let Some(row) = found else {
        return Err(Problem::not_found("flow; this assistant has none yet"));
    };
    let body = if row.media_type == form.media_type() {
        row.source
    } else {
        turn.run(move || write(&row.flows, form)).await?
    };
    let tag = revision_tags::tag(row.version, form.media_type());
    documents::answer(&api, &identity, body, form.media_type(), tag).await
}

/// Replaces the flows.
///
/// Everything that is wrong is told at once, with pointer, line and column. Once there is
/// training data, the intents and entities that flows name must be in it; entities may be built-in ones.
/// What users say in the next second may still be answered by the flows before, or refused if there were none.
#[utoipa::path(
    put,
    path = "/api/v1/assistants/{id}/flows",
    tag = "flows",
    params(
        ("id" = Uuid, Path, description = "The assistant"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the revision that this one follows: if another is the latest, nothing is changed", pattern = r#"^(W/)?"[0-9]{1,9}\.(json|yaml)"$"#)
    ),
    request_body(description = "At most 5 MiB", content(
        (Flows = "application/json"), (String = "application/yaml")
    )),
    responses(
        (status = 200, description = "What was understood", body = FlowsSummary,
            headers(("etag" = String, description = "The new revision, for `If-Match`"))),
        (status = 412, description = "Another revision is the latest than `If-Match` says", body = ProblemBody, content_type = "application/problem+json"),
        responses::Write,
    )
)]
async fn put_flows(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    request: Request,
) -> Result<(TagHeader, Json<FlowsSummary>), Problem> {
    identity.require(Role::Editor)?;
    assistants::require(&api, &identity, id).await?;
    let after = revision_tags::expected(request.headers())?;
    let forms = Form::ALL.map(Form::media_type);
    let form = documents::content_type(&request, Form::of_content_type, &forms)?;
    let (body, _room) = documents::receive(&api, &identity, request).await?;
    // From its reading to its writing.
    let turn = api.document_turn().await?;
    let known = known(&api, id).await?;
    let source = body.clone();
    let flows = turn.run(move || read(&body, form, &known)).await??;
    let source = String::from_utf8_lossy(&source).into_owned();
    let upload = Upload {
        source,
        form,
        flows,
        after,
    };
    let summary = store(&api, &identity, id, upload).await?;
    let tag = revision_tags::tag(summary.version, form.media_type());
    Ok(([(header::ETAG, tag)], Json(summary)))
}

struct Upload {
    source: String,
    form: Form,
    flows: Flows,
    /// The revision that must be the latest, if the client says so.
    after: Option<i32>,
}

/// The names that the latest training data knows.
async fn known(api: &Api, id: Uuid) -> Result<Known, DatabaseError> {
    let select = sqlx::query!(
        "SELECT intents, entities FROM training_data
         WHERE assistant_id = $1 ORDER BY version DESC LIMIT 1",
        id,
    );
    let row = traced("training_data.names", select.fetch_optional(&api.pool)).await?;
    Ok(row.map_or_else(Known::default, |row| Known {
        intents: row.intents.into_iter().collect(),
        entities: row.entities.into_iter().collect(),
    }))
}

async fn store(
    api: &Api,
    identity: &Identity,
    id: Uuid,
    upload: Upload,
) -> Result<FlowsSummary, Problem> {
    let Upload {
        source,
        form,
        flows,
        after,
    } = upload;
    let now = api.clock.now();
    let mut transaction = begin(&api.pool).await?;
    let next = sqlx::query_scalar!(
        "UPDATE assistants SET flows_version = flows_version + 1, updated_at = $3
         WHERE id = $1 AND account_id = $2 AND ($4::int IS NULL OR flows_version = $4) RETURNING flows_version",
        id,
        identity.account,
        now,
        after,
    );
    let refused = || match after {
        Some(version) => revision_tags::changed("The flows have", version),
        None => Problem::not_found("assistant"),
    };
    let version = traced("flows.next", next.fetch_optional(&mut *transaction)).await?;
    let version = version.ok_or_else(refused)?;
    let summary = FlowsSummary {
        version,
        flows: flows.flows.len(),
        responses: flows.responses.len(),
        slots: flows.slots.len(),
    };
    let insert = sqlx::query!(
        "INSERT INTO flows
             (assistant_id, version, source, media_type, flows, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id,
        version,
        source,
        form.media_type(),
        Stored(flows) as _,
        identity.subject,
        now,
    );
    traced("flows.insert", insert.execute(&mut *transaction)).await?;
    let forget = sqlx::query!(
        "DELETE FROM flows WHERE assistant_id = $1 AND version <= $2",
        id,
        version - KEPT,
    );
    traced("flows.forget", forget.execute(&mut *transaction)).await?;
    traced("transaction.commit", transaction.commit()).await?;
    Ok(summary)
}
