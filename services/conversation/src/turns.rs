//! Turns: a conversation begins, the user says something, a person answers.
//!
//! Understanding happens before the conversation is locked, so that no database connection waits
//! for another service, and nothing is written unless the whole turn succeeds: a message is
//! either heard with its answer, or the client is told to send it again.

use crate::assistants::AssistantError;
use crate::engine::{Input, State, Utterance, step};
use crate::metrics;
use crate::state::Conversations;
use crate::store::{self, Stored};
use stoa_client::ClientError;
use stoa_contracts::conversations::{
    ConversationState, ConversationStatus, EventKind, Message, Reply,
};
use stoa_contracts::parse::{ParseForAssistant, ParseResult};
use stoa_contracts::{Coded, ErrorCode, Problem};
use stoa_postgres::DatabaseError;

/// Events of one conversation: a year of daily talk. A transcript is read as a whole.
pub(crate) const EVENTS_LIMIT: i64 = 10_000;

/// How often a turn is tried again when the status changes while it is being understood.
const TRIES: usize = 3;

/// A turn that could not be made; nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TurnError {
    #[error("There is no such conversation.")]
    Unknown,
    #[error("The conversation has {EVENTS_LIMIT} events, which is the most: begin a new one.")]
    TooLong,
    #[error("Another message was sent with this Idempotency-Key.")]
    KeyReused,
    #[error("The conversation keeps changing hands: send the message again.")]
    Unsettled,
    #[error("The conversation is not with a person.")]
    NotHandedOver,
    #[error(transparent)]
    Assistant(#[from] AssistantError),
    #[error("the message could not be understood")]
    Nlu(#[from] ClientError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for TurnError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Coded for TurnError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown => ErrorCode::NotFound,
            Self::KeyReused => ErrorCode::Invalid,
            Self::TooLong | Self::Unsettled | Self::NotHandedOver => ErrorCode::Conflict,
            Self::Assistant(error) => error.code(),
            Self::Nlu(error) => error.code(),
            Self::Database(error) => error.code(),
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Assistant(error) => error.problem(),
            Self::Nlu(error) if error.is_transient() => Problem::new(
                ErrorCode::Unavailable,
                "The message cannot be understood at the moment and was not stored. \
                 Send it again, with the same Idempotency-Key.",
            ),
            Self::Nlu(error) => error.problem(),
            Self::Database(error) => error.problem(),
            own => Problem::new(own.code(), own.to_string()),
        }
    }
}

/// What the user sent.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) text: &'a str,
    /// Two messages with the same key are one.
    pub(crate) key: Option<&'a str>,
}

/// What was sent, as far as it has to be understood.
enum Heard {
    /// An utterance, as `nlu` understands it.
    Words(ParseResult),
    /// The payload of a button.
    Button(Utterance),
    /// A person reads it.
    ForPerson,
}

/// Hears a message and answers it.
pub(crate) async fn hear(
    service: &Conversations,
    found: &Stored,
    sent: Sent<'_>,
) -> Result<Reply, TurnError> {
    if let Some(reply) = earlier(&service.pool, found, sent).await? {
        return Ok(reply);
    }
    let mut status = found.engine.status;
    for _ in 0..TRIES {
        let heard = understand(service, found, status, sent.text).await?;
        match attempt(service, found, sent, &heard).await? {
            Ok(reply) => return Ok(reply),
            Err(changed) => status = changed,
        }
    }
    Err(TurnError::Unsettled)
}

async fn understand(
    service: &Conversations,
    found: &Stored,
    status: ConversationStatus,
    text: &str,
) -> Result<Heard, TurnError> {
    if status == ConversationStatus::Handover {
        return Ok(Heard::ForPerson);
    }
    if let Some(button) = Utterance::from_payload(text)
        && is_meant(service, found, &button).await?
    {
        return Ok(Heard::Button(button));
    }
    let question = ParseForAssistant {
        assistant_id: found.assistant_id,
        text: text.to_owned(),
        reference_time: None,
        time_zone: None,
        conversation_id: Some(found.id),
    };
    Ok(Heard::Words(
        service.nlu.post("/internal/v1/parse", &question).await?,
    ))
}

/// Whether what looks like a payload is one.
async fn is_meant(
    service: &Conversations,
    found: &Stored,
    button: &Utterance,
) -> Result<bool, TurnError> {
    let (true, Some((intent, _))) = (button.is_doubtful(), &button.intent) else {
        return Ok(true);
    };
    let program = service.assistants.program(found.assistant_id).await?;
    Ok(program.triggered_by(intent).is_some())
}

