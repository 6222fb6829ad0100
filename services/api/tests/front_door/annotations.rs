//! Entities that are marked while an utterance of the inbox is labelled.

use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use uuid::Uuid;

use crate::service::{Answer, INTERNAL, Service};

/// A service with an assistant, and one utterance that it was not sure of.
struct World {
    service: Service,
    token: String,
    path: String,
    item: String,
}

impl World {
    async fn with(text: &str) -> Self {
        let service = Service::start().await;
        let token = service.token(Role::Editor).await;
        let path = service.trainable(&token).await;
        let mut world = Self {
            service,
            token,
            path,
            item: String::new(),
        };
        world.say(text).await;
        let id = world.path.rsplit('/').next().expect("an id");
        let list = format!("/api/v1/inbox?assistant_id={id}");
        let page = world.service.get(&list, &world.token).await.ok(200);
        page["items"][0]["id"]
            .as_str()
            .expect("an item")
            .clone_into(&mut world.item);
        world
    }

    async fn say(&self, text: &str) {
        let id = self.path.rsplit('/').next().expect("an id");
        let batch = format!("/internal/v1/assistants/{id}/inbox/{}", Uuid::now_v7());
        let said = json!({
            "text": text, "times": 1, "first_at": "2026-01-01T10:00:00Z", "last_at": "2026-01-01T10:00:00Z",
            "model_version": 3, "guesses": [],
        });
        let body = json!({ "utterances": [said] }).to_string();
        let kind = "application/json";
        let taken = self.service.put(&batch, INTERNAL, kind, &body).await;
        taken.ok(200);
    }

    async fn label(&self, body: Value) -> Answer {
        let path = format!("/api/v1/inbox/{}/label", self.item);
        self.service.post(&path, &self.token, body).await
    }

    async fn last_example(&self) -> Value {
        let path = format!("{}/training-data", self.path);
        let data = self.service.get(&path, &self.token).await.ok(200);
        data["examples"]
            .as_array()
            .expect("examples")
            .last()
            .cloned()
            .expect("one")
    }
}

#[tokio::test]
async fn a_label_takes_the_entities_that_are_marked_in_the_utterance() {
    // Offsets count Unicode scalar values, in the utterance as it was shown.
    let text = " 👋 πάω Ρώμη";
    let world = World::with(text).await;
    let entities =
        json!([{"start": 7, "end": 11, "entity": "city", "role": "to", "value": "Rome"}]);
    let body = json!({"intent": "greet", "text": text, "entities": entities});
    world.label(body).await.ok(200);
    let marked = json!([{"start": 6, "end": 10, "entity": "city", "role": "to", "value": "Rome"}]);
    assert_eq!(
        world.last_example().await,
        json!({"text": "👋 πάω Ρώμη", "intent": "greet", "entities": marked})
    );
    let path = format!("{}/training-data/revisions", world.path);
    let revisions = world.service.get(&path, &world.token).await.ok(200);
    assert_eq!(revisions["items"][0]["entities"], 1);
}

#[tokio::test]
async fn entities_that_overlap_or_lie_outside_are_refused_and_nothing_is_labelled() {
    let world = World::with("from Rome to Oslo").await;
    let mark = |start: u32, end: u32| json!({"start": start, "end": end, "entity": "city"});
    for entities in [
        json!([mark(5, 9), mark(8, 12)]),
        json!([mark(13, 40)]),
        json!([mark(9, 9)]),
        json!([{"start": 5, "end": 9, "entity": " city"}]),
        json!([{"start": 5, "end": 9, "entity": "city", "role": "a\u{0}b"}]),
        json!(vec![mark(0, 1); 101]),
    ] {
        let body = json!({"intent": "greet", "entities": entities});
        let problem = world.label(body).await.problem(422);
        assert_eq!(problem["errors"][0]["pointer"], "/entities", "{problem}");
    }
    let dismissed = json!({"dismiss": true, "entities": [mark(5, 9)]});
    world.label(dismissed).await.problem(422);
    assert_eq!(world.last_example().await["text"], "bye");
    world.label(json!({"intent": "greet"})).await.ok(200);
}

#[tokio::test]
async fn an_utterance_that_was_said_otherwise_meanwhile_is_not_marked_at_the_wrong_place() {
    let world = World::with("to rome").await;
    world.say("to  rome").await;
    let entities = json!([{"start": 3, "end": 7, "entity": "city"}]);
    let body = json!({"intent": "greet", "text": "to rome", "entities": entities});
    let problem = world.label(body).await.problem(409);
    assert_eq!(problem["errors"][0]["pointer"], "/text");
    let entities = json!([{"start": 4, "end": 8, "entity": "city"}]);
    let body = json!({"intent": "greet", "text": "to  rome", "entities": entities});
    world.label(body).await.ok(200);
    assert_eq!(world.last_example().await["entities"], entities_at(4, 8));
}

fn entities_at(start: u32, end: u32) -> Value {
    json!([{"start": start, "end": end, "entity": "city"}])
}

#[tokio::test]
async fn an_intent_more_than_can_be_told_of_is_refused_and_nothing_is_labelled() {
    let world = World::with("to Rome").await;
    let example = |n: u32| json!({"text": format!("text {n}"), "intent": format!("intent_{n}")});
    let data = json!({ "examples": (0..2_000).map(example).collect::<Vec<_>>() }).to_string();
    let path = format!("{}/training-data", world.path);
    let put = world
        .service
        .put(&path, &world.token, "application/json", &data);
    put.await.ok(200);
    let body = json!({"intent": "one_more", "create_intent": true});
    let problem = world.label(body).await.problem(409);
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(
        detail.contains("more than 2000 different intents"),
        "{detail}"
    );
    assert_eq!(world.last_example().await["text"], "text 1999");
    world.label(json!({"intent": "intent_7"})).await.ok(200);
    assert_eq!(world.last_example().await["text"], "to Rome");
}

#[tokio::test]
async fn an_entity_more_than_can_be_learned_is_refused_and_nothing_is_labelled() {
    let world = World::with("to Rome").await;
    let example = |n: u32| {
        let role = json!({"start": 0, "end": 4, "entity": "city", "role": format!("role_{n}")});
        json!({"text": format!("text {n}"), "intent": "greet", "entities": [role]})
    };
    let data = json!({
        "examples": (0..249).map(example).collect::<Vec<_>>(),
        "lookups": [{"entity": "town", "values": ["Rome"]}],
    });
    let path = format!("{}/training-data", world.path);
    let (kind, data) = ("application/json", data.to_string());
    let put = world.service.put(&path, &world.token, kind, &data);
    put.await.ok(200);
    let mark = |entity: &str, role: Option<&str>| {
        let mark = json!({"start": 3, "end": 7, "entity": entity, "role": role});
        json!({"intent": "greet", "entities": [mark]})
    };
    for new in [
        mark("city", Some("one_more")),
        mark("city", None),
        mark("place", None),
    ] {
        let problem = world.label(new).await.problem(409);
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains("more than 250"), "{detail}");
    }
    assert_eq!(world.last_example().await["text"], "text 248");
    world.label(mark("town", None)).await.ok(200);
}
