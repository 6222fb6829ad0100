//! The OpenAPI document of the whole platform.

use crate::support::{World, json};
use http::StatusCode;

#[tokio::test]
async fn it_holds_what_is_public_and_asks_for_a_token_where_the_route_does() {
    let world = World::start().await;
    let response = world.get("/api/openapi.json").await;
    assert_eq!(response.status(), StatusCode::OK);
    let document = json(response).await;
    assert_eq!(document["info"]["title"], "Stoa");
    assert_eq!(
        document["components"]["securitySchemes"]["bearer"]["scheme"],
        "bearer"
    );
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["/api/v1/things/{id}"]);
    let item = &paths["/api/v1/things/{id}"];
    assert!(item["get"]["security"].as_array().unwrap().is_empty());
    assert!(item["delete"].is_null());
}

#[tokio::test]
async fn a_service_that_is_away_leaves_the_rest_readable() {
    let world = World::with(&[("ECHO_URL", "http://127.0.0.1:9")]).await;
    let document = json(world.get("/api/openapi.json").await).await;
    assert!(document["paths"].as_object().unwrap().is_empty());
}
