//! Files that come in: hostile ones, the largest ones, and those that are too large.

use std::fmt::Write as _;

use serde_json::json;
use stoa_contracts::identity::Role;
use time::Duration;
use uuid::Uuid;

use crate::imports::{CSV, parts, see_through, upkeep, upload};
use crate::service::Service;

#[tokio::test]
async fn a_hostile_file_is_refused_in_bounded_time() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let imports = format!("{path}/imports");
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (before, name) in ('a'..='j').zip('b'..='k') {
        let list = vec![format!("*{before}"); 10].join(",");
        writeln!(bomb, "{name}: &{name} [{list}]").unwrap();
    }
    let nested = format!("{}{}", "[".repeat(4 << 20), "]".repeat(4 << 20));
    let large = "x".repeat(1 << 20);
    let alias = "- {intent: a, examples: *b}\n".repeat(1000);
    let block = "nlu:\n- intent: a\n  examples: |\n    - ";
    let yaml = "application/yaml";
    let files = [
        ("application/json", "[".repeat(8 << 20), "EOF"),
        ("application/json", nested, "recursion limit"),
        (yaml, "- ".repeat(1 << 20), "levels"),
        (yaml, bomb, "alias"),
        (
            yaml,
            format!("nlu:\n- intent: a\n  examples: &b \"- {large}\"\n{alias}"),
            "more than 64 MiB",
        ),
        (
            yaml,
            format!("{block}{}]\n", "[".repeat(1 << 20)),
            "longer than",
        ),
        (
            yaml,
            format!("{block}{}\n", "[a](b) ".repeat(1 << 17)),
            "at most 100 entities",
        ),
        (
            yaml,
            format!("{block}{}\n", "x".repeat(8 << 20)),
            "longer than",
        ),
        (
            "text/csv",
            format!("text,intent\n\"{}", "x".repeat(8 << 20)),
            "not closed",
        ),
    ];
    for (kind, body, why) in files {
        let import = upload(&service, &imports, &token, kind, body).await.ok(202);
        let failed = see_through(&service, "imports", &import, &token).await;
        assert_eq!(failed["status"], "failed", "{why}");
        let told = failed["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(told.contains(why), "{failed}");
        assert!(told.len() < 2100, "{why}");
    }
}

/// 100,000 utterances with an entity each, as JSON.
fn large() -> String {
    let item = |number: usize| {
        format!(
            "{{\"text\": \"to Rome {number}\", \"intent\": \"go_{}\", \"entities\": [{{\"start\": 3, \"end\": 7, \"entity\": \"city\"}}]}}",
            number % 150
        )
    };
    let items: Vec<String> = (0..100_000).map(item).collect();
    format!("{{\"examples\": [{}]}}", items.join(",\n"))
}

#[tokio::test]
async fn a_hundred_thousand_utterances_are_taken_in_and_no_more() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.assistant(&token).await;
    let imports = format!("{path}/imports");
    let import = upload(&service, &imports, &token, "application/json", large())
        .await
        .ok(202);
    assert!(parts(&service).await > 5);
    let done = see_through(&service, "imports", &import, &token).await;
    assert_eq!(
        (
            &done["status"],
            &done["counts"]["added"],
            &done["counts"]["intents"]
        ),
        (&json!("succeeded"), &json!(100_000), &json!(150)),
        "{done}"
    );
    let merge = format!("{imports}?mode=merge");
    let import = upload(&service, &merge, &token, "text/csv", CSV)
        .await
        .ok(202);
    let failed = see_through(&service, "imports", &import, &token).await;
    let why = failed["error"].as_str().unwrap();
    assert!(why.contains("100003 utterances"), "{failed}");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_at_the_door_and_leaves_nothing() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let imports = format!("{}/imports", service.assistant(&token).await);
    let body = "x".repeat((32 << 20) + 1);
    let problem = upload(&service, &imports, &token, "text/csv", body)
        .await
        .problem(413);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("33554432 bytes")
    );
    // One that does not say how long it is.
    let pieces =
        futures_util::stream::iter((0..33).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1 << 20])));
    let body = reqwest::Body::wrap_stream(pieces);
    upload(&service, &imports, &token, "text/csv", body)
        .await
        .problem(413);
    upload(&service, &imports, &token, "text/plain", "x")
        .await
        .problem(415);
    upload(
        &service,
        &format!("{imports}?mode=mix"),
        &token,
        "text/csv",
        CSV,
    )
    .await
    .problem(400);
    assert_eq!(parts(&service).await, 0);
    let list = service.get("/api/v1/imports", &token).await.ok(200);
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn an_upload_that_became_nothing_is_removed() {
    let service = Service::start().await;
    let insert = "INSERT INTO transfer_parts VALUES ($1, 0, 'x', now())";
    sqlx::query(insert)
        .bind(Uuid::now_v7())
        .execute(&service.pool)
        .await
        .unwrap();
    upkeep(&service).await;
    assert_eq!(parts(&service).await, 1);
    service.pass(Duration::hours(2));
    upkeep(&service).await;
    assert_eq!(parts(&service).await, 0);
}
