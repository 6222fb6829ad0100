//! Revisions of training data: how one becomes the latest, and which are kept.

use std::collections::BTreeSet;

use sqlx::{PgPool, PgTransaction, types::Json as Stored};
use stoa_contracts::training_data::{Example, TrainingData};
use stoa_postgres::{DatabaseError, traced};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::training_data::{EXAMPLES_LIMIT, excess_of_intents, excess_of_labels};

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
        let next = next(transaction, self.assistant, self.account, self.after, now);
        let Some(version) = next.await? else {
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

/// The latest revision of an assistant that is locked: no other comes to be meanwhile.
pub(crate) struct Latest {
    assistant: Uuid,
    account: Uuid,
    /// 0 if there is none yet.
    pub(crate) version: i32,
    examples: i32,
    /// The intents of its utterances, in order.
    pub(crate) intents: Vec<String>,
    entities: Vec<String>,
}

impl Latest {
    /// Locks an assistant of an account, and looks; none if it has none such.
    pub(crate) async fn lock(
        transaction: &mut PgTransaction<'_>,
        assistant: Uuid,
        account: Uuid,
    ) -> Result<Option<Self>, DatabaseError> {
        let lock = sqlx::query_scalar!(
            "SELECT id FROM assistants WHERE id = $1 AND account_id = $2 FOR NO KEY UPDATE",
            assistant,
            account,
        );
        let locked = traced("assistant.lock", lock.fetch_optional(&mut **transaction)).await?;
        if locked.is_none() {
            return Ok(None);
        }
        let select = sqlx::query!(
            "SELECT version, examples, intents, entities FROM training_data
             WHERE assistant_id = $1 ORDER BY version DESC LIMIT 1",
            assistant,
        );
        let found = traced(
            "training_data.latest",
            select.fetch_optional(&mut **transaction),
        )
        .await?;
        let (version, examples, intents, entities) = found.map_or_else(
            || (0, 0, Vec::new(), Vec::new()),
            |row| (row.version, row.examples, row.intents, row.entities),
        );
        Ok(Some(Self {
            assistant,
            account,
            version,
            examples,
            intents,
            entities,
        }))
    }

    /// Makes a new revision with one more utterance, or leaves it at that where the data has it already; says why if there
    /// is no room for it. The data stays in the database: it may be large.
    pub(crate) async fn add(
        &self,
        transaction: &mut PgTransaction<'_>,
        example: &Example,
        by: Uuid,
        now: OffsetDateTime,
    ) -> Result<Result<(), String>, DatabaseError> {
        if self.has(transaction, example).await? {
            return Ok(Ok(()));
        }
        if usize::try_from(self.examples).is_ok_and(|many| many >= EXAMPLES_LIMIT) {
            let why = format!("it has {EXAMPLES_LIMIT} utterances, and may not have more");
            return Ok(Err(why));
        }
        let mut intents: BTreeSet<_> = self.intents.iter().map(String::as_str).collect();
        intents.extend(example.intent.as_deref());
        let is_new = intents.len() > self.intents.len();
        if let Some(why) = excess_of_intents(intents.len()).filter(|_| is_new) {
            return Ok(Err(why));
        }
        if let Some(why) = self.excess_of_labels(transaction, example).await? {
            return Ok(Err(why));
        }
        let mut entities: BTreeSet<_> = self.entities.iter().map(String::as_str).collect();
        entities.extend(example.entities.iter().map(|marked| marked.entity.as_str()));
        let next = next(transaction, self.assistant, self.account, None, now);
        let version = next.await?;
        let version = version.expect("the assistant is there as long as it is locked");
        let insert = sqlx::query!(
            r#"INSERT INTO training_data
                   (assistant_id, version, data, examples, intents, entities, created_by, created_at)
               SELECT $1, $2,
                   jsonb_set(coalesce(d.data, '{"examples": []}'), '{examples}', coalesce(d.data -> 'examples', '[]') || $4),
                   coalesce(d.examples, 0) + 1, $5, $8, $6, $7
               FROM (SELECT) AS one
               LEFT JOIN training_data d ON d.assistant_id = $1 AND d.version = $3"#,
            self.assistant,
            version,
            self.version,
            Stored([example]) as _,
            &owned(intents),
            by,
            now,
            &owned(entities),
        );
        traced("training_data.add", insert.execute(&mut **transaction)).await?;
        forget(transaction, self.assistant, version - KEPT).await?;
        Ok(Ok(()))
    }

    /// What is wrong where an utterance brings more kinds of entity than there may be.
    async fn excess_of_labels(
        &self,
        transaction: &mut PgTransaction<'_>,
        example: &Example,
    ) -> Result<Option<String>, DatabaseError> {
        if example.entities.is_empty() {
            return Ok(None);
        }
        let select = sqlx::query!(
            r#"SELECT DISTINCT l.named ->> 'entity' AS "entity!", l.named ->> 'role' AS "role?", l.named ->> 'group' AS "group?"
               FROM training_data d, LATERAL (
                   SELECT jsonb_path_query(d.data, '$.examples[*].entities[*]')
                   UNION ALL SELECT jsonb_path_query(d.data, '$.lookups[*]')) AS l(named)
               WHERE d.assistant_id = $1 AND d.version = $2"#,
            self.assistant,
            self.version,
        );
        let labels = traced("training_data.labels", select.fetch_all(&mut **transaction));
        let known = labels.await?.into_iter();
        let known = known.map(|row| (row.entity, row.role, row.group));
        Ok(excess_of_labels(known.collect(), &example.entities))
    }

    /// Makes an earlier revision the latest once more, as a new one; none if it is not kept. The data stays in the database.
    pub(crate) async fn restore(
        &self,
        transaction: &mut PgTransaction<'_>,
        version: i32,
        by: Uuid,
        now: OffsetDateTime,
    ) -> Result<Option<i32>, DatabaseError> {
        let next = next(transaction, self.assistant, self.account, None, now);
        let Some(new) = next.await? else {
            return Ok(None);
        };
        let insert = sqlx::query!(
            "INSERT INTO training_data
                 (assistant_id, version, data, examples, intents, entities, created_by, created_at, restored_from)
             SELECT assistant_id, $3, data, examples, intents, entities, $4, $5, version
             FROM training_data WHERE assistant_id = $1 AND version = $2",
            self.assistant,
            version,
            new,
            by,
            now,
        );
        let inserted = traced("training_data.restore", insert.execute(&mut **transaction)).await?;
        if inserted.rows_affected() == 0 {
            return Ok(None);
        }
        forget(transaction, self.assistant, new - KEPT).await?;
        Ok(Some(new))
    }

    /// Whether it has this utterance with this intent, and with its entities where some are marked.
    async fn has(
        &self,
        transaction: &mut PgTransaction<'_>,
        example: &Example,
    ) -> Result<bool, DatabaseError> {
        let select = sqlx::query_scalar!(
            r#"SELECT EXISTS (
                   SELECT FROM training_data d, jsonb_array_elements(d.data -> 'examples') AS e
                   WHERE d.assistant_id = $1 AND d.version = $2 AND e ->> 'text' = $3
                       AND e ->> 'intent' IS NOT DISTINCT FROM $4
                       AND ($5 = '[]'::jsonb OR e -> 'entities' = $5)) AS "has!""#,
            self.assistant,
            self.version,
            example.text,
            example.intent,
            Stored(&example.entities) as _,
        );
        traced("training_data.has", select.fetch_one(&mut **transaction)).await
    }
}

