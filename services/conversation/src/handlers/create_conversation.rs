//! Opens a conversation.

use crate::assistants::AssistantError;
use crate::engine::{Input, State as Engine, step};
use crate::state::Conversations;
use crate::store::{self, Stored};
use crate::turns::{self, TurnError};
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use sqlx::PgConnection;
use sqlx::types::Json as SqlJson;
use stoa_contracts::conversations::{CreateConversation, Reply, StartedConversation};
use stoa_postgres::{DatabaseError, traced};
use stoa_service::{IdempotencyKey, Identity, Json, Path, Problem, responses};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long a key opens its conversation once: as long as those of other requests are kept.
const KEY_KEPT: Duration = Duration::hours(24);

/// Whose conversation it is, and how it came about.
pub(super) struct Opening<'a> {
    pub(super) account: Uuid,
    pub(super) assistant: Uuid,
    pub(super) channel: &'static str,
    pub(super) sender: Option<&'a str>,
    pub(super) key: Option<Key<'a>>,
}

/// The key of the request that opens it.
#[derive(Clone, Copy)]
pub(super) struct Key<'a> {
    text: &'a str,
    /// Who sent it: another one's is another request.
    owner: Uuid,
}

/// A conversation that was opened.
enum Opened {
    Now(StartedConversation),
    /// By an earlier request with the same key.
    Earlier(StartedConversation),
}

/// Open a conversation: the assistant speaks first
#[utoipa::path(
    post, path = "/api/v1/assistants/{id}/conversations", operation_id = "create_conversation",
    tag = "conversations",
    params(
        ("id" = Uuid, Path, description = "The assistant"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key opens it once, for a day",
            min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
    ),
    request_body = CreateConversation,
    responses(
        (status = 201, body = StartedConversation, description = "The conversation has begun"),
        responses::Write
    )
)]
pub(super) async fn create_conversation(
    State(service): State<Conversations>,
    identity: Identity,
    Path(assistant): Path<Uuid>,
    IdempotencyKey(key): IdempotencyKey,
    Json(input): Json<CreateConversation>,
) -> Result<impl IntoResponse, Problem> {
    identity.require_assistant(assistant)?;
    service
        .assistants
        .require(assistant, identity.account)
        .await?;
    let owner = identity.subject;
    let opening = Opening {
        account: identity.account,
        assistant,
        channel: "api",
        sender: input.sender.as_deref(),
        key: key.as_deref().map(|text| Key { text, owner }),
    };
    let (started, replayed) = match begin(&service, &opening).await? {
        Opened::Now(started) => (started, None),
        Opened::Earlier(started) => (started, Some([(IdempotencyKey::REPLAYED, "true")])),
    };
    Ok((StatusCode::CREATED, replayed, Json(started)))
}

/// Stores a new conversation and makes its first turn; with a key that was used before, gives
/// what was answered then.
async fn begin(service: &Conversations, opening: &Opening<'_>) -> Result<Opened, TurnError> {
    let program = service.assistants.program(opening.assistant).await?;
    let mut transaction = stoa_postgres::begin(&service.pool).await?;
    if let Some(key) = opening.key {
        let old = service.clock.now() - KEY_KEPT;
        release(&mut transaction, opening, key, old).await?;
    }
    let Some(stored) = insert(service, &mut transaction, opening).await? else {
        return Ok(Opened::Earlier(earlier(service, opening).await?));
    };
    let now = stored.created_at;
    let (state, events) = step(
        &program,
        stored.engine.0.clone(),
        Input::Begin,
        now,
        &mut rand::rng(),
    );
    let reply = turns::reply(&state, &events);
    store::append(&mut transaction, &stored, &state, &events, now).await?;
    if let Some(key) = opening.key {
        store::keep_reply(&mut transaction, stored.id, (key.text, ""), &reply).await?;
    }
    transaction.commit().await?;
    if store::hands_over(&events) {
        service.outbox.notify_one();
    }
    Ok(Opened::Now(started(stored.id, reply)))
}

