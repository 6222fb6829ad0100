//! The inbox: utterances that assistants were not sure of, and what a person says that they mean.

mod label;

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use sqlx::types::Json as Stored;
use stoa_contracts::{
    Page,
    inbox::{InboxItem, InboxStatus},
    parse::RankedIntent,
};
use stoa_postgres::{Cursor, into_page, traced};
use stoa_service::{Identity, Json, Problem, Query, responses};
use time::OffsetDateTime;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{state::Api, stored};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_inbox))
        .routes(routes!(label::label_inbox_item))
}

/// Which utterances, and which page of them.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct InboxFilter {
    /// Only what was said to this assistant.
    #[garde(skip)]
    assistant_id: Option<Uuid>,
    /// What became of them; those that wait for a person if it is left out.
    #[garde(skip)]
    #[param(default = "open")]
    status: InboxStatus,
    /// The most items of the page.
    #[garde(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: u16,
    /// `next_cursor` of the page before; absent for the first one.
    #[garde(length(max = 500))]
    #[param(max_length = 500)]
    cursor: Option<String>,
}

impl Default for InboxFilter {
    fn default() -> Self {
        Self {
            assistant_id: None,
            status: InboxStatus::Open,
            limit: 20,
            cursor: None,
        }
    }
}

/// The place of an item in the list.
type Place = (i64, OffsetDateTime, Uuid);

/// A row of `inbox_items`.
struct Row {
    id: Uuid,
    assistant_id: Uuid,
    text: String,
    seen: i64,
    first_at: OffsetDateTime,
    last_at: OffsetDateTime,
    guesses: Stored<Vec<RankedIntent>>,
    model_version: i32,
    status: String,
    intent: Option<String>,
    decided_at: Option<OffsetDateTime>,
}

impl From<Row> for InboxItem {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            assistant_id: row.assistant_id,
            text: row.text,
            seen: row.seen,
            first_at: row.first_at,
            last_at: row.last_at,
            guesses: row.guesses.0,
            model_version: row.model_version,
            status: stored::inbox_status(&row.status),
            intent: row.intent,
            decided_at: row.decided_at,
        }
    }
}

/// Lists utterances that assistants were not sure of, those first that were said most often.
///
/// Of two that were said as often, the one that was said later comes first. One that is said while the pages are read
/// may move to an earlier page.
#[utoipa::path(
    get,
    path = "/api/v1/inbox",
    tag = "inbox",
    params(InboxFilter),
    responses((status = 200, description = "A page of utterances", body = Page<InboxItem>), responses::Read)
)]
async fn list_inbox(
    State(api): State<Api>,
    identity: Identity,
    Query(filter): Query<InboxFilter>,
) -> Result<Json<Page<InboxItem>>, Problem> {
    if let Some(assistant) = filter.assistant_id {
        super::assistants::require(&api, &identity, assistant).await?;
    }
    let cursor = Cursor::<Place>::decode(filter.cursor.as_deref())?;
    let (seen, last_at, id) = cursor.map(|cursor| cursor.0).map_or_else(
        || (None, None, None),
        |(seen, last_at, id)| (Some(seen), Some(last_at), Some(id)),
    );
    let select = sqlx::query_as!(
        Row,
        r#"SELECT i.id, i.assistant_id, i.text, i.seen, i.first_at, i.last_at, i.model_version, i.status, i.intent,
               i.decided_at, i.guesses AS "guesses: Stored<Vec<RankedIntent>>"
           FROM inbox_items i JOIN assistants a ON a.id = i.assistant_id
           WHERE a.account_id = $1 AND ($2::uuid IS NULL OR i.assistant_id = $2) AND i.status = $3
               AND ($4::bigint IS NULL OR (i.seen, i.last_at, i.id) < ($4, $5::timestamptz, $6::uuid))
           ORDER BY i.seen DESC, i.last_at DESC, i.id DESC LIMIT $7"#,
        identity.account,
        filter.assistant_id.or(identity.assistant),
        filter.status.as_str(),
        seen,
        last_at,
        id,
        i64::from(filter.limit) + 1,
    );
    let rows = traced("inbox_item.list", select.fetch_all(&api.pool)).await?;
    let items = rows.into_iter().map(InboxItem::from).collect();
    let key = |item: &InboxItem| -> Place { (item.seen, item.last_at, item.id) };
    Ok(Json(into_page(items, filter.limit.into(), key)))
}