/// The latest revision and its number; none if there is none yet.
pub(crate) async fn latest(
    pool: &PgPool,
    assistant: Uuid,
) -> Result<Option<(i32, TrainingData)>, DatabaseError> {
    let select = sqlx::query!(
        r#"SELECT version, data AS "data: Stored<TrainingData>" FROM training_data
           WHERE assistant_id = $1 ORDER BY version DESC LIMIT 1"#,
        assistant,
    );
    let found = traced("training_data.get", select.fetch_optional(pool)).await?;
    Ok(found.map(|row| (row.version, row.data.0)))
}

/// The number of the next revision; none if the account has no such assistant, or it has another latest one than `after`.
async fn next(
    transaction: &mut PgTransaction<'_>,
    assistant: Uuid,
    account: Uuid,
    after: Option<i32>,
    now: OffsetDateTime,
) -> Result<Option<i32>, DatabaseError> {
    let next = sqlx::query_scalar!(
        "UPDATE assistants SET training_data_version = training_data_version + 1, updated_at = $3
         WHERE id = $1 AND account_id = $2 AND training_data_version = coalesce($4, training_data_version)
         RETURNING training_data_version",
        assistant,
        account,
        now,
        after,
    );
    traced(
        "training_data.next",
        next.fetch_optional(&mut **transaction),
    )
    .await
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
