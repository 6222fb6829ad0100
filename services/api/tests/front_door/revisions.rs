//! The history of training data, and how two editors do not overwrite each other.

use reqwest::{Method, header};
use serde_json::{Value, json};
use stoa_contracts::identity::Role;

use crate::service::{Answer, Service, send};

const KIND: &str = "text/csv";

async fn put_after(service: &Service, path: &str, token: &str, tag: &str, csv: &str) -> Answer {
    let request = service
        .request(Method::PUT, path, token)
        .header(header::CONTENT_TYPE, KIND)
        .header(header::IF_MATCH, tag);
    send(request.body(csv.to_owned())).await
}

fn tag_of(answer: &Answer) -> String {
    let tag = answer.headers.get(header::ETAG).expect("a tag");
    tag.to_str().expect("text").to_owned()
}

fn versions(page: &Value) -> Vec<i64> {
    let items = page["items"].as_array().expect("items");
    let versions = items.iter().map(|item| item["version"].as_i64());
    versions.map(|version| version.expect("a number")).collect()
}

#[tokio::test]
async fn the_second_of_two_editors_is_told_and_overwrites_nothing() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.trainable(&token).await);
    let seen = tag_of(&service.get(&path, &token).await);
    assert_eq!(seen, "\"1.json\"");
    let first = "text,intent\nhello,greet\n";
    let stored = put_after(&service, &path, &token, &seen, first).await;
    stored.ok(200);
    assert_eq!(tag_of(&stored), "\"2.json\"");
    let refused = put_after(&service, &path, &token, &seen, "text,intent\nno,deny\n").await;
    let problem = refused.problem(412);
    assert_eq!(problem["code"], "conflict");
    assert!(
        problem["detail"].as_str().unwrap().contains("revision 1"),
        "{problem}"
    );
    let now = service.get(&path, &token).await;
    assert_eq!(now.ok(200)["examples"][0]["text"], "hello");
    // The revision counts, whatever format it was read in; without a tag it is as it was before.
    let request = service.request(Method::GET, &path, &token);
    let yaml = send(request.header(header::ACCEPT, "application/yaml")).await;
    assert_eq!(tag_of(&yaml), "\"2.yaml\"");
    put_after(&service, &path, &token, &tag_of(&yaml), first)
        .await
        .ok(200);
    service.put(&path, &token, KIND, first).await.ok(200);
    for wrong in ["*", "7", "\"1.json\", \"2.json\""] {
        put_after(&service, &path, &token, wrong, first)
            .await
            .problem(400);
    }
}

#[tokio::test]
async fn the_history_says_who_changed_what_and_when_and_pages_go_on() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.trainable(&token).await);
    let owner = service.sign_in().await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let yaml = "nlu:\n- intent: go\n  examples: |\n    - to [Rome](city)\n";
    service
        .put(&path, &owner, "application/yaml", yaml)
        .await
        .ok(200);
    service
        .put(&path, &token, KIND, "text,intent\nhi,greet\n")
        .await
        .ok(200);
    let list = format!("{path}/revisions");
    let page = service
        .get(&format!("{list}?limit=2"), &token)
        .await
        .ok(200);
    assert_eq!(versions(&page), [3, 2]);
    let by_owner = &page["items"][1];
    let counts = ["examples", "intents", "entities"].map(|key| by_owner[key].as_i64().unwrap());
    assert_eq!(counts, [1, 1, 1]);
    assert_eq!(by_owner["created_by_name"], "owner@example.org");
    assert!(by_owner["created_at"].is_string(), "{by_owner}");
    assert_eq!(page["items"][0]["created_by_name"], Value::Null);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = service
        .get(&format!("{list}?limit=2&cursor={cursor}"), &token)
        .await
        .ok(200);
    assert_eq!(
        (versions(&rest), &rest["next_cursor"]),
        (vec![1], &Value::Null)
    );
    let second = service.get(&format!("{list}/2"), &token).await;
    assert_eq!(tag_of(&second), "\"2.json\"");
    assert_eq!(second.ok(200)["examples"][0]["text"], "to Rome");
    let request = service.request(Method::GET, &format!("{list}/1"), &token);
    let csv = send(request.header(header::ACCEPT, KIND)).await;
    assert_eq!(csv.text, "text,intent\nhello,greet\nbye,goodbye\n");
    service.get(&format!("{list}/9"), &token).await.problem(404);
}

#[tokio::test]
async fn going_back_makes_a_new_revision_and_loses_nothing() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.trainable(&token).await);
    let first = service.get(&path, &token).await.ok(200);
    service
        .put(&path, &token, KIND, "text,intent\nhi,greet\n")
        .await
        .ok(200);
    let restore = format!("{path}/revisions/1/restore");
    let stale = service.request(Method::POST, &restore, &token);
    send(stale.header(header::IF_MATCH, "\"1.json\""))
        .await
        .problem(412);
    let request = service.request(Method::POST, &restore, &token);
    let request = request
        .header(header::IF_MATCH, "\"2.json\"")
        .header("idempotency-key", "back");
    let again = request.try_clone().expect("no stream");
    let revision = send(request).await.ok(201);
    assert_eq!(
        (&revision["version"], &revision["restored_from"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(
        (&revision["examples"], &revision["intents"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(send(again).await.ok(201), revision);
    assert_eq!(service.get(&path, &token).await.ok(200), first);
    let page = service
        .get(&format!("{path}/revisions"), &token)
        .await
        .ok(200);
    assert_eq!(versions(&page), [3, 2, 1]);
    let latest = service
        .post(&format!("{path}/revisions/3/restore"), &token, json!({}))
        .await;
    latest.problem(409);
    let missing = service
        .post(&format!("{path}/revisions/99/restore"), &token, json!({}))
        .await;
    missing.problem(404);
    assert_eq!(tag_of(&service.get(&path, &token).await), "\"3.json\"");
}

#[tokio::test]
async fn a_viewer_reads_the_history_and_another_account_has_none() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.trainable(&token).await);
    service
        .put(&path, &token, KIND, "text,intent\nhi,greet\n")
        .await
        .ok(200);
    let restore = format!("{path}/revisions/1/restore");
    let viewer = service.token(Role::Viewer).await;
    service
        .get(&format!("{path}/revisions"), &viewer)
        .await
        .ok(200);
    service
        .get(&format!("{path}/revisions/1"), &viewer)
        .await
        .ok(200);
    service
        .post(&restore, &viewer, json!({}))
        .await
        .problem(403);
    let stranger = service.stranger().await;
    service
        .get(&format!("{path}/revisions"), &stranger)
        .await
        .problem(404);
    service
        .get(&format!("{path}/revisions/1"), &stranger)
        .await
        .problem(404);
    service
        .post(&restore, &stranger, json!({}))
        .await
        .problem(404);
}
