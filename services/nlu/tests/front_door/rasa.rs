//! What holds for clients of Rasa.

use crate::platform::{Platform, answer};
use reqwest::Method;
use serde_json::{Value, json};

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
async fn a_body_is_json_whatever_the_client_calls_it() {
    let platform = Platform::start().await;
    let key = platform.token(Some(platform.assistant));
    let request = |kind: Option<&str>, body: &'static str| {
        let request = platform.request(Method::POST, "/model/parse");
        let request = request.bearer_auth(&key).body(body);
        match kind {
            Some(kind) => request.header("content-type", kind),
            None => request,
        }
    };
    // As `curl -d` sends it.
    let form = Some("application/x-www-form-urlencoded");
    for kind in [form, Some("text/plain"), None] {
        let (status, body) = answer(request(kind, r#"{"text": "hi"}"#)).await;
        assert_eq!((status.as_u16(), &body["text"]), (200, &json!("hi")));
    }
    assert_eq!(answer(request(form, "text=hi")).await.0, 400);
    let (status, problem) = answer(request(form, r#"{"text": ""}"#)).await;
    assert_eq!(
        (status.as_u16(), &problem["errors"][0]["pointer"]),
        (422, &json!("/text"))
    );
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

/// Whether a value is what Rasa 3 publishes of an intent.
fn is_intent(value: &Value) -> bool {
    value["name"].is_string() && value["confidence"].is_number()
}

/// Whether a value is what Rasa 3 publishes of an entity.
fn is_entity(value: &Value) -> bool {
    let is_place = value["start"].is_u64() && value["end"].is_u64();
    is_place && value["entity"].is_string() && !value["value"].is_null()
}

fn all(values: &Value, is_right: fn(&Value) -> bool) -> bool {
    let values = values.as_array();
    values.is_some_and(|values| values.iter().all(is_right))
}

#[tokio::test]
async fn answers_have_the_form_that_rasa_publishes() {
    let platform = Platform::start().await;
    platform.understand_time().await;
    let key = platform.token(Some(platform.assistant));
    for text in ["hello", "tomorrow"] {
        let request = platform.request(Method::POST, "/model/parse");
        let (status, body) = answer(request.bearer_auth(&key).json(&json!({"text": text}))).await;
        assert_eq!((status.as_u16(), &body["text"]), (200, &json!(text)));
        assert!(is_intent(&body["intent"]), "{body}");
        assert!(all(&body["intent_ranking"], is_intent), "{body}");
        assert!(all(&body["entities"], is_entity), "{body}");
        assert_eq!(body["intent_ranking"][0], body["intent"]);
        assert_eq!(body.get("message_id"), None);
    }
    let request = platform.request(Method::GET, "/status");
    let (_, body) = answer(request.bearer_auth(&key)).await;
    assert!(body["model_file"].is_string() && body["num_active_training_jobs"].is_u64());
}

#[tokio::test]
async fn what_is_out_of_scope_has_no_name() {
    let platform = Platform::start().await;
    platform.understand_as("gibberish", None, 0.2).await;
    let key = platform.token(Some(platform.assistant));
    let request = platform.request(Method::POST, "/model/parse");
    let body = json!({"text": "gibberish"});
    let (_, body) = answer(request.bearer_auth(&key).json(&body)).await;
    assert_eq!(body["intent"], json!({"name": null, "confidence": 0.2}));
    assert_eq!(body["intent_ranking"][0]["name"], "guess_0");
}

#[tokio::test]
async fn an_emulation_of_others_is_refused_with_what_to_do() {
    let platform = Platform::start().await;
    let key = platform.token(Some(platform.assistant));
    for mode in ["LUIS", "WIT", "DIALOGFLOW", ""] {
        let path = format!("/model/parse?emulation_mode={mode}");
        let request = platform.request(Method::POST, &path).bearer_auth(&key);
        let (status, body) = answer(request.json(&json!({"text": "hi"}))).await;
        assert_eq!((status.as_u16(), &body["code"]), (400, &json!("invalid")));
        assert!(body["detail"].as_str().unwrap().contains("leave"), "{body}");
    }
    assert_eq!(platform.asked().await, 0);
}
