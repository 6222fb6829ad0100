//! A person says what an utterance means, or that there is nothing to learn from it.

use axum::extract::State;
use sqlx::{PgTransaction, types::Json as Stored};
use stoa_contracts::{
    ErrorCode, FieldError,
    identity::Role,
    inbox::{InboxItem, InboxStatus, LabelInboxItem},
    parse::RankedIntent,
    training_data::{EntityAnnotation, Example},
};
use stoa_postgres::{DatabaseError, begin, traced};
use stoa_service::{Identity, Json, Path, Problem, responses};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Row;
use crate::{
    revisions::Latest,
    state::Api,
    training_data::{OUT_OF_SCOPE, checked, is_name},
};

/// Intents that a problem names.
const NAMED: usize = 50;

/// Says what an utterance means, or dismisses it.
///
/// With `intent` the utterance becomes an example of that intent, with the `entities` that are marked in it, in a new
/// revision of the training data, at once. The
/// same label twice is the same as once. A dismissed utterance can still be labelled; a labelled one is an example
/// already: what it means is changed in the training data.
#[utoipa::path(
    post,
    path = "/api/v1/inbox/{id}/label",
    tag = "inbox",
    params(
        ("id" = Uuid, Path, description = "The utterance"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key twice labels once", min_length = 1, max_length = 255)
    ),
    request_body = LabelInboxItem,
    responses((status = 200, description = "The utterance as it is now", body = InboxItem), responses::Write)
)]
pub(super) async fn label_inbox_item(
    State(api): State<Api>,
    identity: Identity,
    Path(id): Path<Uuid>,
    Json(input): Json<LabelInboxItem>,
) -> Result<Json<InboxItem>, Problem> {
    identity.require(Role::Editor)?;
    let decision = Decision::of(&input)?;
    let assistant = assistant_of(&api, &identity, id).await?;
    let mut transaction = begin(&api.pool).await?;
    // Before the item, as a deletion of the assistant locks them.
    let latest = Latest::lock(&mut transaction, assistant, identity.account).await?;
    let latest = latest.ok_or_else(|| Problem::not_found("assistant"))?;
    let item = find(&mut transaction, id).await?;
    match (item.status, item.intent.as_deref(), &decision) {
        (InboxStatus::Dismissed, _, Decision::Dismiss) => return Ok(Json(item)),
        (InboxStatus::Labelled, label, Decision::Label { intent, .. }) if label == Some(intent) => {
            return Ok(Json(item));
        }
        (InboxStatus::Labelled, label, _) => return Err(labelled(label.unwrap_or_default())),
        _ => {}
    }
    let now = api.clock.now();
    if let Decision::Label { intent, create } = &decision {
        if input.text.as_ref().is_some_and(|text| *text != item.text) {
            return Err(said_otherwise(&item.text));
        }
        let example = example(&latest, &item.text, intent, *create)?;
        let example = annotated(example, input.entities)?;
        let adding = latest.add(&mut transaction, &example, identity.subject, now);
        adding.await?.map_err(|why| no_room(&why))?;
    }
    let item = decide(&mut transaction, id, &decision, (identity.subject, now)).await?;
    traced("transaction.commit", transaction.commit()).await?;
    Ok(Json(item))
}

fn no_room(why: &str) -> Problem {
    let detail = format!("The training data has no room for this utterance: {why}.");
    Problem::new(ErrorCode::Conflict, detail)
}

/// What was said of an utterance.
enum Decision {
    Label { intent: String, create: bool },
    Dismiss,
}

impl Decision {
    fn of(input: &LabelInboxItem) -> Result<Self, Problem> {
        if input.intent.is_none() && !input.entities.is_empty() {
            let message = "entities are marked in an example: send `intent` with them";
            return Err(Problem::at("/entities", message));
        }
        match (&input.intent, input.dismiss) {
            (Some(intent), false) if is_name(intent) => Ok(Self::Label {
                intent: intent.clone(),
                create: input.create_intent,
            }),
            (Some(_), false) => Err(at_intent(
                "The intent is not a name.",
                "a name has no spaces around it, and no control characters",
            )),
            (None, true) => Ok(Self::Dismiss),
            (Some(_), true) | (None, false) => {
                let detail =
                    "Send either `intent`, what the utterance means, or `\"dismiss\": true`.";
                Err(Problem::new(ErrorCode::Invalid, detail))
            }
        }
    }

    fn stored(&self) -> (InboxStatus, Option<&str>) {
        match self {
            Self::Label { intent, .. } => (InboxStatus::Labelled, Some(intent)),
            Self::Dismiss => (InboxStatus::Dismissed, None),
        }
    }
}

