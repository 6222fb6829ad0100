//! Many models, and less memory than they take.

use super::support::energy_supplier;
use super::{Ml, snapshot};
use reqwest::StatusCode;
use serde_json::json;
use std::sync::Arc;
use stoa_contracts::trainings::TrainingSnapshot;
use stoa_testing::postgres::TestDatabase;
use tokio::task::JoinSet;
use uuid::Uuid;

const ASSISTANTS: u128 = 1_000;

fn assistant(number: u128) -> Uuid {
    Uuid::from_u128(0xa55 << 64 | number)
}

/// A database in which so many assistants have the model of one training, and what that takes in memory.
async fn many_models(many: u128) -> (TestDatabase, TrainingSnapshot, u64) {
    let ml = Ml::start().await;
    let snapshot = snapshot(energy_supplier());
    ml.train(&snapshot).await;
    ml.understand(&snapshot, "hello").await;
    let bytes = ml.metric("ml_models_cached_bytes ").await;
    let ids: Vec<_> = (0..many).map(assistant).collect();
    let copy = "INSERT INTO models (assistant_id, version, training_id, artefact, checksum)
                SELECT id, 1, gen_random_uuid(), artefact, checksum FROM models, unnest($1::uuid[]) AS id";
    let copy = sqlx::query(copy).bind(ids);
    copy.execute(&ml.pool().await)
        .await
        .expect("the models are copied");
    ml.running.stop().await.expect("it stops in order");
    (ml.database, snapshot, bytes)
}

async fn ask(ml: &Ml, number: u128) {
    let body = json!({
        "assistant_id": assistant(number), "model_version": 1, "text": "our meter shows 5500",
    });
    let (status, body) = ml.parse(body.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["intent"]["name"], "report_reading");
}

#[tokio::test]
async fn a_thousand_assistants_are_served_from_memory_for_fifty() {
    let (database, _, bytes) = many_models(ASSISTANTS).await;
    let limit = bytes * 50 + bytes / 2;
    let ml = Ml::with_cache(database, limit).await;
    for number in 0..ASSISTANTS {
        ask(&ml, number).await;
        // A model that was just asked is there for the next question.
        ask(&ml, number).await;
        if number % 100 == 99 {
            let cached = ml.metric("ml_models_cached_bytes ").await;
            assert!((bytes..=limit).contains(&cached), "{cached} of {limit}");
        }
    }
    // The process counted the load of the training's own model before.
    assert_eq!(ml.metric("ml_model_loads_total ").await, 1_001);
    assert_eq!(
        ml.metric(r#"ml_model_lookups_total{outcome="hit"} "#).await,
        1_000
    );
    assert_eq!(ml.metric("ml_model_evictions_total ").await, 950);
}

#[tokio::test]
async fn requests_that_come_together_for_a_cold_model_load_it_once() {
    let (database, _, bytes) = many_models(1).await;
    let ml = Ml::with_cache(database, bytes * 50).await;
    let ml = Arc::new(ml);
    let mut together = JoinSet::new();
    for _ in 0..40 {
        let ml = ml.clone();
        together.spawn(async move { ask(&ml, 0).await });
    }
    together.join_all().await;
    // The process counted the load of the training's own model before.
    assert_eq!(ml.metric("ml_model_loads_total ").await, 1 + 1);
}

#[tokio::test]
async fn an_earlier_version_answers_where_the_active_one_is_damaged() {
    let (database, snapshot, bytes) = many_models(0).await;
    let ml = Ml::with_cache(database, bytes * 50).await;
    let damage = "INSERT INTO models (assistant_id, version, training_id, artefact, checksum)
                  SELECT assistant_id, 2, training_id, overlay(artefact placing 'x' from 2000), checksum FROM models";
    sqlx::query(damage).execute(&ml.pool().await).await.unwrap();
    let second = TrainingSnapshot {
        model: 2,
        ..snapshot.clone()
    };
    let (status, body) = ml.understand(&second, "hello").await;
    assert_eq!((status.as_u16(), &body["code"]), (500, &json!("internal")));
    let (status, _) = ml.understand(&snapshot, "hello").await;
    assert_eq!(status, StatusCode::OK);
    let repair = "UPDATE models SET artefact = (SELECT artefact FROM models WHERE version = 1) WHERE version = 2";
    sqlx::query(repair).execute(&ml.pool().await).await.unwrap();
    let repaired = || async { (ml.understand(&second, "hello").await.0 == 200).then_some(()) };
    stoa_testing::eventually(super::LIMIT, repaired).await;
}
