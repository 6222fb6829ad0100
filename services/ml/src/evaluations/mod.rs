//! Evaluations: started by `worker`, run in the background, asked for their progress.

mod store;

use crate::engine::{self, EvaluateError, Model, Options, Progress, TrainError};
use crate::metrics::Kind;
use crate::models::Models;
use crate::runs::{Claim, How, Run, Runner, Stopped, claims, full};
use axum::extract::State;
use axum::http::StatusCode;
use sqlx::PgPool;
use std::sync::Arc;
use stoa_contracts::ErrorCode;
use stoa_contracts::evaluations::{
    EvaluationMethod, EvaluationReport, EvaluationResult, EvaluationSnapshot, MOST_FOLDS,
};
use stoa_contracts::training_data::TrainingData;
use stoa_contracts::trainings::TrainingStatus;
use stoa_contracts::understanding::Understanding;
use stoa_postgres::DatabaseError;
use stoa_service::{Json, Path, Problem, Trusted};
use uuid::Uuid;

/// Runs evaluations. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Evaluator {
    runner: Runner,
    models: Models,
}

impl Evaluator {
    pub(crate) fn new(runner: Runner, models: Models) -> Self {
        Self { runner, models }
    }

    /// Starts an evaluation unless somebody works on it or has ended it.
    async fn start(&self, snapshot: EvaluationSnapshot) -> Result<EvaluationReport, Problem> {
        let (pool, evaluation) = (&self.runner.pool, snapshot.evaluation_id);
        let Some(place) = self.runner.place() else {
            let report = store::report(pool, evaluation).await?;
            return report.ok_or_else(full);
        };
        // Before it is claimed: an evaluation of a model that is not there never begins.
        let method = self.method(&snapshot).await?;
        let claim = Claim::new(evaluation);
        if !store::claim(pool, claim, &snapshot).await? {
            let report = store::report(pool, evaluation).await?;
            return report.ok_or_else(|| Problem::not_found("evaluation"));
        }
        let span = tracing::info_span!(
            "model.evaluate",
            otel.status_code = tracing::field::Empty,
            evaluation.id = %evaluation,
            assistant.id = %snapshot.assistant_id,
            examples = snapshot.data.examples.len(),
        );
        let how = How {
            language: snapshot.language,
            // A model that is there knows by itself.
            is_encoded: snapshot.is_encoded && matches!(method, Method::Folds(_)),
        };
        let input = (snapshot.data, method, snapshot.understanding);
        self.runner
            .start::<Evaluation>((claim, place), how, input, span);
        Ok(EvaluationReport {
            status: TrainingStatus::Queued,
            progress: 0.0,
            result: None,
            error: None,
        })
    }

    async fn method(&self, snapshot: &EvaluationSnapshot) -> Result<Method, Problem> {
        match snapshot.method {
            EvaluationMethod::Folds(folds) => Ok(Method::Folds(folds.min(MOST_FOLDS) as usize)),
            EvaluationMethod::Model(version) => {
                let model = self.models.get(snapshot.assistant_id, version).await?;
                Ok(Method::Model(model))
            }
        }
    }
}

/// `PUT /internal/v1/evaluations/{id}`: measures in the background. Twice is the same as once:
/// while it runs and when it is done, the answer is how far it is.
pub(crate) async fn start_evaluation(
    State(evaluator): State<Evaluator>,
    Path(id): Path<Uuid>,
    Trusted(snapshot): Trusted<EvaluationSnapshot>,
) -> Result<(StatusCode, Json<EvaluationReport>), Problem> {
    if snapshot.evaluation_id != id {
        let detail = "The path and the body name different evaluations.";
        return Err(Problem::new(ErrorCode::Invalid, detail));
    }
    let report = evaluator.start(snapshot).await?;
    Ok((StatusCode::ACCEPTED, Json(report)))
}

/// `GET /internal/v1/evaluations/{id}`: how far an evaluation is, and what it found. 404 where
/// nobody works on it: start it (again).
pub(crate) async fn get_evaluation(
    State(evaluator): State<Evaluator>,
    Path(id): Path<Uuid>,
) -> Result<Json<EvaluationReport>, Problem> {
    let report = store::report(&evaluator.runner.pool, id).await?;
    report
        .map(Json)
        .ok_or_else(|| Problem::not_found("evaluation at work"))
}

/// `DELETE /internal/v1/evaluations/{id}`: stops an evaluation, wherever it runs. One that has ended stays as it is.
pub(crate) async fn cancel_evaluation(
    State(evaluator): State<Evaluator>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    Evaluation::cancel(&evaluator.runner.pool, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How to measure, with what it takes.
enum Method {
    /// By cross-validation over this many folds.
    Folds(usize),
    /// By asking a model.
    Model(Arc<Model>),
}

/// Measures how well utterances are understood.
struct Evaluation;

impl Run for Evaluation {
    const KIND: Kind = Kind::Evaluation;
    type Input = (TrainingData, Method, Understanding);
    type Finished = EvaluationResult;

    fn work(
        (data, method, understanding): Self::Input,
        options: &Options,
        progress: &Progress,
    ) -> Result<EvaluationResult, Stopped> {
        let result = match method {
            Method::Folds(folds) => {
                engine::cross_validate(&data, folds, (options, &understanding), progress)
            }
            Method::Model(model) => {
                let threads = options.threads;
                engine::assess(&model, &data.examples, (threads, &understanding), progress)
            }
        };
        result.map_err(|error| match error {
            EvaluateError::Train(TrainError::Cancelled(_)) => Stopped::Cancelled,
            refused => Stopped::Refused(refused.to_string()),
        })
    }

    claims!("evaluation");

    async fn succeed(
        pool: &PgPool,
        claim: Claim,
        result: &EvaluationResult,
    ) -> Result<bool, DatabaseError> {
        store::succeed(pool, claim, result).await
    }
}
