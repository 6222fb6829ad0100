//! Engines: who understands what is said to an assistant.

use serde_json::{Value, json};
use stoa_contracts::identity::Role;

use crate::service::{Answer, INTERNAL, Service};

const RASA: &str = "https://rasa.example.org";

/// A service, an owner's token, and the path of an assistant.
async fn assistant() -> (Service, String, String) {
    let service = Service::start().await;
    let token = service.token(Role::Owner).await;
    let path = service.trainable(&token).await;
    (service, token, path)
}

async fn put(service: &Service, path: &str, token: &str, engines: Value) -> Answer {
    let body = json!({"engines": engines}).to_string();
    let path = format!("{path}/engines");
    service.put(&path, token, "application/json", &body).await
}

/// What `nlu` is told.
async fn told(service: &Service, path: &str) -> Value {
    let internal = path.replace("/api/", "/internal/");
    let runtime = service.get(&internal, INTERNAL).await.ok(200);
    runtime["engines"].clone()
}

#[tokio::test]
async fn an_assistant_has_the_built_in_engine_until_its_owner_says_otherwise() {
    let (service, token, path) = assistant().await;
    let engines = format!("{path}/engines");
    let built_in = json!([{"kind": "ml"}]);
    let before = service.get(&engines, &token).await.ok(200);
    assert_eq!(
        (&before["engines"], &told(&service, &path).await),
        (&built_in, &built_in)
    );
    let rasa = json!([{"kind": "rasa", "url": RASA, "token": "sesame"}, {"kind": "ml"}]);
    let after = put(&service, &path, &token, rasa).await.ok(200);
    let shown = json!([{"kind": "rasa", "url": RASA, "has_token": true, "timeout_ms": 2000}, {"kind": "ml"}]);
    assert_eq!(after["engines"], shown);
    assert_eq!(service.get(&engines, &token).await.ok(200), after);
    let kept = json!([{"kind": "rasa", "url": RASA, "token": "sesame", "timeout_ms": 2000}, {"kind": "ml"}]);
    assert_eq!(told(&service, &path).await, kept);
}

#[tokio::test]
async fn a_token_stays_with_its_url_until_it_is_replaced_or_taken_back() {
    let (service, token, path) = assistant().await;
    for (engine, kept) in [
        (
            json!({"kind": "rasa", "url": RASA, "token": "one"}),
            json!("one"),
        ),
        (
            json!({"kind": "rasa", "url": RASA, "timeout_ms": 500}),
            json!("one"),
        ),
        (
            json!({"kind": "rasa", "url": RASA, "token": "two"}),
            json!("two"),
        ),
        (
            json!({"kind": "rasa", "url": RASA, "token": null}),
            Value::Null,
        ),
        (
            json!({"kind": "rasa", "url": RASA, "token": "three"}),
            json!("three"),
        ),
        // Who changes the URL does not get the token sent there.
        (
            json!({"kind": "rasa", "url": "https://other.example"}),
            Value::Null,
        ),
    ] {
        let answer = put(&service, &path, &token, json!([engine])).await.ok(200);
        assert_eq!(answer["engines"][0]["has_token"], json!(!kept.is_null()));
        assert_eq!(told(&service, &path).await[0]["token"], kept, "{engine}");
    }
}

#[tokio::test]
async fn an_engine_that_cannot_be_asked_is_refused_with_its_place() {
    let (service, token, path) = assistant().await;
    let rasa = |url: &str| json!({"kind": "rasa", "url": url});
    for (engines, place) in [
        (json!([]), "/engines"),
        (json!([{"kind": "ml"}, {"kind": "ml"}]), "/engines/1/kind"),
        (
            json!([rasa(RASA), {"kind": "ml"}, rasa(RASA)]),
            "/engines/2/url",
        ),
        (json!([rasa("http://rasa.example.org")]), "/engines/0/url"),
        (json!([rasa("rasa")]), "/engines/0/url"),
        (
            json!([rasa("https://me:secret@rasa.example.org")]),
            "/engines/0/url",
        ),
        (
            json!([{"kind": "rasa", "url": RASA, "timeout_ms": 10}]),
            "/engines/0/timeout_ms",
        ),
        (
            json!([{"kind": "rasa", "url": RASA, "token": ""}]),
            "/engines/0/token",
        ),
        (
            json!([rasa("https://1.example"), rasa("https://2.example"), rasa("https://3.example"),
            rasa("https://4.example"), {"kind": "ml"}]),
            "/engines",
        ),
    ] {
        let problem = put(&service, &path, &token, engines).await.problem(422);
        let pointer = problem["errors"][0]["pointer"].as_str().unwrap_or_default();
        assert!(pointer.starts_with(place), "{problem}");
    }
    for unknown in [
        json!([{"kind": "oracle"}]),
        json!([{"kind": "rasa"}]),
        json!([{"kind": "ml", "url": RASA}]),
    ] {
        let status = put(&service, &path, &token, unknown).await.status;
        assert!(matches!(status.as_u16(), 400 | 422), "{status}");
    }
    assert_eq!(told(&service, &path).await, json!([{"kind": "ml"}]));
}

#[tokio::test]
async fn where_utterances_go_is_for_owners_to_choose() {
    let (service, _, path) = assistant().await;
    let built_in = json!([{"kind": "ml"}]);
    for role in [Role::Editor, Role::Viewer] {
        let token = service.token(role).await;
        assert_eq!(
            put(&service, &path, &token, built_in.clone()).await.status,
            403
        );
        service
            .get(&format!("{path}/engines"), &token)
            .await
            .ok(200);
    }
    let stranger = service.stranger().await;
    assert_eq!(put(&service, &path, &stranger, built_in).await.status, 404);
}
