//! Takes what `nlu` has seen of the versions of a rollout.

use axum::extract::State;
use sqlx::types::Json as Stored;
use stoa_contracts::rollouts::{
    Answers, DISAGREEMENTS_LIMIT, Disagreement, Seen, SeenBatch, TEXT_LIMIT, Versions,
};
use stoa_postgres::{begin, traced};
use stoa_service::{Json, Path, Problem, Trusted};
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::rollouts::{canary, shadow};
use crate::state::Api;

/// Batches that are known to be counted: those of some minutes, and `nlu` tries one again within seconds.
const BATCHES: usize = 100;

/// Counts a batch; the same one twice is the same as once, and one of other versions than those that are tried now
/// changes nothing.
pub(super) async fn take_seen_batch(
    State(api): State<Api>,
    Path((assistant, batch)): Path<(Uuid, Uuid)>,
    Trusted(SeenBatch { versions, seen }): Trusted<SeenBatch>,
) -> Result<Json<()>, Problem> {
    let mut transaction = begin(&api.pool).await?;
    let select = sqlx::query!(
        r#"SELECT a.active_model, a.collects_utterances, r.canary_model, r.canary_weight, r.shadow_model,
               r.seen_beside, r.seen AS "seen: Stored<Seen>", r.batches
           FROM rollouts r JOIN assistants a ON a.id = r.assistant_id
           WHERE r.assistant_id = $1 FOR NO KEY UPDATE OF r"#,
        assistant,
    );
    let found = traced("rollout.lock", select.fetch_optional(&mut *transaction)).await?;
    let Some(row) = found else {
        return Ok(Json(()));
    };
    let active = row.active_model;
    let canary = canary(active, row.canary_model, row.canary_weight);
    let tried = active.map(|active| Versions {
        active,
        canary: canary.map(|canary| canary.version),
        shadow: shadow(Some(active), row.shadow_model).map(|shadow| shadow.version),
    });
    if tried != Some(versions) || row.batches.contains(&batch) {
        return Ok(Json(()));
    }
    // What was seen beside another active version says nothing of this one.
    let mut all = match row.seen_beside {
        beside if beside == active => row.seen.0,
        _ => Seen::default(),
    };
    add(&mut all, seen, api.clock.now() - api.inbox_kept);
    if !row.collects_utterances {
        all.shadow.disagreements.clear();
    }
    let mut batches = row.batches;
    batches.push(batch);
    let late = batches.len().saturating_sub(BATCHES);
    let update = sqlx::query!(
        "UPDATE rollouts SET seen = $2, seen_beside = $3, batches = $4 WHERE assistant_id = $1",
        assistant,
        Stored(all) as _,
        active,
        &batches[late..],
    );
    traced("rollout.count", update.execute(&mut *transaction)).await?;
    traced("transaction.commit", transaction.commit()).await?;
    Ok(Json(()))
}

fn add(all: &mut Seen, more: Seen, kept_since: OffsetDateTime) {
    let answers = |all: &mut Answers, more: Answers| {
        all.total = all.total.saturating_add(more.total);
        all.out_of_scope = all.out_of_scope.saturating_add(more.out_of_scope);
    };
    answers(&mut all.active, more.active);
    answers(&mut all.canary, more.canary);
    let shadow = &mut all.shadow;
    shadow.agreed = shadow.agreed.saturating_add(more.shadow.agreed);
    shadow.disagreed = shadow.disagreed.saturating_add(more.shadow.disagreed);
    let is_kept = |one: &Disagreement| {
        one.at >= kept_since && !one.text.contains('\0') && one.text.chars().count() <= TEXT_LIMIT
    };
    shadow.disagreements.extend(more.shadow.disagreements);
    shadow.disagreements.retain(is_kept);
    shadow
        .disagreements
        .sort_by_key(|one| std::cmp::Reverse(one.at));
    shadow.disagreements.truncate(DISAGREEMENTS_LIMIT);
}
