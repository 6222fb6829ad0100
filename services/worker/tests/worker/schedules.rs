//! What holds for schedules.

use reqwest::StatusCode;
use serde_json::{Value, json};
use stoa_contracts::ErrorCode;
use stoa_contracts::identity::Role;
use stoa_testing::eventually;
use uuid::Uuid;
use wiremock::ResponseTemplate;

use crate::platform::problem;
use crate::service::{DEADLINE, TestService, User};

const SCHEDULES: &str = "/api/v1/schedules";
const NIGHTLY: &str = "/api/v1/schedules/nightly";

fn nightly(assistant: Uuid) -> Value {
    json!({
        "name": "nightly", "cron": "30 3 * * *", "time_zone": "Europe/Athens",
        "job": {"kind": "retrain", "assistant_id": assistant},
    })
}

/// An account with an assistant.
async fn assistant(service: &TestService) -> (Uuid, Uuid) {
    let (account, assistant) = (Uuid::now_v7(), Uuid::now_v7());
    service.platform.has_assistant(account, assistant).await;
    (account, assistant)
}

/// Waits for the job that a schedule has started to end.
async fn fired(user: &User<'_>) -> Value {
    eventually(DEADLINE, || async {
        let (_, page) = user.get("/api/v1/jobs?kind=retrain").await;
        let job = page["items"][0].clone();
        job["finished_at"].is_string().then_some(job)
    })
    .await
}

