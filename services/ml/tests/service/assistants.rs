//! What holds for assistants that are deleted.

use crate::support::energy_supplier;
use crate::{Ml, TOKEN, answer, much_data, path, snapshot};
use reqwest::StatusCode;
use serde_json::{Value, json};
use stoa_contracts::trainings::TrainingStatus;
use uuid::Uuid;

/// Lets what is kept of an assistant be removed, as `worker` does; what was answered.
async fn forget(ml: &Ml, assistant: Uuid) -> Value {
    let url = format!("{}/internal/v1/assistants/{assistant}", ml.running.url());
    let (status, removed) = answer(ml.client.delete(url).bearer_auth(TOKEN)).await;
    assert_eq!(status, StatusCode::OK, "{removed}");
    removed
}

#[tokio::test]
async fn an_assistant_goes_with_its_models_and_what_runs_for_it() {
    let ml = Ml::start().await;
    let (kept, first) = (snapshot(energy_supplier()), snapshot(energy_supplier()));
    for snapshot in [&kept, &first] {
        ml.train(snapshot).await;
    }
    let mut second = snapshot(much_data());
    (second.assistant_id, second.model) = (first.assistant_id, 2);
    assert_eq!(ml.put(&second).await.0, StatusCode::ACCEPTED);

    let removed = forget(&ml, first.assistant_id).await;
    assert_eq!(removed, json!({"removed": 1, "more": false}));
    ml.counted(r#"ml_trainings_total{outcome="cancelled"} 1"#)
        .await;
    // Whoever still sees one through finds it, and does not start it again.
    let report = ml.ended(first.training_id).await;
    assert_eq!(report.status, TrainingStatus::Succeeded);
    let report = ml.ended(second.training_id).await;
    assert_eq!(report.error.as_deref(), Some("The assistant was deleted."));
    let (status, _) = ml.understand(&first, "hello").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = ml.understand(&kept, "hello").await;
    assert_eq!(status, StatusCode::OK);

    let later = "UPDATE trainings SET beat_at = beat_at - interval '2 minutes'";
    let pool = ml.pool().await;
    sqlx::query(later).execute(&pool).await.unwrap();
    for removed in [2, 0] {
        let answer = forget(&ml, first.assistant_id).await;
        assert_eq!(answer, json!({"removed": removed, "more": false}));
    }
    let (status, _) = ml.get_run(&path(kept.training_id)).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn many_models_are_removed_in_parts() {
    let ml = Ml::start().await;
    let assistant = Uuid::now_v7();
    let models = "INSERT INTO models (assistant_id, version, training_id, artefact, checksum)
         SELECT $1, version, gen_random_uuid(), '', '' FROM generate_series(1, 21) AS version";
    let models = sqlx::query(models).bind(assistant);
    models.execute(&ml.pool().await).await.unwrap();
    for (removed, more) in [(20, true), (1, false)] {
        let answer = forget(&ml, assistant).await;
        assert_eq!(answer, json!({"removed": removed, "more": more}));
    }
}

#[tokio::test]
async fn a_training_that_nobody_works_on_is_not_started_again_behind_its_assistant() {
    let ml = Ml::start().await;
    let snapshot = snapshot(energy_supplier());
    let released = "INSERT INTO trainings (id, assistant_id, model, status, attempt, beat_at)
                    VALUES ($1, $2, 1, 'running', $1, 'epoch')";
    let released = sqlx::query(released)
        .bind(snapshot.training_id)
        .bind(snapshot.assistant_id);
    released.execute(&ml.pool().await).await.unwrap();
    let removed = forget(&ml, snapshot.assistant_id).await;
    assert_eq!(removed, json!({"removed": 0, "more": false}));
    let (status, report) = ml.put(&snapshot).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(report["error"], "The assistant was deleted.");
}

#[tokio::test]
async fn what_ended_a_moment_before_its_assistant_goes_with_the_next_training() {
    let ml = Ml::start().await;
    let (succeeded, waiting) = (snapshot(energy_supplier()), Uuid::now_v7());
    ml.train(&succeeded).await;
    let pool = ml.pool().await;
    let released = "INSERT INTO trainings (id, assistant_id, model, status, attempt, beat_at)
                    VALUES ($1, $2, 2, 'queued', $1, 'epoch')";
    let released = sqlx::query(released)
        .bind(waiting)
        .bind(succeeded.assistant_id);
    released.execute(&pool).await.unwrap();
    forget(&ml, succeeded.assistant_id).await;

    for expected in [3, 2] {
        ml.train(&snapshot(energy_supplier())).await;
        let count = sqlx::query_scalar("SELECT count(*) FROM trainings");
        let count: i64 = count.fetch_one(&pool).await.unwrap();
        assert_eq!(count, expected);
        let later = "UPDATE trainings SET beat_at = beat_at - interval '2 minutes'";
        sqlx::query(later).execute(&pool).await.unwrap();
    }
}
