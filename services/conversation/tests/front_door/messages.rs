//! Opening a conversation, talking, reading the transcript.

use crate::service::{TestService, User, answer, texts};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test]
async fn the_assistant_speaks_first() {
    let service = TestService::start().await;
    let path = format!("/api/v1/assistants/{}/conversations", service.assistant);
    let (status, started) = service.user().post(&path, json!({"sender": "ada"})).await;
    assert_eq!(status, 201, "{started}");
    assert_eq!(texts(&started["messages"]), ["Hello!"]);
    assert_eq!(started["messages"][0]["buttons"][0]["payload"], "/report");
    assert_eq!(started["state"]["status"], "active");
}

#[tokio::test]
async fn a_slot_is_filled_over_two_turns_and_all_of_it_stands_in_the_transcript() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    assert_eq!(
        user.say(&id, "I report").await,
        ["What does the meter show?"]
    );
    assert_eq!(user.say(&id, "it shows 48213").await, ["Noted: 48213."]);
    let events = user.events(&id).await;
    let kinds: Vec<&str> = events
        .iter()
        .map(|e| e["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "flow_started",
            "assistant",
            "flow_ended",
            "user",
            "flow_started",
            "assistant",
            "user",
            "slot",
            "assistant",
            "slot",
            "flow_ended",
        ]
    );
    let sequences: Vec<i64> = events
        .iter()
        .map(|e| e["sequence"].as_i64().unwrap())
        .collect();
    assert_eq!(sequences, (1..=11).collect::<Vec<i64>>());
    assert_eq!(events[3]["parse"]["intent"]["name"], "report");
    assert_eq!(events[7]["value"], 48213);
}

#[tokio::test]
async fn a_button_is_heard_without_understanding() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    service.others.understand_nothing().await;
    assert_eq!(
        user.say(&id, "/report").await,
        ["What does the meter show?"]
    );
}

#[tokio::test]
async fn messages_at_the_same_time_are_all_heard_in_some_order() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    let path = format!("/api/v1/conversations/{id}/messages");
    let mut talking = tokio::task::JoinSet::new();
    for number in 0..20 {
        let request = user.request(Method::POST, &path);
        let text = format!("count {number}");
        talking.spawn(answer(request.json(&json!({"text": text}))));
    }
    for (status, reply) in talking.join_all().await {
        assert_eq!(
            (status, texts(&reply["messages"])),
            (200, vec!["Sorry?".to_owned()])
        );
    }
    let events = user.events(&id).await;
    let heard: BTreeSet<&str> = events.iter().filter_map(|e| e["text"].as_str()).collect();
    assert_eq!(heard.len(), 20);
    let sequences: Vec<i64> = events
        .iter()
        .map(|e| e["sequence"].as_i64().unwrap())
        .collect();
    assert_eq!(
        sequences,
        (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<i64>>()
    );
    // Every turn began where the one before it ended: each is a message, a flow and its answer.
    for turn in events[3..].chunks(4) {
        let kinds: Vec<&str> = turn.iter().map(|e| e["event"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["user", "flow_started", "assistant", "flow_ended"]);
    }
}

#[tokio::test]
async fn a_message_sent_twice_with_one_key_is_heard_once() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    let first = user.say_once(&id, "k1", "I report").await;
    let second = user.say_once(&id, "k1", "I report").await;
    assert_eq!(first, second);
    assert_eq!(first.0, 200);
    assert_eq!(heard(&user.events(&id).await), ["I report"]);
}

#[tokio::test]
async fn the_same_key_at_the_same_time_is_heard_once() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    let say = || user.say_once(&id, "k1", "I report");
    let (a, b, c) = tokio::join!(say(), say(), say());
    assert_eq!((a.0, &a), (200, &b));
    assert_eq!(a, c);
    assert_eq!(heard(&user.events(&id).await), ["I report"]);
}

#[tokio::test]
async fn another_message_with_a_used_key_is_refused() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    user.say_once(&id, "k1", "I report").await;
    let (status, problem) = user.say_once(&id, "k1", "a human").await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid")));
}

#[tokio::test]
async fn a_message_that_could_not_be_understood_may_be_sent_again() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    service.others.understand_nothing().await;
    let (status, problem) = user.say_once(&id, "k1", "I report").await;
    assert_eq!((status, &problem["code"]), (503, &json!("unavailable")));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("Send it again")
    );
    assert!(heard(&user.events(&id).await).is_empty());
    service.others.nlu.reset().await;
    service.others.understand().await;
    let (status, reply) = user.say_once(&id, "k1", "I report").await;
    assert_eq!(
        (status, texts(&reply["messages"])),
        (200, vec!["What does the meter show?".to_owned()])
    );
    assert_eq!(heard(&user.events(&id).await), ["I report"]);
}

#[tokio::test]
async fn a_conversation_opened_twice_with_one_key_is_one() {
    let service = TestService::start().await;
    let user = service.user();
    let path = format!("/api/v1/assistants/{}/conversations", service.assistant);
    let open = |sender: &'static str| {
        let request = user
            .request(Method::POST, &path)
            .header("idempotency-key", "open");
        answer(request.json(&json!({"sender": sender})))
    };
    let first = open("ada").await;
    assert_eq!(first.0, 201);
    assert_eq!(open("ada").await, first);
    assert_eq!(open("bob").await.0, 422);
}

#[tokio::test]
async fn a_key_that_opened_a_conversation_is_of_the_one_who_sent_it_for_a_day() {
    let service = TestService::start().await;
    let path = format!("/api/v1/assistants/{}/conversations", service.assistant);
    let open = async |user: &User<'_>| {
        let request = user.request(Method::POST, &path);
        let request = request.header("idempotency-key", "open").json(&json!({}));
        let response = request.send().await.expect("an answer");
        let replayed = response.headers().get("idempotency-replayed").cloned();
        let status = response.status().as_u16();
        let body: Value = response.json().await.expect("a JSON body");
        (status, body["id"].clone(), replayed)
    };
    let (ada, bob) = (service.user(), service.user());
    let (status, first, replayed) = open(&ada).await;
    assert_eq!((status, replayed), (201, None));
    let (status, second, replayed) = open(&ada).await;
    assert_eq!((status, &second), (201, &first));
    assert_eq!(replayed.expect("an earlier answer"), "true");
    assert_eq!(open(&bob).await.0, 422);
    service.advance(Duration::from_hours(25));
    let (status, later, replayed) = open(&service.user()).await;
    assert_eq!((status, replayed), (201, None));
    assert_ne!(later, first);
}

#[tokio::test]
async fn conversations_go_on_while_api_is_away() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    service.others.forget_assistants().await;
    service.advance(Duration::from_mins(1));
    assert_eq!(
        user.say(&id, "I report").await,
        ["What does the meter show?"]
    );
    let asked = service.others.api.received_requests().await.unwrap();
    assert!(!asked.is_empty(), "api was asked, and away");
}

#[tokio::test]
async fn a_new_conversation_waits_for_api_to_come_back() {
    let service = TestService::start().await;
    service.others.forget_assistants().await;
    let path = format!("/api/v1/assistants/{}/conversations", service.assistant);
    let (status, problem) = service.user().post(&path, json!({})).await;
    assert_eq!((status, &problem["code"]), (503, &json!("unavailable")));
}

#[tokio::test]
async fn after_an_hour_of_silence_the_dialogue_starts_afresh() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    user.say(&id, "I report").await;
    service.advance(Duration::from_hours(1));
    let user = service.user();
    assert_eq!(user.say(&id, "48213").await, ["Sorry?"]);
}

fn heard(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| event["text"].as_str())
        .collect()
}
