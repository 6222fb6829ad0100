//! Trainings: started by `worker`, run in the background, asked for their progress.

mod attempt;
mod store;
mod trainer;

pub(crate) use trainer::Trainer;

use axum::extract::State;
use axum::http::StatusCode;
use stoa_contracts::ErrorCode;
use stoa_contracts::trainings::{TrainingReport, TrainingSnapshot};
use stoa_service::{Json, Path, Problem, Trusted};
use uuid::Uuid;

/// `PUT /internal/v1/trainings/{id}`: trains a model in the background. Twice is the same as
/// once: while it runs and when it is done, the answer is how far it is. Nobody else's work is
/// repeated, unless it has fallen silent; nor a failure, unless the snapshot is of a later `run`.
pub(crate) async fn start_training(
    State(trainer): State<Trainer>,
    Path(id): Path<Uuid>,
    Trusted(snapshot): Trusted<TrainingSnapshot>,
) -> Result<(StatusCode, Json<TrainingReport>), Problem> {
    if snapshot.training_id != id {
        let detail = "The path and the body name different trainings.";
        return Err(Problem::new(ErrorCode::Invalid, detail));
    }
    let report = trainer.start(snapshot).await?;
    Ok((StatusCode::ACCEPTED, Json(report)))
}

/// `GET /internal/v1/trainings/{id}`: how far a training is. 404 where nobody works on it, be it
/// that it was never started or that its process is gone: start it (again).
pub(crate) async fn get_training(
    State(trainer): State<Trainer>,
    Path(id): Path<Uuid>,
) -> Result<Json<TrainingReport>, Problem> {
    let report = trainer.report(id).await?;
    report
        .map(Json)
        .ok_or_else(|| Problem::not_found("training at work"))
}
