//! Rollouts: what is tried beside the active version, with the test in the place of `nlu`.

use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use stoa_contracts::rollouts::seen_path;
use uuid::Uuid;

use crate::service::{Answer, INTERNAL, Service};
use crate::trainings::metrics;

/// A service, an editor's token, and the path of an assistant with three models, of which the first is active.
async fn three_models() -> (Service, String, String) {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    for activate in [true, false, false] {
        let trainings = format!("{path}/trainings");
        let body = json!({"activate": activate});
        let training = service.post(&trainings, &token, body).await.ok(202);
        let report = format!(
            "/internal/v1/trainings/{}",
            training["id"].as_str().expect("a training has an id")
        );
        let done = json!({"status": "succeeded", "progress": 1.0, "metrics": metrics()});
        assert_eq!(put(&service, &report, INTERNAL, done).await.status, 204);
    }
    (service, token, path)
}

async fn put(service: &Service, path: &str, token: &str, body: Value) -> Answer {
    let body = body.to_string();
    service.put(path, token, "application/json", &body).await
}

async fn activate(service: &Service, path: &str, token: &str, version: i32) {
    let path = format!("{path}/models/{version}/activate");
    service.post(&path, token, json!({})).await.ok(200);
}

fn disagreement(text: &str, at: &str) -> Value {
    let said = |name: &str| json!({"intent": {"name": name, "confidence": 0.8}, "entities": []});
    json!({"text": text, "at": at, "active": said("bye"), "shadow": said("greet")})
}

/// What `nlu` tells of versions 1, 2 and 3.
fn seen(disagreements: &[Value]) -> Value {
    json!({
        "versions": {"active": 1, "canary": 2, "shadow": 3},
        "seen": {
            "active": {"total": 90, "out_of_scope": 4},
            "canary": {"total": 10, "out_of_scope": 1},
            "shadow": {"agreed": 80, "disagreed": disagreements.len(), "disagreements": disagreements},
        },
    })
}

fn both() -> Value {
    json!({"canary": {"version": 2, "weight": 10}, "shadow": {"version": 3}})
}

#[tokio::test]
async fn what_is_tried_is_told_to_nlu_and_ends_when_it_is_left_out() {
    let (service, token, path) = three_models().await;
    let rollout = format!("{path}/rollout");
    let none = service.get(&rollout, &token).await.ok(200);
    assert_eq!(
        (&none["active_model"], &none["canary"], &none["shadow"]),
        (&json!(1), &Value::Null, &Value::Null)
    );
    let tried = put(&service, &rollout, &token, both()).await.ok(200);
    assert_eq!(tried["canary"], json!({"version": 2, "weight": 10}));
    assert_eq!(tried, service.get(&rollout, &token).await.ok(200));
    let internal = path.replace("/api/", "/internal/");
    let runtime = service.get(&internal, INTERNAL).await.ok(200);
    assert_eq!(
        (&runtime["canary"], &runtime["shadow"]),
        (&tried["canary"], &json!({"version": 3}))
    );
    put(&service, &rollout, &token, json!({})).await.ok(200);
    assert_eq!(service.get(&rollout, &token).await.ok(200), none);
    let runtime = service.get(&internal, INTERNAL).await.ok(200);
    assert!(runtime.get("canary").is_none(), "{runtime}");
}

#[tokio::test]
async fn a_version_that_cannot_be_tried_is_refused_where_it_stands() {
    let (service, token, path) = three_models().await;
    let rollout = format!("{path}/rollout");
    let canary =
        |version: i32, weight: i32| json!({"canary": {"version": version, "weight": weight}});
    for (body, pointer) in [
        (canary(7, 10), "/canary/version"),
        (canary(1, 10), "/canary/version"),
        (canary(0, 10), "/canary/version"),
        (canary(2, 0), "/canary/weight"),
        (canary(2, 100), "/canary/weight"),
        (json!({"shadow": {"version": 1}}), "/shadow/version"),
        (json!({"shadow": {"version": 9}}), "/shadow/version"),
        (
            json!({"canary": {"version": 2, "weight": 5}, "shadow": {"version": 2}}),
            "/shadow/version",
        ),
    ] {
        let problem = put(&service, &rollout, &token, body.clone())
            .await
            .problem(422);
        assert_eq!(
            problem["errors"][0]["pointer"], pointer,
            "{body}: {problem}"
        );
    }
    let unknown = json!({"canary": {"version": 2, "weight": 5, "colour": "red"}});
    put(&service, &rollout, &token, unknown).await.problem(422);
    let viewer = service.token(Role::Viewer).await;
    put(&service, &rollout, &viewer, both()).await.problem(403);
    let stranger = service.stranger().await;
    put(&service, &rollout, &stranger, both())
        .await
        .problem(404);
    service.get(&rollout, &stranger).await.problem(404);
}

