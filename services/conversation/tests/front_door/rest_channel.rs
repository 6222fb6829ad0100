//! The Rasa-compatible channel.

use crate::service::{TestService, answer};
use reqwest::Method;
use serde_json::json;
use stoa_contracts::identity::Role;

const PATH: &str = "/webhooks/rest/webhook";

#[tokio::test]
async fn each_sender_has_one_conversation() {
    let service = TestService::start().await;
    let client = service.someone(service.account, Role::Viewer, Some(service.assistant));
    let say = async |sender: &str, message: &str| {
        let body = json!({"sender": sender, "message": message, "metadata": {"any": 1}});
        client.post(PATH, body).await
    };
    let asked = (
        200,
        json!([{"recipient_id": "ada", "text": "What does the meter show?"}]),
    );
    assert_eq!(say("ada", "I report").await, asked);
    let sorry = (200, json!([{"recipient_id": "bob", "text": "Sorry?"}]));
    assert_eq!(say("bob", "48213").await, sorry);
    let noted = (
        200,
        json!([{"recipient_id": "ada", "text": "Noted: 48213."}]),
    );
    assert_eq!(say("ada", "48213").await, noted);
}

#[tokio::test]
async fn a_first_message_that_comes_twice_at_once_opens_one_conversation() {
    let service = TestService::start().await;
    let client = service.someone(service.account, Role::Viewer, Some(service.assistant));
    let say = || client.post(PATH, json!({"sender": "ada", "message": "hm"}));
    let (a, b, c) = tokio::join!(say(), say(), say());
    assert_eq!([a.0, b.0, c.0], [200; 3]);
    let path = format!("/api/v1/assistants/{}/conversations", service.assistant);
    let (_, page) = client.get(&path).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_is_json_whatever_the_client_calls_it() {
    let service = TestService::start().await;
    let client = service.someone(service.account, Role::Viewer, Some(service.assistant));
    // As `curl -d` sends it.
    let request = client
        .request(Method::POST, PATH)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(r#"{"sender": "ada", "message": "hm"}"#);
    let (status, replies) = answer(request).await;
    assert_eq!((status, &replies[0]["recipient_id"]), (200, &json!("ada")));
}

#[tokio::test]
async fn a_token_that_selects_no_assistant_is_refused() {
    let service = TestService::start().await;
    let body = json!({"sender": "ada", "message": "hi"});
    let (status, problem) = service.user().post(PATH, body).await;
    assert_eq!((status, &problem["code"]), (403, &json!("forbidden")));
}
