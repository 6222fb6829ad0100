//! Assistants: their life, and what is refused.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use stoa_contracts::identity::Role;
use uuid::Uuid;

use crate::service::{INTERNAL, Service, send};

#[tokio::test]
async fn an_assistant_is_created_read_changed_and_deleted() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let answer = service
        .post("/api/v1/assistants", &token, json!({"name": "Care"}))
        .await;
    let created = answer.ok(201);
    assert_eq!(created["language"], "en");
    assert_eq!(created["active_model"], Value::Null);
    let path = answer.headers["location"].to_str().unwrap();
    assert_eq!(service.get(path, &token).await.ok(200), created);
    let change = service
        .request(Method::PATCH, path, &token)
        .json(&json!({"language": "de"}));
    let changed = send(change).await.ok(200);
    assert_eq!(
        (&changed["name"], &changed["language"]),
        (&json!("Care"), &json!("de"))
    );
    service.delete(path, &token).await.ok(204);
    service.get(path, &token).await.problem(404);
    service.delete(path, &token).await.problem(404);
    // The other services are told once.
    let jobs = sqlx::query_as::<_, (String, Value)>("SELECT kind, payload FROM outbox");
    let jobs = jobs.fetch_all(&service.pool).await.unwrap();
    let forget = json!({"assistant_id": created["id"]});
    assert_eq!(jobs, [("forget_assistant".to_owned(), forget)]);
}

#[tokio::test]
async fn a_name_is_taken_once_per_account() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    service
        .post("/api/v1/assistants", &token, json!({"name": "Care"}))
        .await
        .ok(201);
    let problem = service
        .post("/api/v1/assistants", &token, json!({"name": "Care"}))
        .await
        .problem(409);
    assert_eq!(problem["errors"][0]["pointer"], "/name");
    let other = service.assistant(&token).await;
    let change = service
        .request(Method::PATCH, &other, &token)
        .json(&json!({"name": "Care"}));
    send(change).await.problem(409);
    let stranger = service.stranger().await;
    service
        .post("/api/v1/assistants", &stranger, json!({"name": "Care"}))
        .await
        .ok(201);
}

#[tokio::test]
async fn a_list_is_paged_by_a_cursor() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    for _ in 0..5 {
        service.assistant(&token).await;
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/assistants?limit=2".to_owned();
    loop {
        let page = service.get(&path, &token).await.ok(200);
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].to_string()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/assistants?limit=2&cursor={cursor}");
    }
    assert_eq!(seen.len(), 5);
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), 5, "{seen:?}");
    service
        .get("/api/v1/assistants?cursor=nonsense", &token)
        .await
        .problem(400);
    service
        .get("/api/v1/assistants?limit=1000", &token)
        .await
        .problem(400);
}

