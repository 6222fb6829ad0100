//! Exports, with the test in the place of the worker.

use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use time::Duration;

use crate::imports::{see_through, upkeep, upload};
use crate::service::Service;

async fn export(service: &Service, path: &str, token: &str, format: &str) -> Value {
    let exports = format!("{path}/exports");
    let body = json!({"format": format});
    let export = service.post(&exports, token, body).await.ok(202);
    see_through(service, "exports", &export, token).await
}

fn content(export: &Value) -> String {
    let id = export["id"].as_str().expect("an id");
    format!("/api/v1/exports/{id}/content")
}

#[tokio::test]
async fn each_format_is_written_as_the_data_was_and_can_be_brought_in_again() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let expected = [
        (
            "json",
            "application/json",
            "{\n  \"examples\": [\n    {\"text\":\"hello\",\"intent\":\"greet\"},\n",
        ),
        ("yaml", "application/yaml", "version: \"3.1\""),
        ("csv", "text/csv", "text,intent\nhello,greet\nbye,goodbye\n"),
    ];
    for (format, media_type, begins) in expected {
        let done = export(&service, &path, &token, format).await;
        assert_eq!(
            (&done["status"], &done["version"], &done["format"]),
            (&json!("succeeded"), &json!(1), &json!(format)),
            "{done}"
        );
        let file = service.get(&content(&done), &token).await;
        assert_eq!(
            (file.status.as_u16(), file.content_type()),
            (200, media_type)
        );
        let name = format!("attachment; filename=\"training-data-1.{format}\"");
        assert_eq!(file.headers["content-disposition"], name);
        assert_eq!(done["bytes"], json!(file.text.len()));
        assert!(file.text.starts_with(begins), "{}", file.text);
        let imports = format!("{}/imports", service.assistant(&token).await);
        let import = upload(&service, &imports, &token, media_type, file.text)
            .await
            .ok(202);
        let import = see_through(&service, "imports", &import, &token).await;
        assert_eq!(import["counts"]["added"], 2, "{import}");
    }
}

#[tokio::test]
async fn a_file_of_many_parts_arrives_whole_as_it_was_when_it_was_asked_for() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.assistant(&token).await;
    let row = |number: u32| format!("utterance {number} {},greet\n", "word ".repeat(40));
    let csv: String = std::iter::once("text,intent\n".to_owned())
        .chain((0..15_000).map(row))
        .collect();
    assert!(csv.len() > 3 << 20);
    let data = format!("{path}/training-data");
    service.put(&data, &token, "text/csv", &csv).await.ok(200);
    let exports = format!("{path}/exports");
    let begun = service
        .post(&exports, &token, json!({"format": "csv"}))
        .await
        .ok(202);
    for _ in 0..25 {
        service
            .put(&data, &token, "text/csv", "text,intent\nother,x\n")
            .await
            .ok(200);
    }
    let done = see_through(&service, "exports", &begun, &token).await;
    assert_eq!(done["status"], "succeeded", "{done}");
    let file = service.get(&content(&done), &token).await;
    // Spaces around an utterance are not kept.
    let csv = csv.replace(" ,", ",");
    assert_eq!(
        file.headers["content-length"],
        csv.len().to_string().as_str()
    );
    assert!(file.text == csv, "the file is another one");
}

#[tokio::test]
async fn one_that_has_not_ended_has_no_file_and_is_not_started_twice() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let exports = format!("{path}/exports");
    let body = json!({"format": "json"});
    let begun = service.post(&exports, &token, body.clone()).await.ok(202);
    assert_eq!(
        (&begun["status"], &begun["bytes"]),
        (&json!("queued"), &Value::Null)
    );
    service.get(&content(&begun), &token).await.problem(409);
    service.post(&exports, &token, body).await.problem(409);
    service
        .post(&exports, &token, json!({"format": "csv"}))
        .await
        .ok(202);
    service
        .post(&exports, &token, json!({"format": "xml"}))
        .await
        .problem(422);
    let empty = format!("{}/exports", service.assistant(&token).await);
    service
        .post(&empty, &token, json!({"format": "csv"}))
        .await
        .problem(409);
}

#[tokio::test]
async fn an_export_is_kept_for_a_day_and_the_last_ten_of_an_assistant() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let first = export(&service, &path, &token, "csv").await;
    for _ in 0..10 {
        export(&service, &path, &token, "csv").await;
    }
    service.get(&content(&first), &token).await.problem(404);
    let last = export(&service, &path, &token, "csv").await;
    let one = format!("/api/v1/exports/{}", last["id"].as_str().unwrap());
    service.pass(Duration::hours(23));
    upkeep(&service).await;
    let token = service.token(Role::Editor).await;
    service.get(&one, &token).await.ok(200);
    service.pass(Duration::hours(2));
    upkeep(&service).await;
    let token = service.token(Role::Editor).await;
    service.get(&one, &token).await.problem(404);
    let parts: i64 = sqlx::query_scalar("SELECT count(*) FROM transfer_parts")
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert_eq!(parts, 0);
}

#[tokio::test]
async fn a_viewer_exports_and_a_stranger_gets_nothing() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let viewer = service.token(Role::Viewer).await;
    let stranger = service.stranger().await;
    let path = service.trainable(&token).await;
    let done = export(&service, &path, &viewer, "json").await;
    service.get(&content(&done), &viewer).await.ok(200);
    service.get(&content(&done), &stranger).await.problem(404);
    let one = format!("/api/v1/exports/{}", done["id"].as_str().unwrap());
    service.get(&one, &stranger).await.problem(404);
    let exports = format!("{path}/exports");
    service
        .post(&exports, &stranger, json!({"format": "json"}))
        .await
        .problem(404);
    // An import is no export, and the other way round.
    let import = format!("/api/v1/imports/{}", done["id"].as_str().unwrap());
    service.get(&import, &token).await.problem(404);
}
