//! Trainings: started by `worker`, run in the background, asked for their progress.

mod store;

use crate::engine::{self, Model, Options, Progress, TrainError};
use crate::metrics::Kind;
use crate::runs::{Claim, How, Run, Runner, Stopped, claims, full};
use axum::extract::State;
use axum::http::StatusCode;
use sqlx::PgPool;
use std::time::Instant;
use stoa_contracts::ErrorCode;
use stoa_contracts::models::ModelMetrics;
use stoa_contracts::training_data::TrainingData;
use stoa_contracts::trainings::{TrainingReport, TrainingSnapshot, TrainingStatus};
use stoa_postgres::DatabaseError;
use stoa_service::{Json, Path, Problem, Trusted};
use store::Finished;
use uuid::Uuid;

/// `PUT /internal/v1/trainings/{id}`: trains a model in the background. Twice is the same as
/// once: while it runs and when it is done, the answer is how far it is. Nobody else's work is
/// repeated, unless it has fallen silent; nor a failure, unless the snapshot is of a later `run`.
pub(crate) async fn start_training(
    State(runner): State<Runner>,
    Path(id): Path<Uuid>,
    Trusted(snapshot): Trusted<TrainingSnapshot>,
) -> Result<(StatusCode, Json<TrainingReport>), Problem> {
    if snapshot.training_id != id {
        let detail = "The path and the body name different trainings.";
        return Err(Problem::new(ErrorCode::Invalid, detail));
    }
    let report = start(&runner, snapshot).await?;
    Ok((StatusCode::ACCEPTED, Json(report)))
}

/// `GET /internal/v1/trainings/{id}`: how far a training is. 404 where nobody works on it, be it
/// that it was never started or that its process is gone: start it (again).
pub(crate) async fn get_training(
    State(runner): State<Runner>,
    Path(id): Path<Uuid>,
) -> Result<Json<TrainingReport>, Problem> {
    let report = store::report(&runner.pool, id).await?;
    report
        .map(Json)
        .ok_or_else(|| Problem::not_found("training at work"))
}

/// `DELETE /internal/v1/trainings/{id}`: stops a training, wherever it runs. One that has ended stays as it is.
pub(crate) async fn cancel_training(
    State(runner): State<Runner>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    Training::cancel(&runner.pool, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a training unless somebody works on it or has ended it.
async fn start(runner: &Runner, snapshot: TrainingSnapshot) -> Result<TrainingReport, Problem> {
    let training = snapshot.training_id;
    let Some(place) = runner.place() else {
        let report = store::report(&runner.pool, training).await?;
        return report.ok_or_else(full);
    };
    let claim = Claim::new(training);
    if !store::claim(&runner.pool, claim, &snapshot).await? {
        let report = store::report(&runner.pool, training).await?;
        return report.ok_or_else(|| Problem::not_found("training"));
    }
    let span = tracing::info_span!(
        "model.train",
        otel.status_code = tracing::field::Empty,
        training.id = %training,
        assistant.id = %snapshot.assistant_id,
        model.version = snapshot.model,
        examples = snapshot.data.examples.len(),
    );
    let how = How {
        language: snapshot.language,
        is_encoded: snapshot.is_encoded,
    };
    runner.start::<Training>((claim, place), how, snapshot.data, span);
    Ok(TrainingReport {
        status: TrainingStatus::Queued,
        progress: 0.0,
        metrics: None,
        error: None,
    })
}

/// Makes a model.
struct Training;

impl Run for Training {
    const KIND: Kind = Kind::Training;
    type Input = TrainingData;
    type Finished = Finished;

    fn work(
        data: TrainingData,
        options: &Options,
        progress: &Progress,
    ) -> Result<Finished, Stopped> {
        train(&data, options, progress).map_err(|error| match error {
            TrainError::Cancelled(_) => Stopped::Cancelled,
            refused => Stopped::Refused(refused.to_string()),
        })
    }

    claims!("training");

    async fn succeed(
        pool: &PgPool,
        claim: Claim,
        finished: &Finished,
    ) -> Result<bool, DatabaseError> {
        store::succeed(pool, claim, finished).await
    }
}

/// Trains, and makes bytes of the model.
fn train(
    data: &TrainingData,
    options: &Options,
    progress: &Progress,
) -> Result<Finished, TrainError> {
    let started = Instant::now();
    let trained = engine::train(data, options, progress)?;
    let artefact = trained.model.to_artefact();
    let checksum = Model::checksum(&artefact).unwrap_or_default().to_vec();
    let metrics = ModelMetrics {
        accuracy: trained.accuracy,
        examples: data.examples.len(),
        intents: trained.intents,
        entities: trained.entities,
        seconds: started.elapsed().as_secs_f64(),
        bytes: artefact.len() as u64,
    };
    Ok(Finished {
        artefact,
        checksum,
        metrics,
    })
}
