//! Lists and searches the conversations of an assistant.

use crate::state::Conversations;
use crate::store::{Stored, status_name};
use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use sqlx::types::Json as SqlJson;
use stoa_contracts::Page;
use stoa_contracts::conversations::{ConversationStatus, ConversationSummary};
use stoa_postgres::{Cursor, into_page, traced};
use stoa_service::{Identity, Json, Paging, Path, Problem, Query, responses};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which conversations of an assistant.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Words, or their beginnings, that all stand in one thing that was said; signs only part them.
    #[garde(length(chars, max = 200))]
    #[param(max_length = 200)]
    text: Option<String>,
    /// Whether it goes on or waits for a person. None stays ended: the next message has it begin afresh.
    #[garde(skip)]
    #[param(inline)]
    status: Option<Standing>,
}

/// Where a conversation may stand between two messages.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Standing {
    /// The assistant answers.
    Active,
    /// A person answers.
    Handover,
}

impl From<Standing> for ConversationStatus {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Active => Self::Active,
            Standing::Handover => Self::Handover,
        }
    }
}

/// List the conversations of an assistant, newest first
#[utoipa::path(
    get, path = "/api/v1/assistants/{id}/conversations", operation_id = "list_conversations",
    tag = "conversations",
    params(("id" = Uuid, Path, description = "The assistant"), Paging, Filter),
    responses(
        (status = 200, body = Page<ConversationSummary>, description = "A page of conversations"),
        responses::Read
    )
)]
pub(super) async fn list_conversations(
    State(service): State<Conversations>,
    identity: Identity,
    Path(assistant): Path<Uuid>,
    Query(paging): Query<Paging>,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<ConversationSummary>>, Problem> {
    identity.require_assistant(assistant)?;
    service
        .assistants
        .require(assistant, identity.account)
        .await?;
    let before: Option<Cursor<Uuid>> = Cursor::decode(paging.cursor.as_deref())?;
    let words = filter.text.as_deref().and_then(searched);
    let query = sqlx::query_as!(
        Stored,
        r#"SELECT id, account_id, assistant_id, sender,
                  engine AS "engine: SqlJson<crate::engine::State>", last_event,
                  created_at, updated_at
           FROM conversations
           WHERE assistant_id = $1 AND account_id = $2
             AND ($3::uuid IS NULL OR id < $3)
             AND ($4::text IS NULL OR status = $4)
             AND ($5::text IS NULL OR EXISTS (
                 SELECT FROM events
                 WHERE conversation_id = conversations.id AND text IS NOT NULL
                   AND searchable_words(text) @@ (
                       SELECT string_agg('''' || word || ''':*', ' & ')::tsquery
                       FROM UNNEST(tsvector_to_array(searchable_words($5))) AS word)))
           ORDER BY id DESC LIMIT $6"#,
        assistant,
        identity.account,
        before.map(|cursor| cursor.0),
        filter.status.map(|status| status_name(status.into())),
        words,
        paging.one_more(),
    );
    let rows = traced("conversation.list", query.fetch_all(&service.pool)).await?;
    let summaries: Vec<_> = rows.iter().map(Stored::summary).collect();
    let page = into_page(summaries, paging.limit.into(), |conversation| {
        conversation.id
    });
    Ok(Json(page))
}

/// What is searched for, if it is anything. PostgreSQL takes no NUL, which parts words as other signs do.
fn searched(text: &str) -> Option<String> {
    let text = text.replace('\0', " ");
    (!text.trim().is_empty()).then_some(text)
}
