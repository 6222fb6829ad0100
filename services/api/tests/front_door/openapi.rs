//! The document that clients are generated from.

use serde_json::Value;

use crate::service::Service;

#[tokio::test]
async fn the_document_is_served_and_names_every_operation_once() {
    let service = Service::start().await;
    let document = service.get("/openapi.json", "").await.ok(200);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document, serde_json::to_value(api::openapi()).unwrap());
    let mut operations: Vec<&str> = operations(&document)
        .iter()
        .map(|(_, operation)| operation["operationId"].as_str().unwrap())
        .collect();
    operations.sort_unstable();
    let count = operations.len();
    operations.dedup();
    assert_eq!(operations.len(), count);
    for expected in [
        "create_session",
        "put_training_data",
        "create_training",
        "create_evaluation",
        "activate_model",
    ] {
        assert!(operations.contains(&expected), "{operations:?}");
    }
}

#[tokio::test]
async fn no_internal_route_is_in_the_document() {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(
        paths.keys().all(|path| path.starts_with("/api/v1/")),
        "{:?}",
        paths.keys()
    );
}

#[tokio::test]
async fn every_response_is_described_and_every_documented_path_is_published() {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let routes = include_str!("../../routes.toml");
    for (path, operation) in operations(&document) {
        assert!(
            routes.contains(&format!("path = \"{path}\"")),
            "{path} is not in routes.toml"
        );
        for (status, response) in operation["responses"].as_object().unwrap() {
            let description = response["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{path} {status}");
        }
    }
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let each = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("an object");
        item.values()
            .filter(|value| value.get("operationId").is_some())
            .map(move |value| (path.clone(), value))
    });
    each.collect()
}