/// Takes the key from a conversation that it opened before that time, so that it can open another.
async fn release(
    connection: &mut PgConnection,
    opening: &Opening<'_>,
    key: Key<'_>,
    before: OffsetDateTime,
) -> Result<(), DatabaseError> {
    let query = sqlx::query!(
        "UPDATE conversations SET idempotency_key = NULL
         WHERE account_id = $1 AND assistant_id = $2 AND idempotency_key = $3 AND created_at < $4",
        opening.account,
        opening.assistant,
        key.text,
        before,
    );
    traced("conversation.release_key", query.execute(connection)).await?;
    Ok(())
}

/// Inserts a conversation in which nothing was said yet; `None` if it exists, or its assistant was deleted.
pub(super) async fn insert(
    service: &Conversations,
    connection: &mut PgConnection,
    opening: &Opening<'_>,
) -> Result<Option<Stored>, DatabaseError> {
    let now = service.clock.now();
    let stored = Stored {
        id: Uuid::now_v7(),
        account_id: opening.account,
        assistant_id: opening.assistant,
        sender: opening.sender.map(str::to_owned),
        engine: SqlJson(Engine::new(now, &mut rand::rng())),
        last_event: 0,
        created_at: now,
        updated_at: now,
    };
    let query = sqlx::query!(
        "INSERT INTO conversations (id, account_id, assistant_id, channel, sender, status, engine,
                                    idempotency_key, key_owner, created_at, updated_at)
         SELECT $1, $2, $3, $4, $5, 'active', $6, $7, $8, $9, $9
         WHERE NOT EXISTS (SELECT FROM forgotten_assistants WHERE id = $3)
         ON CONFLICT DO NOTHING",
        stored.id,
        opening.account,
        opening.assistant,
        opening.channel,
        opening.sender,
        &stored.engine as _,
        opening.key.map(|key| key.text),
        opening.key.map(|key| key.owner),
        now,
    );
    let inserted = traced("conversation.insert", query.execute(connection)).await?;
    Ok((inserted.rows_affected() == 1).then_some(stored))
}

/// What was answered to the first request with the same key.
async fn earlier(
    service: &Conversations,
    opening: &Opening<'_>,
) -> Result<StartedConversation, TurnError> {
    let query = sqlx::query_scalar!(
        "SELECT id FROM conversations
         WHERE account_id = $1 AND assistant_id = $2 AND idempotency_key = $3
           AND (key_owner = $4 OR key_owner IS NULL)
           AND sender IS NOT DISTINCT FROM $5",
        opening.account,
        opening.assistant,
        opening.key.map(|key| key.text),
        opening.key.map(|key| key.owner),
        opening.sender,
    );
    let id = traced(
        "conversation.find_by_key",
        query.fetch_optional(&service.pool),
    )
    .await?;
    let Some((id, key)) = id.zip(opening.key) else {
        return Err(unopened(service, opening, TurnError::KeyReused).await);
    };
    let reply = store::earlier_reply(&service.pool, id, key.text).await?;
    let (_, reply) = reply.ok_or(TurnError::KeyReused)?;
    Ok(started(id, reply))
}

/// Why nothing was opened, and nothing is found in its place: the assistant was deleted, or else.
pub(super) async fn unopened(
    service: &Conversations,
    opening: &Opening<'_>,
    otherwise: TurnError,
) -> TurnError {
    let query = sqlx::query!(
        "SELECT FROM forgotten_assistants WHERE id = $1",
        opening.assistant
    );
    let found = query.fetch_optional(&service.pool);
    match traced("forgotten_assistant.find", found).await {
        Ok(Some(_)) => AssistantError::Unknown.into(),
        Ok(None) => otherwise,
        Err(error) => error.into(),
    }
}

fn started(id: Uuid, Reply { messages, state }: Reply) -> StartedConversation {
    StartedConversation {
        id,
        messages,
        state,
    }
}
