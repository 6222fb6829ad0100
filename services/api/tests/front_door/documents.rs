//! Training data: three formats in and out, and what is refused.

use std::{fmt::Write as _, time::Duration};

use futures_util::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use stoa_testing::eventually;
use tokio::task::JoinSet;

use crate::{
    races::waits_for_lock,
    service::{Service, send},
};

const YAML: &str = r#"version: "3.1"
nlu:
- intent: move
  examples: |
    - I move to [Rome](city)
    - we are moving
- intent: out_of_scope
  metadata: {team: music}
  examples:
    - text: sing a song
      metadata: {seen: [2, 0.5, "no"]}
"#;

#[tokio::test]
async fn data_goes_in_and_comes_out_in_every_format() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.assistant(&token).await);
    service.get(&path, &token).await.problem(404);
    let summary = service
        .put(&path, &token, "application/yaml", YAML)
        .await
        .ok(200);
    assert_eq!(summary["version"], 1);
    assert_eq!(
        (
            &summary["examples"],
            &summary["intents"],
            &summary["entities"]
        ),
        (&json!(3), &json!(1), &json!(1))
    );
    assert_eq!(summary["hints"][0]["kind"], "few_examples");

    let stored = service.get(&path, &token).await;
    assert_eq!(stored.content_type(), "application/json");
    let data = stored.json();
    let entity = json!({"start": 10, "end": 14, "entity": "city"});
    assert_eq!(data["examples"][0]["entities"][0], entity);
    assert_eq!(data["examples"][2]["intent"], Value::Null);
    assert_eq!(
        data["examples"][2]["metadata"],
        json!({"seen": [2, 0.5, "no"]})
    );
    let noted = json!([{"intent": "out_of_scope", "metadata": {"team": "music"}}]);
    assert_eq!(data["intents"], noted);

    let accept = |kind: &'static str| {
        send(
            service
                .request(Method::GET, &path, &token)
                .header("accept", kind),
        )
    };
    let yaml = accept("application/yaml").await;
    assert_eq!(yaml.content_type(), "application/yaml");
    assert!(
        yaml.text.contains("- I move to [Rome](city)"),
        "{}",
        yaml.text
    );
    let csv = accept("text/csv;q=0.9, application/json;q=0.1").await;
    assert_eq!(
        csv.text,
        "text,intent\nI move to Rome,move\nwe are moving,move\nsing a song,\n"
    );
    accept("image/png").await.problem(406);

    let again = service
        .put(&path, &token, "application/json", &data.to_string())
        .await
        .ok(200);
    assert_eq!(again["version"], 2);
    assert_eq!(service.get(&path, &token).await.json(), data);
    service
        .put(&path, &token, "text/csv", &csv.text)
        .await
        .ok(200);
}

#[tokio::test]
async fn every_fault_is_told_with_line_and_column() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.assistant(&token).await);
    let place = |problem: Value| {
        let error = &problem["errors"][0];
        (
            error["line"].as_u64().unwrap(),
            error["column"].as_u64().unwrap(),
        )
    };
    let malformed = [
        (
            "application/json",
            "{\"examples\": [\n  {\"text\": }]}",
            (2, 12),
        ),
        ("text/csv", "text,intent\nhi,\"greet\n", (2, 4)),
    ];
    for (kind, body, expected) in malformed {
        assert_eq!(
            place(service.put(&path, &token, kind, body).await.problem(400)),
            expected
        );
    }
    let yaml = service
        .put(&path, &token, "application/yaml", "nlu:\n- intent: [a\n")
        .await;
    assert!(place(yaml.problem(400)).0 >= 2);
    let wrong = "nlu:\n- intent: go\n  examples: |\n    - to [Rome]{\"role\": \"x\"}\n    oops\n";
    let problem = service
        .put(&path, &token, "application/yaml", wrong)
        .await
        .problem(422);
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
    let refused = service.put(&path, &token, "text/plain", "hi").await;
    refused.problem(415);
    service.get(&path, &token).await.problem(404);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused_with_their_place() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.assistant(&token).await);
    for (kind, body) in [
        ("text/csv", b"text,intent\nh\xff,x\n".as_slice()),
        ("application/yaml", b"nlu:\n- \xc3\x28"),
        ("application/json", b"{\"examples\": \xfe}"),
        ("text/csv", b"text,intent\nh\0i,x\n"),
    ] {
        let request = service
            .request(Method::PUT, &path, &token)
            .header("content-type", kind);
        let problem = send(request.body(body)).await.problem(400);
        assert!(problem["errors"][0]["column"].is_u64(), "{problem}");
    }
    let escaped = r#"{"examples": [{"text": "a\u0000b", "intent": "x"}]}"#;
    service
        .put(&path, &token, "application/json", escaped)
        .await
        .problem(422);
    let escaped = "nlu:\n- intent: x\n  examples:\n  - \"a\\0b\"\n";
    service
        .put(&path, &token, "application/yaml", escaped)
        .await
        .problem(422);
}