#[tokio::test]
async fn a_cursor_made_up_with_a_time_that_no_row_has_is_refused() {
    let service = Service::start().await;
    let token = service.token(Role::Viewer).await;
    let nobody = Uuid::nil();
    for time in [
        "[9999,365,23,59,59,0,-23,-59,-59]",
        "[-9999,1,0,0,0,0,0,0,0]",
        "[-9999,1,0,0,0,0,23,59,59]",
    ] {
        let cursor = URL_SAFE_NO_PAD.encode(format!(r#"[{time},"{nobody}"]"#));
        let path = format!("/api/v1/assistants?cursor={cursor}");
        let problem = service.get(&path, &token).await.problem(400);
        assert_eq!(problem["errors"][0]["pointer"], "/cursor", "{problem}");
    }
}

#[tokio::test]
async fn what_belongs_to_another_account_does_not_exist() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let path = service.trainable(&owner).await;
    let stranger = service.stranger().await;
    for path in [
        path.clone(),
        format!("{path}/training-data"),
        format!("{path}/flows"),
        format!("{path}/trainings"),
        format!("{path}/models"),
    ] {
        service.get(&path, &stranger).await.problem(404);
    }
    service.delete(&path, &stranger).await.problem(404);
    service
        .put(
            &format!("{path}/training-data"),
            &stranger,
            "text/csv",
            "text,intent\n",
        )
        .await
        .problem(404);
    service
        .put(
            &format!("{path}/flows"),
            &stranger,
            "application/yaml",
            "{}",
        )
        .await
        .problem(404);
    service
        .post(&format!("{path}/trainings"), &stranger, json!({}))
        .await
        .problem(404);
    service
        .post(&format!("{path}/models/1/activate"), &stranger, json!({}))
        .await
        .problem(404);
    let list = service.get("/api/v1/assistants", &stranger).await.ok(200);
    assert_eq!(list["items"], json!([]));
    service.get(&path, &owner).await.ok(200);
}

#[tokio::test]
async fn a_viewer_reads_and_changes_nothing() {
    let service = Service::start().await;
    let editor = service.token(Role::Editor).await;
    let path = service.trainable(&editor).await;
    let viewer = service.token(Role::Viewer).await;
    service.get(&path, &viewer).await.ok(200);
    service
        .get(&format!("{path}/training-data"), &viewer)
        .await
        .ok(200);
    service
        .post("/api/v1/assistants", &viewer, json!({"name": "x"}))
        .await
        .problem(403);
    service.delete(&path, &viewer).await.problem(403);
    service
        .put(
            &format!("{path}/training-data"),
            &viewer,
            "text/csv",
            "text,intent\n",
        )
        .await
        .problem(403);
    service
        .post(&format!("{path}/trainings"), &viewer, json!({}))
        .await
        .problem(403);
    service.get("/api/v1/api-keys", &editor).await.problem(403);
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_problems_with_a_place() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = "/api/v1/assistants";
    let raw = |body: &'static [u8], kind: &'static str| {
        send(
            service
                .request(Method::POST, path, &token)
                .header("content-type", kind)
                .body(body),
        )
    };
    let json = "application/json";
    let malformed = raw(b"{\n \"name\": }", json).await.problem(400);
    assert_eq!(malformed["errors"][0]["line"], 2);
    assert_eq!(malformed["errors"][0]["column"], 10);
    raw(b"{\"name\": \"\xff\xfe\"}", json).await.problem(400);
    raw(b"", json).await.problem(400);
    raw(b"{\"name\": \"a\"}", "text/plain").await.problem(415);
    let empty = raw(b"{\"name\": \"\"}", json).await.problem(422);
    assert_eq!(empty["errors"][0]["pointer"], "/name");
    for (field, value) in [
        ("name", "   "),
        ("name", "a\nb"),
        ("name", "a\0b"),
        ("language", "!!"),
        ("language", "e n"),
        ("language", "en_US"),
    ] {
        let mut body = json!({"name": "Care"});
        body[field] = json!(value);
        let refused = service.post(path, &token, body).await.problem(422);
        assert_eq!(
            refused["errors"][0]["pointer"],
            format!("/{field}"),
            "{refused}"
        );
    }
    let existing = service.assistant(&token).await;
    for change in [json!({"name": " "}), json!({"language": "!!"})] {
        let request = service.request(Method::PATCH, &existing, &token);
        send(request.json(&change)).await.problem(422);
    }
    raw(b"{}", json).await.problem(422);
    raw(b"{\"name\": \"a\", \"nmae\": 1}", json)
        .await
        .problem(422);
    raw(b"{\"name\": \"a\\u0000b\"}", json).await.problem(422);
    let large = format!("{{\"name\": \"{}\"}}", "a".repeat(2 << 20));
    let request = service
        .request(Method::POST, path, &token)
        .header("content-type", json);
    send(request.body(large)).await.problem(413);
}

#[tokio::test]
async fn unknown_ids_and_paths_and_methods_are_problems() {
    let service = Service::start().await;
    let token = service.token(Role::Owner).await;
    let unknown = Uuid::now_v7();
    for path in ["assistants", "trainings"] {
        service
            .get(&format!("/api/v1/{path}/{unknown}"), &token)
            .await
            .problem(404);
        service
            .get(&format!("/api/v1/{path}/not-an-id"), &token)
            .await
            .problem(400);
    }
    service
        .get(&format!("/api/v1/assistants/{unknown}/models"), &token)
        .await
        .problem(404);
    service.get("/api/v1/nothing", &token).await.problem(404);
    send(service.request(Method::PUT, "/api/v1/assistants", &token))
        .await
        .problem(405);
}

#[tokio::test]
async fn settings_of_understanding_are_made_changed_and_taken_back() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let body = json!({"name": "Care", "understanding": {"time_zone": "Europe/Athens"}});
    let answer = service.post("/api/v1/assistants", &token, body).await;
    let created = answer.ok(201);
    assert_eq!(
        created["understanding"],
        json!({"time_zone": "Europe/Athens"})
    );
    let path = answer.headers["location"].to_str().unwrap();
    for (change, expected) in [
        (
            json!({"min_confidence": 0.4, "builtin_entities": ["url", "number", "url"]}),
            json!({"time_zone": "Europe/Athens", "min_confidence": 0.4, "builtin_entities": ["number", "url"]}),
        ),
        (
            json!({"time_zone": null, "builtin_entities": [], "ambiguity_margin": 0.1}),
            json!({"min_confidence": 0.4, "builtin_entities": [], "ambiguity_margin": 0.1}),
        ),
    ] {
        let request = service.request(Method::PATCH, path, &token);
        let changed = send(request.json(&json!({"understanding": change}))).await;
        assert_eq!(changed.ok(200)["understanding"], expected);
        let read = service.get(path, &token).await.ok(200);
        assert_eq!(read["understanding"], expected);
    }
    let rename = service.request(Method::PATCH, path, &token);
    let renamed = send(rename.json(&json!({"name": "Help"}))).await.ok(200);
    assert_eq!(renamed["understanding"]["min_confidence"], 0.4);
    let internal = format!(
        "/internal/v1/assistants/{}",
        created["id"].as_str().unwrap()
    );
    let runtime = service.get(&internal, INTERNAL).await.ok(200);
    assert_eq!(runtime["understanding"], renamed["understanding"]);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_by_name_and_change_nothing() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.assistant(&token).await;
    for (name, value) in [
        ("time_zone", json!("Atlantis/Capital")),
        ("time_zone", json!("")),
        ("min_confidence", json!(1.1)),
        ("ambiguity_margin", json!(-0.1)),
    ] {
        let body = json!({"name": "Changed", "understanding": {name: value}});
        let request = service.request(Method::PATCH, &path, &token);
        let problem = send(request.json(&body)).await.problem(422);
        let pointer = format!("/understanding/{name}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        let create = service.post("/api/v1/assistants", &token, body).await;
        create.problem(422);
    }
    for wrong in [
        json!({"builtin_entities": ["colour"]}),
        json!({"builtin_entities": "number"}),
        json!({"mood": "good"}),
    ] {
        let request = service.request(Method::PATCH, &path, &token);
        let sent = send(request.json(&json!({"understanding": wrong}))).await;
        sent.problem(422);
    }
    let read = service.get(&path, &token).await.ok(200);
    assert_ne!(read["name"], "Changed");
    assert_eq!(read["understanding"], json!({}));
}