/// Who the utterance was said to; one of another account is not there.
async fn assistant_of(api: &Api, identity: &Identity, id: Uuid) -> Result<Uuid, Problem> {
    let select = sqlx::query_scalar!(
        "SELECT i.assistant_id FROM inbox_items i JOIN assistants a ON a.id = i.assistant_id
         WHERE i.id = $1 AND a.account_id = $2 AND ($3::uuid IS NULL OR a.id = $3)",
        id,
        identity.account,
        identity.assistant,
    );
    let found = traced("inbox_item.assistant", select.fetch_optional(&api.pool)).await?;
    found.ok_or_else(|| Problem::not_found("utterance in the inbox"))
}

async fn find(transaction: &mut PgTransaction<'_>, id: Uuid) -> Result<InboxItem, Problem> {
    let select = sqlx::query_as!(
        Row,
        r#"SELECT id, assistant_id, text, seen, first_at, last_at, model_version, status, intent, decided_at,
               guesses AS "guesses: Stored<Vec<RankedIntent>>"
           FROM inbox_items WHERE id = $1 FOR UPDATE"#,
        id,
    );
    let found = traced("inbox_item.lock", select.fetch_optional(&mut **transaction)).await?;
    let row = found.ok_or_else(|| Problem::not_found("utterance in the inbox"))?;
    Ok(row.into())
}

/// The utterance as an example of an intent that may be meant.
fn example(latest: &Latest, text: &str, intent: &str, create: bool) -> Result<Example, Problem> {
    let is_none = intent == OUT_OF_SCOPE;
    if !is_none && !create && !latest.intents.iter().any(|known| known == intent) {
        return Err(unknown(intent, &latest.intents));
    }
    Ok(Example {
        text: text.to_owned(),
        intent: (!is_none).then(|| intent.to_owned()),
        ..Example::default()
    })
}

/// The example without the space around it, and with its entities, which are checked as those of a document are.
fn annotated(mut example: Example, entities: Vec<EntityAnnotation>) -> Result<Example, Problem> {
    if entities.is_empty() {
        let text = example.text.trim().to_owned();
        return Ok(Example { text, ..example });
    }
    example.entities = entities;
    let place = |message| FieldError {
        pointer: Some("/entities".to_owned()),
        message,
        ..FieldError::default()
    };
    checked(example).map_err(|messages| {
        let detail = "The entities are not marked rightly; nothing was labelled.";
        let places = messages.into_iter().map(place).collect();
        Problem::new(ErrorCode::Invalid, detail).with_errors(places)
    })
}

fn said_otherwise(text: &str) -> Problem {
    let place = FieldError {
        pointer: Some("/text".to_owned()),
        message: format!("it is \"{text}\" now"),
        ..FieldError::default()
    };
    let detail = "The utterance was said otherwise since it was shown; mark its entities again.";
    Problem::new(ErrorCode::Conflict, detail).with_errors(vec![place])
}

async fn decide(
    transaction: &mut PgTransaction<'_>,
    id: Uuid,
    decision: &Decision,
    (by, now): (Uuid, OffsetDateTime),
) -> Result<InboxItem, DatabaseError> {
    let (status, intent) = decision.stored();
    let update = sqlx::query_as!(
        Row,
        r#"UPDATE inbox_items SET status = $2, intent = $3, decided_by = $4, decided_at = $5 WHERE id = $1
           RETURNING id, assistant_id, text, seen, first_at, last_at, model_version, status, intent, decided_at,
               guesses AS "guesses: Stored<Vec<RankedIntent>>""#,
        id,
        status.as_str(),
        intent,
        by,
        now,
    );
    let row = traced("inbox_item.decide", update.fetch_one(&mut **transaction)).await?;
    Ok(row.into())
}

fn at_intent(detail: &str, message: impl Into<String>) -> Problem {
    let place = FieldError {
        pointer: Some("/intent".to_owned()),
        message: message.into(),
        ..FieldError::default()
    };
    Problem::new(ErrorCode::Invalid, detail).with_errors(vec![place])
}

fn unknown(intent: &str, known: &[String]) -> Problem {
    let message = if known.is_empty() {
        "the training data has no intent yet".to_owned()
    } else {
        let names: Vec<_> = known
            .iter()
            .take(NAMED)
            .map(|name| format!("`{name}`"))
            .collect();
        let more = known.len().saturating_sub(NAMED);
        let rest = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!("the training data has {}{rest}", names.join(", "))
    };
    let detail = format!(
        "The training data has no intent `{intent}`; send `\"create_intent\": true` with it if it is to be a new one."
    );
    at_intent(&detail, message)
}

fn labelled(label: &str) -> Problem {
    let detail = format!(
        "This utterance is an example of `{label}` already; change what it means in the training data."
    );
    Problem::new(ErrorCode::Conflict, detail)
}
