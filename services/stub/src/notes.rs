//! Notes: create, get, list.
//!
//! The document names operations and schemas with the service (`create_stub_note`), because the
//! gateway merges the documents of all services into one.

use axum::{extract::State, http::StatusCode};
use garde::Validate;
use metrics::{counter, describe_counter};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use stoa_contracts::{Coded, ErrorCode, Page, identity::Role};
use stoa_postgres::{Cursor, DatabaseError, begin, into_page, traced};
use stoa_service::{IdempotencyKey, Identity, Json, Paging, Path, Problem, Query, responses};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Stub, tally};

const CREATED: &str = "stub_notes_created_total";

/// Describes the metrics and lets them begin at 0.
pub(crate) fn describe_metrics() {
    describe_counter!(CREATED, "Notes that were created");
    counter!(CREATED).absolute(0);
}

/// Input of `create_stub_note`.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateStubNote)]
pub struct CreateNote {
    /// What to remember.
    #[garde(length(chars, min = 1, max = 1000))]
    #[schema(
        min_length = 1,
        max_length = 1000,
        example = "Read the meter on Friday"
    )]
    pub text: String,
}

/// A note.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StubNote)]
pub struct Note {
    /// The note's id.
    pub id: Uuid,
    /// What to remember.
    pub text: String,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Why a note cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    /// No such note in this account.
    #[error("There is no such note.")]
    NotFound,
    /// The key belongs to a note with another text.
    #[error("Another note was created with this Idempotency-Key.")]
    KeyReused,
    /// The account keeps as many as it may.
    #[error("An account may keep {0} notes.")]
    Full(i64),
    /// The database refused or is away.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Coded for NoteError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound => ErrorCode::NotFound,
            Self::KeyReused => ErrorCode::Invalid,
            Self::Full(_) => ErrorCode::Conflict,
            Self::Database(error) => error.code(),
        }
    }
}

/// Create a note
#[utoipa::path(
    post, path = "/api/v1/stub/notes", operation_id = "create_stub_note", tag = "stub",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key creates it once",
        min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    request_body = CreateNote,
    responses((status = 201, body = Note, description = "The note"), responses::Write)
)]
pub(crate) async fn create_note(
    State(stub): State<Stub>,
    identity: Identity,
    IdempotencyKey(key): IdempotencyKey,
    Json(input): Json<CreateNote>,
) -> Result<(StatusCode, Json<Note>), Problem> {
    identity.require(Role::Editor)?;
    // Notes belong to the account: a key of one assistant has no part in them.
    identity.require_whole_account()?;
    let note = Note {
        id: Uuid::now_v7(),
        text: input.text,
        created_at: stub.clock.now(),
    };
    let mut transaction = begin(&stub.pool).await?;
    let key = key.as_deref();
    let is_new = insert(&mut transaction, &stub, identity.account, key, &note).await?;
    if is_new {
        // The job is there if the note is.
        tally::enqueue(&stub.store, &mut transaction, identity.account, note.id).await?;
    }
    traced("transaction.commit", transaction.commit()).await?;
    if is_new {
        counter!(CREATED).increment(1);
        return Ok((StatusCode::CREATED, Json(note)));
    }
    // Either the same request came before, or there is no room.
    match select_by_key(&stub, identity.account, key).await? {
        Some(earlier) if earlier.text == note.text => Ok((StatusCode::CREATED, Json(earlier))),
        Some(_) => Err(NoteError::KeyReused.into()),
        None => Err(NoteError::Full(stub.notes_per_account).into()),
    }
}

/// List the notes, newest first
#[utoipa::path(
    get, path = "/api/v1/stub/notes", operation_id = "list_stub_notes", tag = "stub",
    params(Paging),
    responses((status = 200, body = Page<Note>, description = "A page of notes"), responses::Read)
)]
pub(crate) async fn list_notes(
    State(stub): State<Stub>,
    identity: Identity,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Note>>, Problem> {
    identity.require_whole_account()?;
    let after = Cursor::decode(paging.cursor.as_deref())?;
    let notes = select_after(&stub, identity.account, after, paging.one_more()).await?;
    Ok(Json(into_page(notes, paging.limit.into(), |note| {
        (note.created_at, note.id)
    })))
}

/// Get a note
#[utoipa::path(
    get, path = "/api/v1/stub/notes/{id}", operation_id = "get_stub_note", tag = "stub",
    params(("id" = Uuid, Path, description = "The note")),
    responses((status = 200, body = Note, description = "The note"), responses::Read)
)]
pub(crate) async fn get_note(
    State(stub): State<Stub>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<Note>, Problem> {
    identity.require_whole_account()?;
    let note = select(&stub, identity.account, id).await?;
    Ok(Json(note.ok_or(NoteError::NotFound)?))
}

/// Inserts unless the account is full or has the key, and says whether it did. Two at once may both see the last free place: the limit
/// bounds what an account holds, it is not a price list.
async fn insert(
    transaction: &mut PgConnection,
    stub: &Stub,
    account: Uuid,
    key: Option<&str>,
    note: &Note,
) -> Result<bool, NoteError> {
    let query = sqlx::query!(
        "INSERT INTO notes (id, account_id, text, created_at, idempotency_key)
         SELECT $1, $2, $3, $4, $6
         WHERE (SELECT count(*) FROM notes WHERE account_id = $2) < $5
         ON CONFLICT (account_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING",
        note.id,
        account,
        note.text,
        note.created_at,
        stub.notes_per_account,
        key,
    );
    let done = traced("note.insert", query.execute(transaction)).await?;
    Ok(done.rows_affected() == 1)
}

/// The note that an earlier request with this key created.
async fn select_by_key(
    stub: &Stub,
    account: Uuid,
    key: Option<&str>,
) -> Result<Option<Note>, NoteError> {
    let query = sqlx::query_as!(
        Note,
        "SELECT id, text, created_at FROM notes WHERE account_id = $1 AND idempotency_key = $2",
        account,
        key,
    );
    Ok(traced("note.select_by_key", query.fetch_optional(&stub.pool)).await?)
}

async fn select(stub: &Stub, account: Uuid, id: Uuid) -> Result<Option<Note>, NoteError> {
    let query = sqlx::query_as!(
        Note,
        "SELECT id, text, created_at FROM notes WHERE id = $1 AND account_id = $2",
        id,
        account,
    );
    Ok(traced("note.select", query.fetch_optional(&stub.pool)).await?)
}

/// The notes that come after a place in the list, newest first.
async fn select_after(
    stub: &Stub,
    account: Uuid,
    after: Option<Cursor<(OffsetDateTime, Uuid)>>,
    limit: i64,
) -> Result<Vec<Note>, NoteError> {
    let (before_time, before_id) = after.map(|cursor| cursor.0).unzip();
    let query = sqlx::query_as!(
        Note,
        "SELECT id, text, created_at FROM notes
         WHERE account_id = $1
           AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
         ORDER BY created_at DESC, id DESC
         LIMIT $4",
        account,
        before_time,
        before_id,
        limit,
    );
    Ok(traced("note.list", query.fetch_all(&stub.pool)).await?)
}
