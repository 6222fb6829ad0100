//! How an evaluation begins: its row and its job, both or neither.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use sqlx::{PgTransaction, types::Json as Stored};
use stoa_contracts::{
    ErrorCode,
    evaluations::{CreateEvaluation, Evaluation, EvaluationSummary, LabelledSet},
    jobs::Evaluate,
    training_data::TrainingData,
    trainings::TrainingStatus,
};
use stoa_postgres::{DatabaseError, begin, traced};
use stoa_service::{Identity, Problem};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    super::{taken, trainings},
    Row,
};
use crate::state::Api;

/// Evaluations of an assistant that are kept.
const KEPT: i64 = 100;

/// What is measured, and how.
#[derive(Default)]
struct Subject {
    folds: Option<i32>,
    training_data_version: Option<i32>,
    model_version: Option<i32>,
    data: Option<Stored<TrainingData>>,
}

/// By which a labelled set is known again: what its examples are, in whatever order.
pub(super) fn set_digest(input: &CreateEvaluation) -> Option<String> {
    let CreateEvaluation::LabelledSet(set) = input else {
        return None;
    };
    let examples = set.examples.iter().map(serde_json::to_string);
    let mut examples: Vec<_> = examples.collect::<Result<_, _>>().ok()?;
    examples.sort_unstable();
    // In JSON a line break is written otherwise: one that stands by itself is between two.
    let digest = Sha256::digest(examples.join("\n"));
    Some(URL_SAFE_NO_PAD.encode(digest))
}

pub(super) async fn start(
    api: &Api,
    identity: &Identity,
    id: Uuid,
    input: CreateEvaluation,
    set_digest: Option<String>,
) -> Result<Evaluation, Problem> {
    let now = api.clock.now();
    let mut transaction = begin(&api.pool).await?;
    let subject = subject(&mut transaction, identity, id, input).await?;
    make_room(&mut transaction, id, now).await?;
    let job_id = Uuid::now_v7();
    let insert = sqlx::query_as!(
        Row,
        r#"INSERT INTO evaluations (id, assistant_id, folds, training_data_version, model_version,
               data, status, created_by, created_at, updated_at, job_id, set_digest)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11)
           RETURNING id, job_id, assistant_id, folds, training_data_version, model_version, set_digest,
               status, progress, summary AS "summary: Stored<EvaluationSummary>", error, created_at,
               finished_at"#,
        Uuid::now_v7(),
        id,
        subject.folds,
        subject.training_data_version,
        subject.model_version,
        subject.data as _,
        TrainingStatus::Queued.as_str(),
        identity.subject,
        now,
        job_id,
        set_digest,
    );
    let inserted = traced("evaluation.insert", insert.fetch_one(&mut *transaction)).await;
    let evaluation: Evaluation = inserted.map_err(already_running)?.into();
    let account_id = identity.account;
    let job = Evaluate {
        evaluation_id: evaluation.id,
        assistant_id: id,
        account_id,
    };
    stoa_outbox::put_as(&mut transaction, job_id, account_id, &job, now).await?;
    traced("transaction.commit", transaction.commit()).await?;
    Ok(evaluation)
}

/// What is there to be measured. The assistant stays locked, so that the revision of its data is not forgotten before
/// the evaluation is there.
async fn subject(
    transaction: &mut PgTransaction<'_>,
    identity: &Identity,
    id: Uuid,
    input: CreateEvaluation,
) -> Result<Subject, Problem> {
    let select = sqlx::query!(
        "SELECT training_data_version, active_model FROM assistants
         WHERE id = $1 AND account_id = $2 FOR UPDATE",
        id,
        identity.account,
    );
    let found = traced("assistant.lock", select.fetch_optional(&mut **transaction)).await?;
    let assistant = found.ok_or_else(|| Problem::not_found("assistant"))?;
    match input {
        CreateEvaluation::CrossValidation(validation) => {
            let version = assistant.training_data_version;
            trainings::require_examples(transaction, id, version).await?;
            Ok(Subject {
                folds: i32::try_from(validation.folds).ok(),
                training_data_version: Some(version),
                ..Subject::default()
            })
        }
        CreateEvaluation::LabelledSet(LabelledSet { examples, model }) => {
            let data = TrainingData {
                examples,
                ..TrainingData::default()
            };
            let version = asked_model(transaction, id, model, assistant.active_model).await?;
            Ok(Subject {
                model_version: Some(version),
                data: Some(Stored(data)),
                ..Subject::default()
            })
        }
    }
}

async fn asked_model(
    transaction: &mut PgTransaction<'_>,
    id: Uuid,
    asked: Option<i32>,
    active: Option<i32>,
) -> Result<i32, Problem> {
    let version = asked.or(active).ok_or_else(|| {
        let detail = "This assistant has no model yet; train one, or cross-validate its data.";
        Problem::new(ErrorCode::Conflict, detail)
    })?;
    let select = sqlx::query_scalar!(
        "SELECT version FROM models WHERE assistant_id = $1 AND version = $2",
        id,
        version,
    );
    let found = traced("model.exists", select.fetch_optional(&mut **transaction)).await?;
    found.ok_or_else(|| {
        let detail = format!("This assistant has no model of version {version}; see its models.");
        Problem::new(ErrorCode::Invalid, detail)
    })
}

/// Gives up what has fallen silent, and forgets the oldest.
async fn make_room(
    transaction: &mut PgTransaction<'_>,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    let update = sqlx::query!(
        "UPDATE evaluations SET status = 'failed', finished_at = $2, updated_at = $2,
             error = 'Nothing was heard of this evaluation for two hours.'
         WHERE assistant_id = $1 AND status IN ('queued', 'running') AND updated_at < $3",
        id,
        now,
        now - trainings::SILENCE,
    );
    traced(
        "evaluation.give_up_silent",
        update.execute(&mut **transaction),
    )
    .await?;
    let delete = sqlx::query!(
        "DELETE FROM evaluations WHERE id IN
             (SELECT id FROM evaluations WHERE assistant_id = $1 AND finished_at IS NOT NULL
              ORDER BY created_at DESC, id DESC OFFSET $2)",
        id,
        KEPT - 1,
    );
    traced("evaluation.forget", delete.execute(&mut **transaction)).await?;
    Ok(())
}

fn already_running(error: DatabaseError) -> Problem {
    taken(
        error,
        Some("evaluations_one_at_a_time"),
        "An evaluation of this assistant is running; wait for it to end.",
    )
}
