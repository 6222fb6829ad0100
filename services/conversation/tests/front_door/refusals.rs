//! What is refused, and how.

use crate::service::{TestService, answer};
use reqwest::Method;
use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use uuid::Uuid;

#[tokio::test]
async fn what_belongs_to_another_account_does_not_exist() {
    let service = TestService::start().await;
    let id = service.user().open().await;
    let stranger = service.someone(Uuid::now_v7(), Role::Owner, None);
    let other_key = service.someone(service.account, Role::Owner, Some(Uuid::now_v7()));
    let assistant = format!("/api/v1/assistants/{}/conversations", service.assistant);
    let conversation = format!("/api/v1/conversations/{id}");
    for (who, user) in [
        ("stranger", &stranger),
        ("key of another assistant", &other_key),
    ] {
        for (method, path) in [
            (Method::GET, assistant.clone()),
            (Method::POST, assistant.clone()),
            (Method::GET, conversation.clone()),
            (Method::POST, format!("{conversation}/messages")),
            (Method::POST, format!("{conversation}/replies")),
            (Method::DELETE, format!("{conversation}/handover")),
            (Method::GET, format!("{conversation}/stream")),
        ] {
            let body = if path == assistant {
                json!({})
            } else {
                json!({"text": "hi"})
            };
            let request = user.request(method.clone(), &path).json(&body);
            let (status, problem) = answer(request).await;
            assert_eq!(
                (status, &problem["code"]),
                (404, &json!("not_found")),
                "{who} {method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_bad_message_is_refused_and_not_heard() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    let path = format!("/api/v1/conversations/{id}/messages");
    for (body, expected) in [
        (json!({"text": ""}), 422),
        (json!({"text": "x".repeat(10_001)}), 422),
        (json!({"text": 5}), 422),
        (json!({}), 422),
        (json!({"text": "hi", "more": 1}), 422),
    ] {
        let (status, problem) = user.post(&path, body).await;
        assert_eq!(
            (status, &problem["code"]),
            (expected, &json!("invalid")),
            "{problem}"
        );
    }
    let (status, problem) = user.post(&path, json!({"text": "a\u{0}b"})).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/text")),
        "{problem}"
    );
    let request = user
        .request(Method::POST, &path)
        .header("content-type", "application/json");
    let (status, problem) = answer(request.body("{\"text\":\n  oops}")).await;
    assert_eq!(
        (status, problem["errors"][0]["line"].as_u64()),
        (400, Some(2)),
        "{problem}"
    );
    assert!(
        !user
            .events(&id)
            .await
            .iter()
            .any(|event| event["event"] == "user")
    );
}

#[tokio::test]
async fn a_bad_idempotency_key_is_refused() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    for key in [String::new(), "k".repeat(256)] {
        let (status, problem) = user.say_once(&id, &key, "hi").await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid")));
    }
}

#[tokio::test]
async fn an_assistant_without_flows_says_what_is_missing() {
    let service = TestService::start().await;
    let mute = service.others.assistant(service.account, None).await;
    let path = format!("/api/v1/assistants/{mute}/conversations");
    let (status, problem) = service.user().post(&path, json!({})).await;
    assert_eq!(status, 409);
    assert!(
        problem["detail"].as_str().unwrap().contains("no flows yet"),
        "{problem}"
    );
}

#[tokio::test]
async fn an_unknown_assistant_is_not_found() {
    let service = TestService::start().await;
    let (status, problem): (u16, Value) = service
        .user()
        .post(
            &format!("/api/v1/assistants/{}/conversations", Uuid::now_v7()),
            json!({}),
        )
        .await;
    assert_eq!(status, 404, "{problem}");
}

#[tokio::test]
async fn without_a_token_nothing_is_said() {
    let service = TestService::start().await;
    let url = service.url(0, &format!("/api/v1/conversations/{}", Uuid::now_v7()));
    assert_eq!(reqwest::get(url).await.unwrap().status(), 401);
}
