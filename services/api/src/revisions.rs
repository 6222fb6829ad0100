//! Revisions of training data: how one becomes the latest, and which are kept.

use std::collections::BTreeSet;

use sqlx::{PgTransaction, types::Json as Stored};
use stoa_contracts::training_data::TrainingData;
use stoa_postgres::{DatabaseError, traced};
use time::OffsetDateTime;
use uuid::Uuid;

/// Revisions that are kept beside those that a running training, evaluation or export needs.
const KEPT: i32 = 20;

/// Training data that is to become the latest.
pub(crate) struct NewRevision<'a> {
    pub(crate) account: Uuid,
    pub(crate) assistant: Uuid,
    pub(crate) by: Uuid,
    pub(crate) data: &'a TrainingData,
    /// The revision that must be the latest until then; none where it does not matter.
    pub(crate) after: Option<i32>,
}

/// The latest revision.
pub(crate) struct Revision {
    pub(crate) version: i32,
    pub(crate) intents: usize,
    pub(crate) entities: usize,
}

impl NewRevision<'_> {
    /// Makes it the latest; none if the assistant is gone, or has another latest revision than expected.
    pub(crate) async fn insert(
        &self,
        transaction: &mut PgTransaction<'_>,
        now: OffsetDateTime,
    ) -> Result<Option<Revision>, DatabaseError> {
        let next = sqlx::query_scalar!(
            "UPDATE assistants SET training_data_version = training_data_version + 1, updated_at = $3
             WHERE id = $1 AND account_id = $2 AND training_data_version = coalesce($4, training_data_version)
             RETURNING training_data_version",
            self.assistant,
            self.account,
            now,
            self.after,
        );
        let next = traced(
            "training_data.next",
            next.fetch_optional(&mut **transaction),
        )
        .await?;
        let Some(version) = next else {
            return Ok(None);
        };
        let (intents, entities) = (intents(self.data), entities(self.data));
        let examples = self.data.examples.len();
        let insert = sqlx::query!(
            "INSERT INTO training_data
                 (assistant_id, version, data, examples, intents, entities, created_by, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            self.assistant,
            version,
            Stored(self.data) as _,
            i32::try_from(examples).expect("training data has at most 100,000 utterances"),
            &intents,
            &entities,
            self.by,
            now,
        );
        traced("training_data.insert", insert.execute(&mut **transaction)).await?;
        forget(transaction, self.assistant, version - KEPT).await?;
        Ok(Some(Revision {
            version,
            intents: intents.len(),
            entities: entities.len(),
        }))
    }
}

/// Forgets revisions up to `version` that nothing needs.
async fn forget(
    transaction: &mut PgTransaction<'_>,
    assistant: Uuid,
    version: i32,
) -> Result<(), DatabaseError> {
    let forget = sqlx::query!(
        "DELETE FROM training_data d WHERE assistant_id = $1 AND version <= $2 AND NOT EXISTS
             (SELECT 1 FROM trainings t WHERE t.assistant_id = $1
              AND t.training_data_version = d.version AND t.status IN ('queued', 'running'))
         AND NOT EXISTS
             (SELECT 1 FROM evaluations e WHERE e.assistant_id = $1
              AND e.training_data_version = d.version AND e.status IN ('queued', 'running'))
         AND NOT EXISTS
             (SELECT 1 FROM transfers x WHERE x.assistant_id = $1 AND x.direction = 'export'
              AND x.base_version = d.version AND x.status IN ('queued', 'running'))",
        assistant,
        version,
    );
    traced("training_data.forget", forget.execute(&mut **transaction)).await?;
    Ok(())
}

/// The names of the intents in it.
pub(crate) fn intents(data: &TrainingData) -> Vec<String> {
    let named = data.examples.iter();
    let named = named.filter_map(|example| example.intent.as_deref());
    owned(named.collect())
}

fn entities(data: &TrainingData) -> Vec<String> {
    let annotated = data.examples.iter().flat_map(|example| &example.entities);
    let annotated = annotated.map(|entity| entity.entity.as_str());
    let lookups = data.lookups.iter().map(|lookup| lookup.entity.as_str());
    let regexes = data.regexes.iter().map(|regex| regex.entity.as_str());
    owned(annotated.chain(lookups).chain(regexes).collect())
}

fn owned(names: BTreeSet<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}
