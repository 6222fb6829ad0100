//! What holds for versions that are tried beside the active one.

use crate::platform::{INTERNAL_TOKEN, Platform, answer};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use stoa_contracts::rollouts::SeenBatch;
use stoa_testing::eventually;
use uuid::Uuid;
use wiremock::matchers::{body_partial_json, method, path, path_regex};
use wiremock::{Mock, Request, ResponseTemplate};

const PATIENCE: Duration = Duration::from_secs(30);

fn canary(weight: u8) -> Value {
    json!({"canary": {"version": 4, "weight": weight}})
}

fn shadow() -> Value {
    json!({"shadow": {"version": 5}})
}

/// Lets one version of the model fail for good.
async fn break_version(platform: &Platform, version: i32) {
    Mock::given(method("POST"))
        .and(path("/internal/v1/parse"))
        .and(body_partial_json(json!({"model_version": version})))
        .respond_with(ResponseTemplate::new(500))
        .with_priority(1)
        .mount(&platform.ml)
        .await;
}

/// Lets the shadow understand utterances with a word in them differently.
async fn disagree(platform: &Platform) {
    let other = |request: &Request| {
        let input: Value = request.body_json().expect("nlu sends JSON");
        let name = if input["text"] == "what" {
            "ask"
        } else {
            "hello"
        };
        ResponseTemplate::new(200).set_body_json(json!({
            "text": input["text"], "intent": {"name": name, "confidence": 0.4},
            "intent_ranking": [], "entities": [], "model_version": input["model_version"],
        }))
    };
    Mock::given(method("POST"))
        .and(path("/internal/v1/parse"))
        .and(body_partial_json(json!({"model_version": 5})))
        .respond_with(other)
        .with_priority(1)
        .mount(&platform.ml)
        .await;
}

/// Lets `api` take what is told, and says what it was told so far.
async fn take_seen(platform: &Platform) {
    Mock::given(method("PUT"))
        .and(path_regex("/rollout/seen/"))
        .respond_with(ResponseTemplate::new(200).set_body_json(Value::Null))
        .mount(&platform.api)
        .await;
}

async fn told(platform: &Platform) -> Vec<SeenBatch> {
    let requests = platform.api.received_requests().await.unwrap_or_default();
    let puts = requests
        .iter()
        .filter(|request| request.method.as_str() == "PUT");
    puts.map(|request| request.body_json().expect("a batch"))
        .collect()
}

async fn in_conversation(platform: &Platform, conversation: Uuid, text: &str) -> i64 {
    let body = json!({
        "assistant_id": platform.assistant, "text": text, "conversation_id": conversation,
    });
    let request = platform.request(Method::POST, "/internal/v1/parse");
    let (status, result) = answer(request.bearer_auth(INTERNAL_TOKEN).json(&body)).await;
    assert_eq!(status, 200, "{result}");
    result["model_version"].as_i64().expect("a version")
}

#[tokio::test]
async fn a_conversation_is_understood_by_one_version_from_its_beginning_to_its_end() {
    let platform = Platform::start().await;
    platform.tries(canary(40)).await;
    let mut all = BTreeSet::new();
    for _ in 0..40 {
        let conversation = Uuid::now_v7();
        let mut versions = BTreeSet::new();
        for text in ["hi", "my meter", "bye"] {
            versions.insert(in_conversation(&platform, conversation, text).await);
        }
        assert_eq!(versions.len(), 1, "{versions:?}");
        all.extend(versions);
    }
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [3, 4]);
    platform
        .counted(r#"nlu_answers_total{model="canary"} "#)
        .await;
}

#[tokio::test]
async fn the_same_text_is_answered_by_the_same_version_and_says_which() {
    let platform = Platform::start().await;
    platform.tries(canary(50)).await;
    let mut versions = BTreeSet::new();
    for number in 0..30 {
        let text = format!("hi {number}");
        let (first, second) = (platform.parse(&text).await, platform.parse(&text).await);
        assert_eq!(first, second);
        versions.insert(first.1["model_version"].as_i64());
    }
    assert_eq!(versions.len(), 2);
    assert_eq!(
        platform.asked().await,
        30,
        "each is cached under its version"
    );
}

