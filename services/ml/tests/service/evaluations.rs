//! Evaluations through the front door.

use reqwest::StatusCode;
use serde_json::json;
use stoa_contracts::evaluations::{
    EvaluationMethod, EvaluationReport, EvaluationResult, EvaluationSnapshot,
};
use stoa_contracts::training_data::TrainingData;
use stoa_contracts::trainings::{TrainingSnapshot, TrainingStatus};
use stoa_contracts::understanding::Understanding;
use uuid::Uuid;

use crate::support::energy_supplier;
use crate::{Ml, much_data, snapshot};

fn evaluation(
    training: &TrainingSnapshot,
    method: EvaluationMethod,
    data: TrainingData,
) -> EvaluationSnapshot {
    EvaluationSnapshot {
        evaluation_id: Uuid::now_v7(),
        assistant_id: training.assistant_id,
        language: "en".into(),
        method,
        data,
        is_encoded: false,
        understanding: Understanding::default(),
    }
}

fn path(evaluation: &EvaluationSnapshot) -> String {
    format!("/internal/v1/evaluations/{}", evaluation.evaluation_id)
}

impl Ml {
    async fn evaluate(&self, evaluation: &EvaluationSnapshot) -> EvaluationReport {
        let (status, body) = self.put_run(&path(evaluation), evaluation).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        let body = self.ended_run(&path(evaluation)).await;
        serde_json::from_value(body).expect("it is a report")
    }

    async fn result(&self, evaluation: &EvaluationSnapshot) -> EvaluationResult {
        let report = self.evaluate(evaluation).await;
        let result = report.result;
        result.unwrap_or_else(|| panic!("no result: {:?}", report.error))
    }
}

#[tokio::test]
async fn data_is_cross_validated_to_the_same_result_each_time() {
    let ml = Ml::start().await;
    let data = energy_supplier();
    let training = snapshot(TrainingData::default());
    let of = || evaluation(&training, EvaluationMethod::Folds(5), data.clone());
    let first = ml.result(&of()).await;
    assert_eq!(first.summary.examples, data.examples.len());
    assert!(first.summary.accuracy > 0.8, "{:?}", first.summary);
    assert_eq!(first, ml.result(&of()).await);
}

#[tokio::test]
async fn a_set_is_asked_of_a_stored_model() {
    let ml = Ml::start().await;
    let training = snapshot(energy_supplier());
    ml.train(&training).await;
    let mut data = energy_supplier();
    data.examples.truncate(20);
    data.examples[3].intent = Some("something_else".into());
    let version = EvaluationMethod::Model(training.model);
    let result = ml.result(&evaluation(&training, version, data)).await;
    assert_eq!(result.summary.examples, 20);
    let wrong = result.wrong.iter().map(|wrong| wrong.expected.as_deref());
    assert!(
        wrong
            .clone()
            .any(|expected| expected == Some("something_else"))
    );
}

#[tokio::test]
async fn the_settings_of_the_assistant_hold_for_what_is_asked() {
    let ml = Ml::start().await;
    let training = snapshot(energy_supplier());
    ml.train(&training).await;
    let version = EvaluationMethod::Model(training.model);
    let mut sure = evaluation(&training, version, energy_supplier());
    sure.understanding.min_confidence = Some(1.0);
    let confusion = ml.result(&sure).await.confusion;
    assert!(confusion.iter().all(|cell| cell.predicted.is_none()));
}

#[tokio::test]
async fn a_model_that_is_not_there_is_refused() {
    let ml = Ml::start().await;
    let training = snapshot(energy_supplier());
    let evaluation = evaluation(&training, EvaluationMethod::Model(9), energy_supplier());
    let (status, body) = ml.put_run(&path(&evaluation), &evaluation).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );
    assert!(
        body["detail"].as_str().unwrap().contains("no model"),
        "{body}"
    );
    assert_eq!(
        ml.get_run(&path(&evaluation)).await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn an_evaluation_that_nobody_wants_any_more_stops_and_frees_its_turn() {
    let ml = Ml::start().await;
    let training = snapshot(TrainingData::default());
    let long = evaluation(&training, EvaluationMethod::Folds(20), much_data());
    assert_eq!(
        ml.put_run(&path(&long), &long).await.0,
        StatusCode::ACCEPTED
    );
    assert_eq!(ml.delete_run(&path(&long)).await, StatusCode::NO_CONTENT);
    let (_, body) = ml.get_run(&path(&long)).await;
    assert_eq!(
        (&body["status"], &body["error"]),
        (&json!("failed"), &json!("It was cancelled."))
    );
    // There is one turn, and this needs it.
    let short = evaluation(&training, EvaluationMethod::Folds(2), energy_supplier());
    assert_eq!(ml.evaluate(&short).await.status, TrainingStatus::Succeeded);
}

#[tokio::test]
async fn takes_over_an_evaluation_whose_process_is_gone() {
    let ml = Ml::start().await;
    let training = snapshot(TrainingData::default());
    let evaluation = evaluation(&training, EvaluationMethod::Folds(2), energy_supplier());
    let lost = "INSERT INTO evaluations (id, assistant_id, status, attempt, beat_at)
                VALUES ($1, $2, 'running', $1, now() - interval '1 minute')";
    let lost = sqlx::query(lost)
        .bind(evaluation.evaluation_id)
        .bind(evaluation.assistant_id);
    lost.execute(&ml.pool().await).await.unwrap();
    assert_eq!(
        ml.get_run(&path(&evaluation)).await.0,
        StatusCode::NOT_FOUND
    );
    let report = ml.evaluate(&evaluation).await;
    assert_eq!(report.status, TrainingStatus::Succeeded);
}

#[tokio::test]
async fn data_that_cannot_be_cross_validated_fails_with_what_to_do() {
    let ml = Ml::start().await;
    let training = snapshot(TrainingData::default());
    let evaluation = evaluation(
        &training,
        EvaluationMethod::Folds(5),
        TrainingData::default(),
    );
    let report = ml.evaluate(&evaluation).await;
    assert_eq!(report.status, TrainingStatus::Failed);
    assert!(report.error.unwrap().contains("no examples"));
}
