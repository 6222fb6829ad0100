//! Changes of a few utterances of the training data.

use reqwest::{Method, header};
use serde_json::{Value, json};
use stoa_contracts::identity::Role;

use crate::service::{Answer, Service, send};

async fn patch(
    service: &Service,
    path: &str,
    token: &str,
    (tag, operations): (&str, &Value),
) -> Answer {
    let request = service
        .request(Method::PATCH, path, token)
        .header(header::CONTENT_TYPE, "application/json-patch+json")
        .header(header::IF_MATCH, tag);
    send(request.body(operations.to_string())).await
}

fn texts(data: &Value) -> Vec<&str> {
    let examples = data["examples"].as_array().expect("examples");
    let texts = examples.iter().map(|example| example["text"].as_str());
    texts.map(|text| text.expect("text")).collect()
}

#[tokio::test]
async fn a_patch_changes_the_utterances_that_it_names_and_is_a_revision() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.trainable(&token).await);
    let operations = json!([
        {"op": "replace", "path": "/examples/1", "value": {"text": " so long ", "intent": "goodbye"}},
        {"op": "add", "path": "/examples/-", "value": {"text": "so long", "intent": "greet"}},
        {"op": "remove", "path": "/examples/0"},
    ]);
    let patched = patch(&service, &path, &token, ("\"1.json\"", &operations)).await;
    let summary = patched.ok(200);
    assert_eq!(patched.headers[header::ETAG], "\"2.json\"");
    assert_eq!(
        (&summary["version"], &summary["examples"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(summary["hints"][0]["kind"], "contradiction", "{summary}");
    let data = service.get(&path, &token).await.ok(200);
    assert_eq!(texts(&data), ["so long", "so long"]);
    let revisions = service
        .get(&format!("{path}/revisions"), &token)
        .await
        .ok(200);
    assert_eq!(revisions["items"].as_array().expect("items").len(), 2);
}

#[tokio::test]
async fn a_patch_that_cannot_be_done_as_a_whole_changes_nothing() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.trainable(&token).await);
    let remove = |index: usize| json!({"op": "remove", "path": format!("/examples/{index}")});
    let both = json!([remove(0), remove(1)]);
    let problem = patch(&service, &path, &token, ("\"1.json\"", &both))
        .await
        .problem(422);
    assert_eq!(problem["errors"][0]["line"], 1, "{problem}");
    let one = json!([remove(0)]);
    patch(&service, &path, &token, ("\"7.json\"", &one))
        .await
        .problem(412);
    let request = |kind: &str| {
        let request = service.request(Method::PATCH, &path, &token);
        request
            .header(header::CONTENT_TYPE, kind)
            .body(one.to_string())
    };
    let without_tag = send(request("application/json-patch+json")).await;
    without_tag.problem(428);
    let other_kind = request("application/json").header(header::IF_MATCH, "\"1.json\"");
    send(other_kind).await.problem(415);
    let data = service.get(&path, &token).await;
    assert_eq!(data.headers[header::ETAG], "\"1.json\"");
    assert_eq!(texts(&data.ok(200)), ["hello", "bye"]);
    let viewer = service.token(Role::Viewer).await;
    patch(&service, &path, &viewer, ("\"1.json\"", &one))
        .await
        .problem(403);
    let stranger = service.stranger().await;
    patch(&service, &path, &stranger, ("\"1.json\"", &one))
        .await
        .problem(404);
}

#[tokio::test]
async fn data_without_a_revision_has_nothing_to_be_patched() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.assistant(&token).await);
    patch(&service, &path, &token, ("\"1.json\"", &json!([])))
        .await
        .problem(404);
}