#[tokio::test]
async fn a_canary_that_cannot_answer_leaves_it_to_the_active_version() {
    let platform = Platform::start().await;
    platform.tries(canary(99)).await;
    break_version(&platform, 4).await;
    for number in 0..20 {
        let (status, body) = platform.parse(&format!("hi {number}")).await;
        assert_eq!((status.as_u16(), &body["model_version"]), (200, &json!(3)));
    }
}

#[tokio::test]
async fn a_shadow_is_asked_as_well_and_what_it_says_is_compared_and_never_given() {
    let platform = Platform::start().await;
    platform.tries(shadow()).await;
    take_seen(&platform).await;
    disagree(&platform).await;
    for text in ["hi", "what", "hi"] {
        let (_, body) = platform.parse(text).await;
        assert_eq!(
            (&body["model_version"], &body["intent"]["name"]),
            (&json!(3), &json!("hello"))
        );
    }
    let seen = eventually(PATIENCE, async || {
        let told = told(&platform).await;
        let sum = |count: fn(&SeenBatch) -> u64| told.iter().map(count).sum::<u64>();
        let (agreed, disagreed) = (
            sum(|b| b.seen.shadow.agreed),
            sum(|b| b.seen.shadow.disagreed),
        );
        ((agreed, disagreed) == (2, 1) && sum(|b| b.seen.active.total) == 3).then_some(told)
    })
    .await;
    let kept: Vec<_> = seen
        .iter()
        .flat_map(|batch| &batch.seen.shadow.disagreements)
        .collect();
    assert_eq!((kept.len(), kept[0].text.as_str()), (1, "what"));
    assert_eq!(kept[0].shadow.intent.name.as_deref(), Some("ask"));
    platform
        .counted(r#"nlu_shadow_total{outcome="disagree"} "#)
        .await;
}

#[tokio::test]
async fn what_users_say_is_counted_and_not_kept_where_it_is_not_collected() {
    let platform = Platform::start().await;
    let mut tried = shadow();
    tried["collects_utterances"] = json!(false);
    platform.tries(tried).await;
    take_seen(&platform).await;
    disagree(&platform).await;
    platform.parse("what").await;
    let batch = eventually(PATIENCE, async || {
        let told = told(&platform).await;
        told.into_iter()
            .find(|batch| batch.seen.shadow.disagreed == 1)
    })
    .await;
    assert!(batch.seen.shadow.disagreements.is_empty());
}

#[tokio::test]
async fn a_shadow_that_fails_or_is_slow_neither_delays_an_answer_nor_the_end() {
    let platform = Platform::start().await;
    platform.tries(shadow()).await;
    Mock::given(method("POST"))
        .and(path("/internal/v1/parse"))
        .and(body_partial_json(json!({"model_version": 5})))
        .respond_with(ResponseTemplate::new(500).set_delay(Duration::from_secs(20)))
        .with_priority(1)
        .mount(&platform.ml)
        .await;
    // More than can wait; all but the first are answered from the cache, faster than a shadow that is silent.
    for _ in 0..300 {
        assert_eq!(platform.parse("hi").await.0, 200);
    }
    platform
        .counted(r#"nlu_shadow_total{outcome="failed"} "#)
        .await;
    platform
        .counted(r#"nlu_shadow_total{outcome="dropped"} "#)
        .await;
    let _worker = platform.end().await;
}

#[tokio::test]
async fn what_was_seen_is_told_at_the_end_of_the_process() {
    let platform = Platform::that_gathers_for_long().await;
    platform.tries(canary(10)).await;
    take_seen(&platform).await;
    for number in 0..20 {
        platform.parse(&format!("hi {number}")).await;
    }
    assert!(told(&platform).await.is_empty());
    let api = platform.end_for_api().await;
    let requests = api.received_requests().await.unwrap_or_default();
    let puts = requests
        .iter()
        .filter(|request| request.method.as_str() == "PUT");
    let batches: Vec<SeenBatch> = puts.map(|put| put.body_json().expect("a batch")).collect();
    let seen = &batches[0].seen;
    assert_eq!(
        (batches.len(), seen.active.total + seen.canary.total),
        (1, 20)
    );
}
