//! A person takes over, answers, and gives back.

use crate::service::{TestService, answer};
use reqwest::Method;
use serde_json::json;
use stoa_contracts::identity::Role;

#[tokio::test]
async fn a_person_answers_until_the_conversation_is_given_back() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    assert_eq!(user.say(&id, "a human").await, ["A colleague takes over."]);
    // Nobody has to understand what a person reads.
    service.others.understand_nothing().await;
    assert!(user.say(&id, "are you there?").await.is_empty());
    let path = format!("/api/v1/conversations/{id}");
    let (status, state) = user
        .post(&format!("{path}/replies"), json!({"text": "I am Ada."}))
        .await;
    assert_eq!((status, &state["status"]), (200, &json!("handover")));
    let (status, state) = user.delete(&format!("{path}/handover")).await;
    assert_eq!((status, &state["status"]), (200, &json!("active")));
    assert_eq!(
        user.say(&id, "/report").await,
        ["What does the meter show?"]
    );
    let events = user.events(&id).await;
    assert!(
        events
            .iter()
            .any(|e| e["event"] == "person" && e["text"] == "I am Ada.")
    );
}

#[tokio::test]
async fn a_person_who_sends_twice_with_one_key_is_heard_once() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    // The user's own key is another one, whatever it is called.
    user.say_once(&id, "k", "a human").await;
    let path = format!("/api/v1/conversations/{id}/replies");
    let say = async |text: &str| {
        let request = user.request(Method::POST, &path);
        answer(
            request
                .header("idempotency-key", "k")
                .json(&json!({"text": text})),
        )
        .await
    };
    let first = say("I am Ada.").await;
    assert_eq!((first.0, &first.1["status"]), (200, &json!("handover")));
    user.delete(&format!("/api/v1/conversations/{id}/handover"))
        .await;
    assert_eq!(say("I am Ada.").await, first);
    assert_eq!(say("I am Bob.").await.0, 422);
    let events = user.events(&id).await;
    let persons = events.iter().filter(|e| e["event"] == "person").count();
    assert_eq!(persons, 1);
}

#[tokio::test]
async fn nobody_answers_in_the_assistants_place() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    let path = format!("/api/v1/conversations/{id}");
    let (status, problem) = user
        .post(&format!("{path}/replies"), json!({"text": "hi"}))
        .await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")));
    assert_eq!(user.delete(&format!("{path}/handover")).await.0, 409);
}

#[tokio::test]
async fn a_viewer_talks_but_does_not_answer() {
    let service = TestService::start().await;
    let viewer = service.someone(service.account, Role::Viewer, None);
    let id = viewer.open().await;
    viewer.say(&id, "a human").await;
    let path = format!("/api/v1/conversations/{id}/replies");
    assert_eq!(viewer.post(&path, json!({"text": "hi"})).await.0, 403);
}