#[tokio::test]
async fn a_schedule_is_made_shown_changed_and_deleted() {
    let service = TestService::start().await;
    let (account, assistant) = assistant(&service).await;
    let editor = service.user(account, Role::Editor);
    let (status, made) = editor.send("POST", SCHEDULES, nightly(assistant)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(
        (&made["missed"], &made["enabled"], &made["job"]["activate"]),
        (&json!("once"), &json!(true), &json!(true))
    );
    let upcoming = made["upcoming"].as_array().unwrap();
    assert_eq!(upcoming.len(), 5);
    let first = upcoming[0].as_str().unwrap();
    assert!(
        first.ends_with("T00:30:00Z") || first.ends_with("T01:30:00Z"),
        "half past three in Athens: {first}"
    );

    let (status, again) = editor.send("POST", SCHEDULES, nightly(assistant)).await;
    assert_eq!(
        (status, again),
        (StatusCode::OK, made.clone()),
        "twice is the same as once"
    );
    let mut other = nightly(assistant);
    other["cron"] = json!("0 4 * * *");
    let (status, refusal) = editor.send("POST", SCHEDULES, other).await;
    assert_eq!(
        (status, &refusal["code"]),
        (StatusCode::CONFLICT, &json!("conflict"))
    );

    let (_, off) = editor
        .send("PATCH", NIGHTLY, json!({"enabled": false}))
        .await;
    assert_eq!(
        (&off["enabled"], &off["upcoming"]),
        (&json!(false), &json!([]))
    );
    let (_, on) = editor
        .send(
            "PATCH",
            NIGHTLY,
            json!({"enabled": true, "time_zone": "UTC"}),
        )
        .await;
    assert!(
        on["upcoming"][0].as_str().unwrap().ends_with("T03:30:00Z"),
        "{on}"
    );
    assert_eq!(editor.get(SCHEDULES).await.1["items"], json!([on]));
    assert_eq!(
        editor.send("DELETE", NIGHTLY, Value::Null).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(editor.get(NIGHTLY).await.0, StatusCode::NOT_FOUND);
    service.end().await;
}

#[tokio::test]
async fn what_is_due_starts_a_training_in_api() {
    let service = TestService::start().await;
    let (account, assistant) = assistant(&service).await;
    service.platform.starts_trainings(assistant, None).await;
    let editor = service.user(account, Role::Editor);
    editor.send("POST", SCHEDULES, nightly(assistant)).await;
    service.make_due("nightly").await;
    let job = fired(&editor).await;
    assert_eq!(
        (&job["status"], &job["schedule"]),
        (&json!("succeeded"), &json!("nightly"))
    );
    let asked = service.platform.trainings_asked_for(assistant).await;
    assert_eq!(asked.len(), 1);
    let (path, body) = &asked[0];
    let id = job["id"].as_str().unwrap();
    assert!(
        path.ends_with(id),
        "the training has the id of the job: {path}"
    );
    assert_eq!(
        (&body["account_id"], &body["activate"]),
        (&json!(account), &json!(true))
    );
    assert_eq!(job["result"]["training_id"], job["id"]);
    let (_, schedule) = editor.get(NIGHTLY).await;
    assert!(schedule["last_at"].is_string());
    service.end().await;
}

#[tokio::test]
async fn a_training_that_runs_already_is_waited_for() {
    let service = TestService::start().await;
    let (account, assistant) = assistant(&service).await;
    let busy = problem(
        ErrorCode::Conflict,
        "A training of this assistant is running.",
    );
    service
        .platform
        .starts_trainings(assistant, Some(busy))
        .await;
    let editor = service.user(account, Role::Editor);
    editor.send("POST", SCHEDULES, nightly(assistant)).await;
    service.make_due("nightly").await;
    let job = fired(&editor).await;
    assert_eq!(
        (&job["status"], &job["attempts"]),
        (&json!("succeeded"), &json!(2))
    );
    service.end().await;
}

#[tokio::test]
async fn a_schedule_goes_with_its_assistant() {
    let service = TestService::start().await;
    let (account, assistant) = assistant(&service).await;
    let editor = service.user(account, Role::Editor);
    editor.send("POST", SCHEDULES, nightly(assistant)).await;
    service.platform.forget().await;
    service.make_due("nightly").await;
    let job = fired(&editor).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    assert_eq!(editor.get(NIGHTLY).await.0, StatusCode::NOT_FOUND);
    service.end().await;
}

#[tokio::test]
async fn an_account_has_its_own_schedules_and_its_own_names() {
    let service = TestService::start().await;
    let ((ours, our_assistant), (theirs, their_assistant)) =
        (assistant(&service).await, assistant(&service).await);
    let (us, them) = (
        service.user(ours, Role::Editor),
        service.user(theirs, Role::Owner),
    );
    us.send("POST", SCHEDULES, nightly(our_assistant)).await;
    assert_eq!(them.get(NIGHTLY).await.0, StatusCode::NOT_FOUND);
    assert_eq!(them.get(SCHEDULES).await.1["items"], json!([]));
    assert_eq!(
        them.send("DELETE", NIGHTLY, Value::Null).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        them.send("PATCH", NIGHTLY, json!({"enabled": false}))
            .await
            .0,
        StatusCode::NOT_FOUND
    );
    let (status, _) = them.send("POST", SCHEDULES, nightly(their_assistant)).await;
    assert_eq!(status, StatusCode::CREATED, "a name of theirs");
    let (status, refusal) = them
        .send(
            "PATCH",
            NIGHTLY,
            json!({"job": {"kind": "retrain", "assistant_id": our_assistant}}),
        )
        .await;
    assert_eq!(
        (status, &refusal["errors"][0]["pointer"]),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            &json!("/job/assistant_id")
        )
    );
    let viewer = service.user(ours, Role::Viewer);
    assert_eq!(viewer.get(NIGHTLY).await.0, StatusCode::OK);
    assert_eq!(
        viewer.send("DELETE", NIGHTLY, Value::Null).await.0,
        StatusCode::FORBIDDEN
    );
    let narrowed = service.user_of_assistant(ours, Role::Owner, Some(our_assistant));
    assert_eq!(narrowed.get(SCHEDULES).await.0, StatusCode::FORBIDDEN);
    service.end().await;
}

#[tokio::test]
async fn wrong_schedules_are_refused_with_the_place() {
    let service = TestService::start().await;
    let (account, assistant) = assistant(&service).await;
    let editor = service.user(account, Role::Editor);
    for (place, value) in [
        ("/cron", json!("30 3 * *")),
        ("/cron", json!("30 3 * * * *")),
        ("/cron", json!("61 3 * * *")),
        ("/cron", json!("0 0 30 2 *")),
        ("/cron", json!("*/5 * * * *")),
        ("/time_zone", json!("Europe/Sparta")),
        ("/time_zone", json!("UTC UTC")),
        ("/name", json!("Every night")),
        ("/job/kind", json!("bake")),
        ("/job/assistant_id", json!(Uuid::now_v7())),
    ] {
        let mut schedule = nightly(assistant);
        *schedule.pointer_mut(place).expect("a place of it") = value.clone();
        let (status, refusal) = editor.send("POST", SCHEDULES, schedule).await;
        assert_eq!(
            (status, &refusal["errors"][0]["pointer"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(place)),
            "{value}: {refusal}"
        );
    }
    let mut schedule = nightly(assistant);
    schedule["cron"] = json!("61 9 * * *");
    let (_, refusal) = editor.send("POST", SCHEDULES, schedule).await;
    let message = refusal["errors"][0]["message"].as_str().expect("why");
    assert!(
        message.contains("0..=59") && message.contains("61"),
        "{message}"
    );
    assert_eq!(editor.get(SCHEDULES).await.1["items"], json!([]));
    let (status, _) = editor
        .send("PATCH", NIGHTLY, json!({"enabled": true}))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    service.platform.forget().await;
    let away = ResponseTemplate::new(503);
    service.platform.answers_about(assistant, away).await;
    let (status, _) = editor.send("POST", SCHEDULES, nightly(assistant)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    service.end().await;
}

#[tokio::test]
async fn an_account_never_has_more_schedules_than_it_may() {
    let service = TestService::start().await;
    let (account, assistant) = assistant(&service).await;
    let editor = service.user(account, Role::Editor);
    let named = |name: String| {
        let mut input = nightly(assistant);
        input["name"] = json!(name);
        input
    };
    let (status, _) = editor.send("POST", SCHEDULES, nightly(assistant)).await;
    assert_eq!(status, StatusCode::CREATED);
    let copies = "INSERT INTO queue_schedules (name, account_id, cron, time_zone, missed, queue, kind, version, payload,
                                               max_attempts, next_at, is_enabled)
         SELECT name || n, account_id, cron, time_zone, missed, queue, kind, version, payload, max_attempts, next_at,
                is_enabled
         FROM queue_schedules, generate_series(1, 98) AS n WHERE account_id = $1";
    let copies = sqlx::query(copies).bind(account);
    copies.execute(&service.pool().await).await.unwrap();

    let makings = (0..8).map(|n| editor.send("POST", SCHEDULES, named(format!("one-more-{n}"))));
    let answers = futures_util::future::join_all(makings).await;
    let made = answers
        .iter()
        .filter(|(status, _)| *status == StatusCode::CREATED);
    assert_eq!(made.count(), 1, "{answers:?}");
    let refused = answers
        .iter()
        .filter(|(status, _)| *status == StatusCode::CONFLICT);
    assert_eq!(refused.count(), 7, "{answers:?}");
    let (_, page) = editor.get(SCHEDULES).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(100));
    // One that is there is found, however many there are.
    let (status, _) = editor.send("POST", SCHEDULES, nightly(assistant)).await;
    assert_eq!(status, StatusCode::OK);
    service.end().await;
}
