//! What holds for the settings of understanding.

use crate::platform::Platform;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn without_settings_nothing_is_asked_or_answered_otherwise() {
    let platform = Platform::start().await;
    let (_, body) = platform.parse("hi").await;
    assert_eq!(body.get("ambiguous"), None, "{body}");
    let asked = platform.last_question().await;
    let expected = json!({"assistant_id": platform.assistant, "model_version": 3, "text": "hi"});
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn an_answer_that_is_less_sure_than_the_least_is_out_of_scope() {
    for (least, name) in [(0.41, Value::Null), (0.4, json!("guess_0"))] {
        let platform = Platform::start().await;
        platform.understand_as("maybe", Some("guess_0"), 0.4).await;
        platform.set(&json!({"min_confidence": least})).await;
        let (_, body) = platform.parse("maybe").await;
        assert_eq!(body["intent"], json!({"name": name, "confidence": 0.4}));
    }
}

#[tokio::test]
async fn a_threshold_holds_for_answers_that_are_cached() {
    let platform = Platform::start().await;
    let (_, body) = platform.parse("hi").await;
    assert_eq!(body["intent"]["name"], "hello");
    platform.set(&json!({"min_confidence": 0.95})).await;
    stoa_testing::eventually(Duration::from_secs(5), || async {
        let (_, body) = platform.parse("hi").await;
        body["intent"]["name"].is_null().then_some(())
    })
    .await;
    assert_eq!(platform.asked().await, 1);
}

#[tokio::test]
async fn two_intents_that_are_close_are_said_to_be_ambiguous() {
    let platform = Platform::start().await;
    // The ranking of this answer: 0.3, 0.27 ...
    platform
        .understand_as("unclear", Some("guess_0"), 0.3)
        .await;
    platform.understand_as("gibberish", None, 0.3).await;
    platform.set(&json!({"ambiguity_margin": 0.05})).await;
    let (_, body) = platform.parse("unclear").await;
    let alternatives = json!(["guess_0", "guess_1"]);
    assert_eq!(
        (&body["ambiguous"], &body["alternatives"]),
        (&json!(true), &alternatives)
    );
    for text in ["gibberish", "hi"] {
        let (_, body) = platform.parse(text).await;
        assert_eq!(body.get("ambiguous"), None, "{body}");
    }
}

#[tokio::test]
async fn a_margin_that_is_narrower_than_the_distance_leaves_the_answer_alone() {
    let platform = Platform::start().await;
    platform
        .understand_as("unclear", Some("guess_0"), 0.3)
        .await;
    platform.set(&json!({"ambiguity_margin": 0.02})).await;
    assert_eq!(platform.parse("unclear").await.1.get("ambiguous"), None);
}

#[tokio::test]
async fn who_names_no_time_zone_is_where_the_assistant_is() {
    let platform = Platform::start().await;
    platform.set(&json!({"time_zone": "Europe/Athens"})).await;
    platform.parse("hi").await;
    assert_eq!(platform.last_question().await["time_zone"], "Europe/Athens");
    let there = json!({"text": "hi", "time_zone": "Asia/Tokyo"});
    platform.parse_body(&there).await;
    assert_eq!(platform.last_question().await["time_zone"], "Asia/Tokyo");
    assert_eq!(platform.asked().await, 2);
}

#[tokio::test]
async fn the_kinds_that_are_looked_for_reach_the_engine_and_no_other_answer_is_given() {
    let platform = Platform::start().await;
    platform.parse("hi").await;
    platform
        .set(&json!({"builtin_entities": ["number", "url"]}))
        .await;
    stoa_testing::eventually(Duration::from_secs(5), || async {
        platform.parse("hi").await;
        (platform.asked().await == 2).then_some(())
    })
    .await;
    let asked = platform.last_question().await;
    assert_eq!(asked["builtin_entities"], json!(["number", "url"]));
}
