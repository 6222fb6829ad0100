//! Takes utterances that `nlu` was not sure of, as `worker` brings them.

use std::collections::BTreeMap;

use axum::extract::State;
use sqlx::PgTransaction;
use stoa_contracts::inbox::{
    GUESSES_LIMIT, InboxBatch, InboxTaken, TEXT_LIMIT, UncertainUtterance,
};
use stoa_contracts::{ErrorCode, parse::RankedIntent};
use stoa_postgres::{DatabaseError, begin, traced};
use stoa_service::{Json, Path, Problem, Trusted};
use uuid::Uuid;

use crate::{secrets, state::Api, training_data::normalised};

/// Utterances of an assistant that wait for a person: more than one will ever look through. The newest stay.
const OPEN_LIMIT: i64 = 10_000;

/// Takes a batch; the same one twice is the same as once.
///
/// One that was labelled or dismissed stays so, however often it is said: its label is in the training data, and a
/// model that is unsure of it all the same leaves nothing new to decide.
pub(super) async fn take_inbox_batch(
    State(api): State<Api>,
    Path((assistant, batch)): Path<(Uuid, Uuid)>,
    Trusted(InboxBatch { utterances }): Trusted<InboxBatch>,
) -> Result<Json<InboxTaken>, Problem> {
    let utterances = merged(utterances)?;
    let mut transaction = begin(&api.pool).await?;
    // Held until the end, so that batches of one assistant come one after the other, and its bound holds.
    let select = sqlx::query_scalar!(
        "SELECT collects_utterances FROM assistants WHERE id = $1 FOR NO KEY UPDATE",
        assistant,
    );
    let collects = traced(
        "assistant.collects",
        select.fetch_optional(&mut *transaction),
    )
    .await?;
    // What was said before it was switched off is not kept after.
    if !collects.ok_or_else(|| Problem::not_found("assistant"))? {
        return Ok(Json(InboxTaken::default()));
    }
    let insert = sqlx::query!(
        "INSERT INTO inbox_batches (id, taken_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        batch,
        api.clock.now(),
    );
    let inserted = traced("inbox_batch.insert", insert.execute(&mut *transaction)).await?;
    if inserted.rows_affected() == 0 {
        return Ok(Json(InboxTaken::default()));
    }
    let taken = utterances.len();
    keep(&mut transaction, assistant, utterances).await?;
    let forget = sqlx::query!(
        "DELETE FROM inbox_items WHERE id IN (
             SELECT id FROM inbox_items WHERE assistant_id = $1 AND status = 'open'
             ORDER BY last_at DESC OFFSET $2)",
        assistant,
        OPEN_LIMIT,
    );
    traced("inbox_item.forget", forget.execute(&mut *transaction)).await?;
    traced("transaction.commit", transaction.commit()).await?;
    Ok(Json(InboxTaken { taken }))
}

/// The utterances by what makes them the same, each once.
fn merged(
    utterances: Vec<UncertainUtterance>,
) -> Result<BTreeMap<Vec<u8>, UncertainUtterance>, Problem> {
    let mut merged: BTreeMap<Vec<u8>, UncertainUtterance> = BTreeMap::new();
    for utterance in utterances {
        let text = &utterance.text;
        let is_good = !text.trim().is_empty()
            && !text.contains('\0')
            && text.chars().count() <= TEXT_LIMIT
            && utterance.times > 0;
        if !is_good {
            let detail =
                format!("An utterance has 1 to {TEXT_LIMIT} characters and no NUL, and was said.");
            return Err(Problem::new(ErrorCode::Invalid, detail));
        }
        let key = secrets::digest(&normalised(text));
        match merged.get_mut(&key) {
            Some(known) => known.join(utterance),
            None => drop(merged.insert(key, utterance)),
        }
    }
    Ok(merged)
}

async fn keep(
    transaction: &mut PgTransaction<'_>,
    assistant: Uuid,
    utterances: BTreeMap<Vec<u8>, UncertainUtterance>,
) -> Result<(), DatabaseError> {
    let (hashes, utterances): (Vec<_>, Vec<_>) = utterances.into_iter().unzip();
    let each = || utterances.iter();
    let ids: Vec<_> = each().map(|_| Uuid::now_v7()).collect();
    let texts: Vec<_> = each().map(|utterance| utterance.text.clone()).collect();
    let times: Vec<_> = each().map(|utterance| i64::from(utterance.times)).collect();
    let first: Vec<_> = each().map(|utterance| utterance.first_at).collect();
    let last: Vec<_> = each().map(|utterance| utterance.last_at).collect();
    let versions: Vec<_> = each().map(|utterance| utterance.model_version).collect();
    let guesses: Vec<_> = each()
        .map(|utterance| serde_json::json!(guesses(utterance)))
        .collect();
    let upsert = sqlx::query!(
        "INSERT INTO inbox_items AS i
             (id, assistant_id, text_hash, text, seen, first_at, last_at, guesses, model_version)
         SELECT n.id, $1, n.text_hash, n.text, n.seen, n.first_at, n.last_at, n.guesses, n.model_version
         FROM unnest($2::uuid[], $3::bytea[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[],
                 $8::jsonb[], $9::integer[])
             AS n (id, text_hash, text, seen, first_at, last_at, guesses, model_version)
         ON CONFLICT (assistant_id, text_hash) DO UPDATE SET
             seen = i.seen + excluded.seen,
             first_at = least(i.first_at, excluded.first_at),
             last_at = greatest(i.last_at, excluded.last_at),
             text = CASE WHEN excluded.last_at >= i.last_at THEN excluded.text ELSE i.text END,
             guesses = CASE WHEN excluded.last_at >= i.last_at THEN excluded.guesses ELSE i.guesses END,
             model_version =
                 CASE WHEN excluded.last_at >= i.last_at THEN excluded.model_version ELSE i.model_version END",
        assistant,
        &ids,
        &hashes,
        &texts,
        &times,
        &first,
        &last,
        &guesses,
        &versions,
    );
    traced("inbox_item.keep", upsert.execute(&mut **transaction)).await?;
    Ok(())
}

/// The best guesses, as many as are kept.
fn guesses(utterance: &UncertainUtterance) -> &[RankedIntent] {
    &utterance.guesses[..utterance.guesses.len().min(GUESSES_LIMIT)]
}
