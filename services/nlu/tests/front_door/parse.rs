//! What holds for parsing.

use crate::platform::{INTERNAL_TOKEN, Platform, answer, token};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::matchers::any;
use wiremock::{Mock, ResponseTemplate};

#[tokio::test]
async fn an_utterance_is_understood_by_the_active_model() {
    let platform = Platform::start().await;
    let (status, body) = platform.parse("hi there").await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        (&body["text"], &body["model_version"]),
        (&json!("hi there"), &json!(3))
    );
    assert_eq!(body["intent"]["name"], "hello");
}

#[tokio::test]
async fn conversation_asks_with_the_internal_token_only() {
    let platform = Platform::start().await;
    let body = json!({"assistant_id": platform.assistant, "text": "hi"});
    let request = || {
        platform
            .request(Method::POST, "/internal/v1/parse")
            .json(&body)
    };
    let (status, result) = answer(request().bearer_auth(INTERNAL_TOKEN)).await;
    assert_eq!(
        (status.as_u16(), &result["model_version"]),
        (200, &json!(3))
    );
    let user = platform.token(None);
    assert_eq!(answer(request().bearer_auth(user)).await.0, 401);
}

#[tokio::test]
async fn an_assistant_without_a_model_is_a_conflict() {
    let platform = Platform::start().await;
    platform.activate(None).await;
    let (status, body) = platform.parse("hi").await;
    assert_eq!((status.as_u16(), &body["code"]), (409, &json!("conflict")));
    assert!(
        body["detail"].as_str().unwrap().contains("no active model"),
        "{body}"
    );
}

#[tokio::test]
async fn another_account_does_not_see_the_assistant() {
    let platform = Platform::start().await;
    let stranger = token(Uuid::now_v7(), None);
    let (status, hidden) = platform.parse_as(&stranger, platform.assistant, "hi").await;
    assert_eq!(
        (status.as_u16(), &hidden["code"]),
        (404, &json!("not_found"))
    );
    let (_, unknown) = platform.parse_as(&stranger, Uuid::now_v7(), "hi").await;
    assert_eq!(hidden["detail"], unknown["detail"]);
    assert_eq!(platform.asked().await, 0);
}

#[tokio::test]
async fn a_key_of_one_assistant_does_not_open_another() {
    let platform = Platform::start().await;
    let other = platform.token(Some(Uuid::now_v7()));
    assert_eq!(
        platform.parse_as(&other, platform.assistant, "hi").await.0,
        404
    );
    let own = platform.token(Some(platform.assistant));
    assert_eq!(
        platform.parse_as(&own, platform.assistant, "hi").await.0,
        200
    );
}

#[tokio::test]
async fn a_request_without_a_token_is_refused() {
    let platform = Platform::start().await;
    let path = format!("/api/v1/assistants/{}/parse", platform.assistant);
    let request = platform
        .request(Method::POST, &path)
        .json(&json!({"text": "hi"}));
    assert_eq!(answer(request).await.0, 401);
}

#[tokio::test]
async fn hostile_utterances_get_a_clear_answer() {
    let platform = Platform::start().await;
    for text in ["\u{0}\u{1}\u{7f}", "🦀🎉👩‍👩‍👧", &"ä".repeat(10_000)] {
        assert_eq!(platform.parse(text).await.0, 200);
    }
    for text in ["", &"x".repeat(10_001), &"x".repeat(100_000)] {
        let (status, body) = platform.parse(text).await;
        assert_eq!(
            (status.as_u16(), &body["errors"][0]["pointer"]),
            (422, &json!("/text"))
        );
    }
}

#[tokio::test]
async fn invalid_utf_8_is_a_malformed_body() {
    let platform = Platform::start().await;
    let path = format!("/api/v1/assistants/{}/parse", platform.assistant);
    let request = platform
        .request(Method::POST, &path)
        .bearer_auth(platform.token(None));
    let request = request.header("content-type", "application/json");
    let (status, body) = answer(request.body(b"{\"text\":\"\xff\"}".to_vec())).await;
    assert_eq!((status.as_u16(), &body["code"]), (400, &json!("invalid")));
    assert_eq!(body["errors"][0]["line"], 1);
}

#[tokio::test]
async fn an_engine_that_is_away_is_said_to_be_away() {
    let platform = Platform::start().await;
    platform.ml.reset().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(503))
        .mount(&platform.ml)
        .await;
    let (status, body) = platform.parse("hi").await;
    assert_eq!(
        (status.as_u16(), &body["code"]),
        (503, &json!("unavailable"))
    );
}

#[tokio::test]
async fn a_defect_of_an_engine_stays_inside() {
    let platform = Platform::start().await;
    platform.ml.reset().await;
    let nonsense = ResponseTemplate::new(200).set_body_string("secret nonsense");
    Mock::given(any())
        .respond_with(nonsense)
        .mount(&platform.ml)
        .await;
    let (status, body) = platform.parse("hi").await;
    assert_eq!((status.as_u16(), &body["code"]), (500, &json!("internal")));
    assert!(!body.to_string().contains("nonsense"), "{body}");
}

#[tokio::test]
async fn when_and_where_it_was_said_reaches_the_engine() {
    let platform = Platform::start().await;
    let body = json!({"text": "hi", "reference_time": "2026-11-27T09:00:00+02:00", "time_zone": "Europe/Athens"});
    assert_eq!(platform.parse_body(&body).await.0, 200);
    let asked: Value = platform.ml.received_requests().await.unwrap()[0]
        .body_json()
        .unwrap();
    assert_eq!(
        (&asked["reference_time"], &asked["time_zone"]),
        (&body["reference_time"], &body["time_zone"])
    );
}

#[tokio::test]
async fn a_time_or_place_that_does_not_exist_is_refused_by_name() {
    let platform = Platform::start().await;
    for (pointer, value) in [
        ("/time_zone", json!("Atlantis/Capital")),
        ("/time_zone", json!("")),
        ("/reference_time", json!("9999-12-31T23:59:59Z")),
    ] {
        let mut body = json!({"text": "hi"});
        body[&pointer[1..]] = value;
        let (status, problem) = platform.parse_body(&body).await;
        assert_eq!(
            (status.as_u16(), &problem["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{problem}"
        );
    }
}