#[tokio::test]
async fn ten_mebibytes_are_too_large_and_nothing_is_lost() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.trainable(&token).await);
    let large = format!("text,intent\n{},x\n", "a".repeat(10 << 20));
    for kind in ["text/csv", "application/json", "application/yaml"] {
        let problem = service.put(&path, &token, kind, &large).await.problem(413);
        assert_eq!(problem["code"], "too_large");
    }
    let data = service.get(&path, &token).await.ok(200);
    assert_eq!(data["examples"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn four_mebibytes_are_taken() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.assistant(&token).await);
    let mut csv = "text,intent\n".to_owned();
    for row in 0..80_000 {
        let intent = row % 150;
        writeln!(
            csv,
            "this is the utterance number {row} of a big set,intent_{intent}"
        )
        .unwrap();
    }
    let summary = service.put(&path, &token, "text/csv", &csv).await.ok(200);
    assert_eq!(
        (&summary["examples"], &summary["intents"]),
        (&json!(80_000), &json!(150))
    );
}

/// Data that takes 20 MiB as JSON.
async fn enlarge(service: &Service) {
    let update = "UPDATE training_data SET data = jsonb_build_object('examples', jsonb_build_array(
                      jsonb_build_object('text', repeat('x', 20 << 20), 'intent', 'greet')))";
    let updated = sqlx::query(update).execute(&service.pool).await;
    updated.expect("the data is enlarged");
}

#[tokio::test]
async fn answers_that_nobody_reads_are_held_up_to_a_bound() {
    let service = Service::start().await;
    let token = service.token(Role::Viewer).await;
    let editor = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.trainable(&editor).await);
    let stranger = service.stranger().await;
    let theirs = format!("{}/training-data", service.trainable(&stranger).await);
    enlarge(&service).await;
    let mut unread = Vec::new();
    for (path, token) in [(&path, &token), (&theirs, &stranger)] {
        let answer = service.request(Method::GET, path, token).send().await;
        unread.push(answer.unwrap());
        // More than half of the room.
        for path in [path.clone(), format!("{path}/revisions/1")] {
            let refused = service.get(&path, token).await;
            assert_eq!(refused.problem(503)["code"], "unavailable");
            assert!(refused.headers.contains_key("retry-after"));
        }
    }
    // Others work on.
    service.trainable(&editor).await;
    let length = unread[0].headers()["content-length"].to_str().unwrap();
    let length: usize = length.parse().unwrap();
    for answer in unread {
        assert_eq!(answer.text().await.unwrap().len(), length);
    }
    service.get(&path, &token).await.ok(200);
}

#[tokio::test]
async fn who_reads_stored_documents_does_not_hold_up_who_sends_one() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.trainable(&token).await);
    let mut held = service.pool.begin().await.unwrap();
    let lock = sqlx::query("LOCK TABLE training_data");
    lock.execute(&mut *held).await.unwrap();
    let mut readers = JoinSet::new();
    for _ in 0..3 {
        readers.spawn(service.request(Method::GET, &path, &token).send());
    }
    waits_for_lock(&service.pool, 1).await;
    // It is read, which takes a turn, and refused before the table is needed.
    let wrong = service.put(&path, &token, "text/csv", "text\n").await;
    wrong.problem(400);
    held.commit().await.unwrap();
    while let Some(answer) = readers.join_next().await {
        assert_eq!(answer.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn documents_that_do_not_come_in_are_waited_for_up_to_a_bound() {
    let service = Service::start().await;
    let mut accounts = Vec::new();
    for token in [
        service.token(Role::Editor).await,
        service.stranger().await,
        service.stranger().await,
    ] {
        let path = format!("{}/training-data", service.assistant(&token).await);
        accounts.push((path, token));
    }
    let put = |account: usize, body: reqwest::Body, length: usize| {
        let (path, token) = &accounts[account];
        service
            .request(Method::PUT, path, token)
            .header("content-type", "text/csv")
            .header("content-length", length)
            .body(body)
    };
    let size = 5 << 20;
    let mut stuck = JoinSet::new();
    for number in 0..4 {
        let beginning = stream::once(async { Ok::<_, std::io::Error>("text,intent\n") });
        let body = reqwest::Body::wrap_stream(beginning.chain(stream::pending()));
        stuck.spawn(put(number / 2, body, size).send());
    }
    let rows = "hello,greet\n".repeat(10_000);
    let large = format!("text,intent\n{rows}");
    let refused = eventually(Duration::from_mins(1), async || {
        let answer = send(put(2, large.clone().into(), large.len())).await;
        (answer.status != 200).then_some(answer)
    });
    let refused = refused.await;
    refused.problem(503);
    assert!(refused.headers.contains_key("retry-after"));
    let (path, token) = &accounts[2];
    let small = service.put(path, token, "text/csv", "text,intent\nhi,greet\n");
    small.await.ok(200);
    stuck.shutdown().await;
    eventually(Duration::from_mins(1), async || {
        let answer = send(put(2, large.clone().into(), large.len())).await;
        (answer.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn old_revisions_are_forgotten() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/training-data", service.assistant(&token).await);
    for _ in 0..25 {
        service
            .put(&path, &token, "text/csv", "text,intent\nhi,greet\n")
            .await
            .ok(200);
    }
    let kept = sqlx::query_scalar("SELECT count(*) FROM training_data");
    let kept: i64 = kept.fetch_one(&service.pool).await.unwrap();
    assert_eq!(kept, 20);
}