#[tokio::test]
async fn activating_the_canary_promotes_it_and_leaves_the_shadow() {
    let (service, token, path) = three_models().await;
    let rollout = format!("{path}/rollout");
    put(&service, &rollout, &token, both()).await.ok(200);
    activate(&service, &path, &token, 2).await;
    let left = service.get(&rollout, &token).await.ok(200);
    assert_eq!(
        (&left["active_model"], &left["canary"], &left["shadow"]),
        (&json!(2), &Value::Null, &json!({"version": 3}))
    );
    // Going back does not begin anew what has ended.
    activate(&service, &path, &token, 3).await;
    activate(&service, &path, &token, 1).await;
    let ended = service.get(&rollout, &token).await.ok(200);
    assert_eq!(
        (&ended["canary"], &ended["shadow"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn what_nlu_saw_is_counted_once_and_only_of_the_versions_that_are_tried() {
    let (service, token, path) = three_models().await;
    let rollout = format!("{path}/rollout");
    put(&service, &rollout, &token, both()).await.ok(200);
    let assistant: Uuid = path.rsplit('/').next().unwrap().parse().unwrap();
    let now = "2126-11-27T09:00:00Z";
    let batch = seen_path(assistant, Uuid::now_v7());
    for _ in 0..2 {
        let body = seen(&[disagreement("see you", now)]);
        put(&service, &batch, INTERNAL, body).await.ok(200);
    }
    let found = service.get(&rollout, &token).await.ok(200)["seen"].clone();
    assert_eq!(found["canary"], json!({"total": 10, "out_of_scope": 1}));
    assert_eq!(
        (
            &found["active"]["total"],
            &found["shadow"]["agreed"],
            &found["shadow"]["disagreed"]
        ),
        (&json!(90), &json!(80), &json!(1))
    );
    assert_eq!(
        found["shadow"]["disagreements"][0]["shadow"]["intent"]["name"],
        "greet"
    );
    // Another weight compares the same versions; others begin at nothing.
    let mut heavier = both();
    heavier["canary"]["weight"] = json!(50);
    let tried = put(&service, &rollout, &token, heavier.clone()).await;
    assert_eq!(tried.ok(200)["seen"], found);
    let canary = json!({"canary": heavier["canary"]});
    let alone = put(&service, &rollout, &token, canary).await.ok(200);
    assert_eq!(alone["seen"]["canary"], found["canary"]);
    assert_eq!(alone["seen"]["active"], found["active"]);
    assert_eq!(alone["seen"]["shadow"]["disagreed"], 0, "{alone}");
    put(&service, &rollout, &token, heavier).await.ok(200);
    activate(&service, &path, &token, 2).await;
    let late = seen_path(assistant, Uuid::now_v7());
    put(&service, &late, INTERNAL, seen(&[])).await.ok(200);
    let promoted = service.get(&rollout, &token).await.ok(200);
    assert_eq!(promoted["seen"]["active"]["total"], 0, "{promoted}");
    assert_eq!(promoted["seen"]["shadow"]["disagreed"], 0);
}

#[tokio::test]
async fn the_latest_fifty_disagreements_stay_as_long_as_the_inbox_keeps_utterances() {
    let (service, token, path) = three_models().await;
    let rollout = format!("{path}/rollout");
    put(&service, &rollout, &token, both()).await.ok(200);
    let assistant: Uuid = path.rsplit('/').next().unwrap().parse().unwrap();
    for part in 0..2 {
        let many: Vec<_> = (0..40)
            .map(|n| {
                disagreement(
                    &format!("{part} {n}"),
                    &format!("2126-11-27T0{part}:00:{n:02}Z"),
                )
            })
            .chain([disagreement("of long ago", "2020-01-01T00:00:00Z")])
            .collect();
        put(
            &service,
            &seen_path(assistant, Uuid::now_v7()),
            INTERNAL,
            seen(&many),
        )
        .await
        .ok(200);
    }
    let shadow = service.get(&rollout, &token).await.ok(200)["seen"]["shadow"].clone();
    let kept = shadow["disagreements"].as_array().unwrap();
    assert_eq!((kept.len(), &kept[0]["text"]), (50, &json!("1 39")));
    assert!(kept.iter().all(|one| one["text"] != "of long ago"));
    assert_eq!(shadow["disagreed"], 82);
}
