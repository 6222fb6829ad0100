//! What holds for the cache.

use crate::platform::Platform;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
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
async fn activations_to_and_fro_reach_two_replicas_within_a_second_and_no_request_fails() {
    let platform = Platform::start().await;
    let other = platform.replica().await;
    let active = Arc::new(AtomicI32::new(3));
    platform.follow(active.clone()).await;
    for version in [4, 3, 4, 3] {
        active.store(version, Ordering::Relaxed);
        let activated = Instant::now();
        loop {
            let asked = Instant::now();
            let (here, there) = tokio::join!(platform.parse("hi"), platform.parse_at(&other, "hi"));
            for (status, body) in [&here, &there] {
                assert_eq!(*status, 200, "{body}");
            }
            let versions = [&here, &there].map(|(_, body)| body["model_version"].clone());
            let is_new = versions.iter().all(|one| *one == version);
            // What was known may be used for a second; the answer to the next question is the new one.
            if asked.duration_since(activated) > Duration::from_millis(1_500) {
                assert!(is_new, "{version} was active: {versions:?}");
                break;
            }
        }
    }
    other.stop().await.expect("it ends in order");
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