/// Makes the turn under the lock of the conversation; gives the status instead if that has
/// changed so that the message has to be understood in another way.
async fn attempt(
    service: &Conversations,
    found: &Stored,
    sent: Sent<'_>,
    heard: &Heard,
) -> Result<Result<Reply, ConversationStatus>, TurnError> {
    let program = match heard {
        Heard::ForPerson => None,
        _ => Some(service.assistants.program(found.assistant_id).await?),
    };
    let mut transaction = stoa_postgres::begin(&service.pool).await?;
    let stored = store::lock(&mut transaction, found.id).await?;
    let stored = stored.ok_or(TurnError::Unknown)?;
    if let Some(reply) = earlier(&mut *transaction, found, sent).await? {
        return Ok(Ok(reply));
    }
    if stored.last_event >= EVENTS_LIMIT {
        return Err(TurnError::TooLong);
    }
    let is_with_person = stored.engine.status == ConversationStatus::Handover;
    if is_with_person == program.is_some() {
        return Ok(Err(stored.engine.status));
    }
    let (parse, input, understood) = match heard {
        Heard::Words(parse) => {
            let understood = if parse.intent.name.is_some() {
                "yes"
            } else {
                "no"
            };
            (Some(parse.clone()), Some(parse.into()), understood)
        }
        Heard::Button(said) => (None, Some(said.clone()), "button"),
        Heard::ForPerson => (None, None, "person"),
    };
    let now = service.clock.now();
    let mut state = stored.engine.0.clone();
    let text = sent.text.to_owned();
    let mut events = vec![EventKind::User { text, parse }];
    if let (Some(program), Some(said)) = (program, input) {
        let input = Input::Said(said);
        let (next, happened) = step(&program, state, input, now, &mut rand::rng());
        state = next;
        events.extend(happened);
    }
    let reply = reply(&state, &events);
    store::append(&mut transaction, &stored, &state, &events, now).await?;
    if let Some(key) = sent.key {
        store::keep_reply(&mut transaction, stored.id, (key, sent.text), &reply).await?;
    }
    transaction.commit().await?;
    if store::hands_over(&events) {
        service.outbox.notify_one();
    }
    metrics::count_turn(understood, &events);
    Ok(Ok(reply))
}

/// The reply to the same message, if it came before.
async fn earlier(
    executor: impl sqlx::PgExecutor<'_>,
    found: &Stored,
    sent: Sent<'_>,
) -> Result<Option<Reply>, TurnError> {
    let Some(key) = sent.key else {
        return Ok(None);
    };
    match store::earlier_reply(executor, found.id, key).await? {
        Some((text, _)) if text != sent.text => Err(TurnError::KeyReused),
        earlier => Ok(earlier.map(|(_, reply)| reply)),
    }
}

/// What a person does in a conversation that was handed over.
#[derive(Clone, Copy)]
pub(crate) enum Act<'a> {
    Say(Sent<'a>),
    GiveBack,
}

/// A person says something in a conversation that was handed over, or gives it back.
pub(crate) async fn person(
    service: &Conversations,
    found: &Stored,
    act: Act<'_>,
) -> Result<ConversationState, TurnError> {
    let mut transaction = stoa_postgres::begin(&service.pool).await?;
    let stored = store::lock(&mut transaction, found.id).await?;
    let stored = stored.ok_or(TurnError::Unknown)?;
    // The person's keys lie beside the user's; a space stands in no key that a client may send.
    let key = match act {
        Act::Say(sent) => sent.key.map(|key| (format!("person {key}"), sent.text)),
        Act::GiveBack => None,
    };
    if let Some((key, text)) = &key {
        let sent = Sent {
            text,
            key: Some(key),
        };
        if let Some(reply) = earlier(&mut *transaction, found, sent).await? {
            return Ok(reply.state);
        }
    }
    let mut state = stored.engine.0.clone();
    if state.status != ConversationStatus::Handover {
        return Err(TurnError::NotHandedOver);
    }
    if stored.last_event >= EVENTS_LIMIT {
        return Err(TurnError::TooLong);
    }
    let now = service.clock.now();
    let event = match act {
        Act::Say(sent) => EventKind::Person {
            text: sent.text.to_owned(),
        },
        Act::GiveBack => {
            state.take_back(now);
            EventKind::Status {
                status: ConversationStatus::Active,
            }
        }
    };
    store::append(&mut transaction, &stored, &state, &[event], now).await?;
    let reply = reply(&state, &[]);
    if let Some((key, text)) = &key {
        store::keep_reply(&mut transaction, stored.id, (key, text), &reply).await?;
    }
    transaction.commit().await?;
    Ok(reply.state)
}

/// What a client is told of a turn.
pub(crate) fn reply(state: &State, events: &[EventKind]) -> Reply {
    let said = events.iter().filter_map(|event| match event {
        EventKind::Assistant { message } => Some(message.clone()),
        _ => None,
    });
    Reply {
        messages: said.collect::<Vec<Message>>(),
        state: state.view(),
    }
}
