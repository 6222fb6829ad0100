//! The page of the API's documents.

use crate::support::World;
use gateway::openapi::page;
use http::StatusCode;
use serde_json::{Value, json};

/// The document of this platform, as the console's client is made from it.
fn platform() -> Value {
    serde_json::from_str(include_str!("../../../web/openapi.json")).expect("JSON")
}

#[tokio::test]
async fn it_is_one_page_that_loads_nothing_and_runs_nothing_but_its_own_script() {
    let world = World::start().await;
    let response = world.get("/api/docs").await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(!policy.contains("unsafe") && !policy.contains("http"));
    let text = response.text().await.unwrap();
    assert!(text.contains("<code>/api/v1/things/{id}</code>"), "{text}");
    assert!(!text.contains("/internal/v1/secret"));
    for foreign in ["src=", "@import", "url(", "<link", " style=\"", " onclick"] {
        assert!(!text.contains(foreign), "{foreign}");
    }
}

#[tokio::test]
async fn who_asks_only_for_the_head_hears_the_same_without_the_body() {
    let world = World::start().await;
    for path in ["/api/docs", "/api/openapi.json"] {
        let page = world.get(path).await;
        let head = world.http.head(world.url(path)).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::OK, "{path}");
        for name in ["content-type", "content-length"] {
            assert_eq!(head.headers()[name], page.headers()[name], "{path}");
        }
        assert_eq!(head.text().await.unwrap(), "");
    }
}

#[test]
fn every_operation_and_every_schema_that_it_leads_to_is_on_the_page() {
    let document = platform();
    let text = page(&document);
    let mut count = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let head = format!(
                "<span class=\"method {method}\">{}</span><a href=\"#{id}\"><code>{path}</code></a>",
                method.to_uppercase()
            );
            assert_eq!(text.matches(&head).count(), 1, "{head}");
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
    // Every link within the page leads somewhere, and to one place only.
    for link in text.split("href=\"#").skip(1) {
        let target = link.split('"').next().unwrap();
        let anchor = format!(" id=\"{target}\"");
        assert_eq!(text.matches(&anchor).count(), 1, "{target}");
    }
}

#[test]
fn an_operation_is_shown_with_its_parameters_body_answers_and_credentials() {
    let text = page(&json!({
        "info": { "title": "Stoa", "version": "1" },
        "security": [{ "bearer": [] }],
        "paths": { "/a/{id}": {
            "get": { "tags": ["things"], "security": [], "responses": {} },
            "post": {
                "tags": ["things"], "summary": "Makes a `thing`.",
                "parameters": [{
                    "name": "id", "in": "path", "required": true, "description": "Which one",
                    "schema": { "type": "string", "format": "uuid", "maxLength": 36 },
                }],
                "requestBody": { "required": true, "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/Thing" },
                } } },
                "responses": {
                    "201": { "description": "It is made" },
                    "409": { "description": "It is there" },
                },
            },
        } },
        "components": { "schemas": {
            "Thing": {
                "type": "object", "required": ["name"],
                "properties": {
                    "name": { "type": "string", "example": "a name" },
                    "parent": { "$ref": "#/components/schemas/Thing" },
                },
            },
            "Unused": { "type": "string" },
        } },
    }));
    for expected in [
        "open to everybody",
        "needs a token",
        "Makes a <code>thing</code>.",
        "string (uuid)",
        "at most <code>36</code> characters",
        "<a href=\"#schema-thing\">Thing</a>",
        "&quot;name&quot;: &quot;a name&quot;",
        "It is made",
        "Errors: 409",
        "path, required",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains("Unused"));
}

#[test]
fn what_a_service_says_is_text_and_never_markup() {
    let evil = "<script>alert(1)</script>\" onload=\"x";
    let schema = json!({
        "type": evil, "description": evil, "format": evil, "enum": [evil], "example": evil,
        "properties": { evil: { "$ref": evil, "default": evil, "pattern": evil } },
    });
    let text = page(&json!({
        "info": { "title": evil, "version": evil },
        "paths": { evil: { "get": {
            "operationId": evil, "tags": [evil], "summary": evil, "description": evil,
            "parameters": [{ "name": evil, "in": evil, "description": evil, "schema": schema }],
            "requestBody": { "content": { evil: { "schema": schema, "example": evil } } },
            "responses": { evil: { "description": evil, "content": { evil: {
                "schema": { "$ref": format!("#/components/schemas/{evil}") },
            } } } },
        } } },
        "components": { "schemas": { evil: schema } },
    }));
    assert_eq!(text.matches("<script>").count(), 1, "{text}");
    assert!(!text.contains("\" onload"));
}
