//! What holds for clients of Rasa.

use crate::platform::{Platform, answer};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn the_key_selects_the_assistant() {
    let platform = Platform::start().await;
    let key = platform.token(Some(platform.assistant));
    let request = platform
        .request(Method::POST, "/model/parse")
        .bearer_auth(&key);
    let (status, body) = answer(request.json(&json!({"text": "hi", "message_id": "7"}))).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        (&body["text"], &body["message_id"]),
        (&json!("hi"), &json!("7"))
    );
    assert_eq!(body["intent_ranking"][0]["name"], "hello");
    let request = platform.request(Method::GET, "/status").bearer_auth(&key);
    let (status, body) = answer(request).await;
    assert_eq!((status.as_u16(), &body["model_id"]), (200, &json!("3")));
}

#[tokio::test]
async fn a_token_that_is_not_narrowed_is_refused_with_what_to_do() {
    let platform = Platform::start().await;
    let request = platform
        .request(Method::POST, "/model/parse")
        .bearer_auth(platform.token(None));
    let (status, body) = answer(request.json(&json!({"text": "hi"}))).await;
    assert_eq!((status.as_u16(), &body["code"]), (403, &json!("forbidden")));
    assert!(body["detail"].as_str().unwrap().contains("key"), "{body}");
}

#[tokio::test]
async fn status_without_a_model_is_a_conflict() {
    let platform = Platform::start().await;
    platform.activate(None).await;
    let key = platform.token(Some(platform.assistant));
    let (status, _) = answer(platform.request(Method::GET, "/status").bearer_auth(key)).await;
    assert_eq!(status, 409);
}
