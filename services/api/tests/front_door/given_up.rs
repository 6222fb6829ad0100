//! Imports of which nothing is heard any more.

use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use time::Duration;

use crate::{
    imports::{CSV, upkeep, upload},
    service::Service,
    webhooks::{deliveries, message},
};

/// A webhook that waits for imports that fail; its path.
async fn listener(service: &Service, owner: &str) -> String {
    let body = json!({"url": "https://example.org/", "events": ["import.failed"]});
    let created = service.post("/api/v1/webhooks", owner, body).await.ok(201);
    let id = created["id"].as_str().expect("an id");
    format!("/api/v1/webhooks/{id}")
}

/// Checks that it was told of the failure of this import and of nothing else.
async fn told_of(service: &Service, webhook: &str, import: &Value, why: &str) {
    let owner = service.token(Role::Owner).await;
    let told = deliveries(service, webhook, &owner).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let posted = message(service, &told[0]).await.ok(200);
    let body = posted["body"].as_str().expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["type"], "import.failed");
    assert_eq!(body["data"]["import_id"], import["id"]);
    assert_eq!(body["data"]["error"], why);
}

#[tokio::test]
async fn an_import_that_fell_silent_is_told_of_as_failed() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let webhook = listener(&service, &owner).await;
    let assistant = service.trainable(&owner).await;
    let imports = format!("{assistant}/imports");
    let silent = upload(&service, &imports, &owner, "text/csv", CSV).await;
    let silent = silent.ok(202);
    let exports = format!("{assistant}/exports");
    let export = service.post(&exports, &owner, json!({"format": "csv"}));
    export.await.ok(202);
    service.pass(Duration::hours(3));
    let owner = service.token(Role::Owner).await;
    let next = upload(&service, &imports, &owner, "text/csv", CSV).await;
    next.ok(202);
    let why = "Nothing was heard of this for two hours.";
    told_of(&service, &webhook, &silent, why).await;
}

#[tokio::test]
async fn an_import_that_is_lost_is_told_of_as_failed() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let webhook = listener(&service, &owner).await;
    let imports = format!("{}/imports", service.trainable(&owner).await);
    let lost = upload(&service, &imports, &owner, "text/csv", CSV).await;
    let lost = lost.ok(202);
    service.pass(Duration::days(4));
    upkeep(&service).await;
    upkeep(&service).await;
    let why = "Nothing was heard of this for three days.";
    told_of(&service, &webhook, &lost, why).await;
}
