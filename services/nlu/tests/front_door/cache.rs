//! What holds for the cache.

use crate::platform::Platform;
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn the_same_utterance_asks_the_engine_once() {
    let platform = Platform::start().await;
    let (_, first) = platform.parse("hi").await;
    let (_, second) = platform.parse("hi").await;
    assert_eq!((platform.asked().await, &first), (1, &second));
    platform.parse("hi!").await;
    assert_eq!(platform.asked().await, 2);
}

#[tokio::test]
async fn an_activation_is_answered_by_the_new_model_within_two_seconds() {
    let platform = Platform::start().await;
    platform.parse("hi").await;
    platform.activate(Some(4)).await;
    stoa_testing::eventually(Duration::from_secs(2), || async {
        let (_, body) = platform.parse("hi").await;
        (body["model_version"] == json!(4)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_redis_every_request_is_answered_by_the_engine() {
    let platform = Platform::without_redis().await;
    let started = Instant::now();
    for _ in 0..5 {
        assert_eq!(platform.parse("hi").await.0, 200);
    }
    assert_eq!(platform.asked().await, 5);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_answer_with_a_time_is_kept_only_for_the_moment_that_was_named() {
    let platform = Platform::start().await;
    platform.understand_time().await;
    let now = json!({"text": "tomorrow"});
    let then = json!({"text": "tomorrow", "reference_time": "2026-11-27T09:00:00Z"});
    let there = json!({
        "text": "tomorrow", "reference_time": "2026-11-27T09:00:00Z", "time_zone": "Europe/Athens",
    });
    for (body, asked) in [
        (&now, 1),
        (&now, 2),
        (&then, 3),
        (&then, 3),
        (&there, 4),
        (&there, 4),
    ] {
        assert_eq!(platform.parse_body(body).await.0, 200);
        assert_eq!(platform.asked().await, asked, "{body}");
    }
}
