//! The job `tally`, whole in this file: what it carries, its limits, its work, and where its effect is read.
//!
//! It stands for what a request should not wait for. `create_note` enqueues it in the transaction of the note, so the
//! job is there if the note is; it runs in this process, beside the server. See `docs/guides/add-a-job.md`.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use std::time::Duration;
use stoa_postgres::{DatabaseError, traced};
use stoa_queue::store::{NewJob, Store};
use stoa_queue::{BoxError, Job, JobContext, JobError, Payload, QueueError};
use stoa_service::{Identity, Json, Problem, responses};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Stub;

/// Payload: count a note into the tally of its account.
#[derive(Debug, Deserialize, Serialize)]
pub struct TallyNote {
    /// The note; its text stays in the database.
    pub note_id: Uuid,
}

impl Payload for TallyNote {
    const KIND: &'static str = "tally";
    const QUEUE: &'static str = "stub_tallies";
    // Two short queries, each of which may take `DATABASE_STATEMENT_TIMEOUT`.
    const TIME_LIMIT: Duration = Duration::from_secs(15);
    // With pauses that double, four minutes of a database that is away are bridged.
    const MAX_ATTEMPTS: u16 = 8;
}

impl Job<PgPool> for TallyNote {
    async fn run(self, pool: PgPool, job: JobContext) -> Result<(), JobError> {
        let note = select_note(&pool, self.note_id).await;
        let Some(note) = note.map_err(JobError::retry)? else {
            return Err(JobError::fail("The note is gone."));
        };
        let words = note.text.split_whitespace().count();
        let words = i64::try_from(words).map_err(JobError::fail)?;
        // To add is not the same when done twice: it is committed with the end of the job, or not at all.
        let account = note.account_id;
        let completed =
            job.complete_with(move |transaction| Box::pin(add(transaction, account, words)));
        completed.await.map_err(JobError::retry)
    }
}

/// Enqueues the job with the transaction that writes the note.
pub(crate) async fn enqueue(
    store: &Store,
    transaction: &mut PgConnection,
    account: Uuid,
    note_id: Uuid,
) -> Result<(), QueueError> {
    let job = NewJob::new(&TallyNote { note_id })?.for_account(account);
    store.enqueue_in(transaction, vec![job]).await?;
    Ok(())
}

/// What the notes of an account come to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StubTally)]
pub struct Tally {
    /// How many were counted: a new note is a moment after it was created.
    pub notes: i64,
    /// How many words they have.
    pub words: i64,
}

/// Get what the notes of the account come to
#[utoipa::path(
    get, path = "/api/v1/stub/tally", operation_id = "get_stub_tally", tag = "stub",
    responses((status = 200, body = Tally, description = "The tally"), responses::Read)
)]
pub(crate) async fn get_tally(
    State(stub): State<Stub>,
    identity: Identity,
) -> Result<Json<Tally>, Problem> {
    identity.require_whole_account()?;
    let query = sqlx::query_as!(
        Tally,
        "SELECT notes, words FROM tallies WHERE account_id = $1",
        identity.account,
    );
    let tally = traced("tally.select", query.fetch_optional(&stub.pool)).await?;
    Ok(Json(tally.unwrap_or(Tally { notes: 0, words: 0 })))
}

struct CountedNote {
    account_id: Uuid,
    text: String,
}

async fn select_note(pool: &PgPool, id: Uuid) -> Result<Option<CountedNote>, DatabaseError> {
    let query = sqlx::query_as!(
        CountedNote,
        "SELECT account_id, text FROM notes WHERE id = $1",
        id
    );
    traced("tally.note", query.fetch_optional(pool)).await
}

/// Counts a note of so many words.
async fn add(transaction: &mut PgConnection, account: Uuid, words: i64) -> Result<(), BoxError> {
    let query = sqlx::query!(
        "INSERT INTO tallies (account_id, notes, words) VALUES ($1, 1, $2)
         ON CONFLICT (account_id) DO UPDATE SET notes = tallies.notes + 1, words = tallies.words + $2",
        account,
        words,
    );
    traced("tally.add", query.execute(transaction)).await?;
    Ok(())
}
