//! Imports, with the test in the place of the worker.

use reqwest::{Method, header};
use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use stoa_testing::eventually;
use time::Duration;
use uuid::Uuid;

use crate::service::{Answer, INTERNAL, Service, send};
use crate::worker::Worker;

const DEADLINE: std::time::Duration = std::time::Duration::from_mins(2);
pub(crate) const CSV: &str = "text,intent\nhi there,greet\nhello,greet\nhello,goodbye\n";

pub(crate) async fn upload(
    service: &Service,
    path: &str,
    token: &str,
    kind: &str,
    body: impl Into<reqwest::Body>,
) -> Answer {
    let request = service.request(Method::POST, path, token);
    send(request.header(header::CONTENT_TYPE, kind).body(body)).await
}

fn internal(transfer: &Value) -> String {
    let id = transfer["id"].as_str().expect("an id");
    format!("/internal/v1/transfers/{id}")
}

/// Does what `worker` does: lets one go on until it has ended, and gives what the client sees of it.
pub(crate) async fn see_through(
    service: &Service,
    resource: &str,
    transfer: &Value,
    token: &str,
) -> Value {
    let run = format!("{}/run", internal(transfer));
    eventually(DEADLINE, || async {
        let state = go_on(service, &run).await;
        let status = state["status"].as_str().expect("a status");
        (!["queued", "running"].contains(&status)).then_some(())
    })
    .await;
    let id = transfer["id"].as_str().expect("an id");
    let path = format!("/api/v1/{resource}/{id}");
    service.get(&path, token).await.ok(200)
}

async fn go_on(service: &Service, run: &str) -> Value {
    service
        .put(run, INTERNAL, "application/json", "{}")
        .await
        .ok(200)
}

async fn report(service: &Service, transfer: &Value, status: &str) {
    let body = json!({"status": status, "error": "Its job was cancelled."}).to_string();
    let path = internal(transfer);
    service
        .put(&path, INTERNAL, "application/json", &body)
        .await
        .ok(204);
}

async fn reopen(service: &Service, transfer: &Value) -> Answer {
    let path = format!("{}/reopening", internal(transfer));
    service.put(&path, INTERNAL, "application/json", "{}").await
}

async fn data(service: &Service, path: &str, token: &str) -> Value {
    let path = format!("{path}/training-data");
    service.get(&path, token).await.ok(200)
}

pub(crate) async fn parts(service: &Service) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM transfer_parts");
    count.fetch_one(&service.pool).await.expect("a count")
}

/// An import of [`CSV`] into an assistant.
async fn import_csv(service: &Service, assistant: &str, token: &str) -> Value {
    let imports = format!("{assistant}/imports");
    let answer = upload(service, &imports, token, "text/csv", CSV).await;
    answer.ok(202)
}

#[tokio::test]
async fn a_file_takes_the_place_of_the_data_by_a_job_that_has_its_id() {
    let worker = Worker::start().await;
    let service = Service::with_worker(&worker.server.uri()).await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let imports = format!("{path}/imports");
    let answer = upload(&service, &imports, &token, "text/csv", CSV).await;
    let import = answer.ok(202);
    let location = answer.headers["location"].to_str().unwrap();
    assert!(location.ends_with(import["id"].as_str().unwrap()));
    assert_eq!(
        (
            &import["status"],
            &import["mode"],
            &import["format"],
            &import["bytes"]
        ),
        (
            &json!("queued"),
            &json!("replace"),
            &json!("csv"),
            &json!(CSV.len())
        )
    );
    let job = eventually(DEADLINE, || async { worker.jobs().pop() }).await;
    assert_eq!(
        (job.kind.as_str(), json!(job.id)),
        ("import", import["id"].clone())
    );
    assert_eq!(job.payload["import_id"], import["id"]);

    let done = see_through(&service, "imports", &import, &token).await;
    assert_eq!(
        (&done["status"], &done["version"], &done["error"]),
        (&json!("succeeded"), &json!(2), &Value::Null),
        "{done}"
    );
    assert_eq!(
        done["counts"],
        json!({"intents": 2, "examples": 3, "added": 3, "replaced": 2, "skipped": 0, "contradictions": 1})
    );
    assert_eq!(done["hints"][0]["kind"], "contradiction");
    assert_eq!(
        data(&service, &path, &token).await["examples"][0]["text"],
        "hi there"
    );
    assert_eq!(parts(&service).await, 0);
    // Once more, as a second copy of the job would, and after the end: nothing happens.
    see_through(&service, "imports", &import, &token).await;
    report(&service, &import, "cancelled").await;
    let again = service.get(location, &token).await.ok(200);
    assert_eq!(again, done);
    let refusal = reopen(&service, &import).await.problem(409);
    assert!(
        refusal["detail"]
            .as_str()
            .unwrap()
            .contains("has succeeded")
    );
}

#[tokio::test]
async fn a_merge_adds_what_is_new_to_whatever_is_there_by_then() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let merge = format!("{path}/imports?mode=merge");
    let import = upload(&service, &merge, &token, "text/csv", CSV)
        .await
        .ok(202);
    let edit = "text,intent\nhello,greet\nwait,pause\n";
    let edited = format!("{path}/training-data");
    service.put(&edited, &token, "text/csv", edit).await.ok(200);
    let done = see_through(&service, "imports", &import, &token).await;
    assert_eq!(
        (&done["status"], &done["version"], &done["counts"]),
        (
            &json!("succeeded"),
            &json!(3),
            &json!({"intents": 3, "examples": 4, "added": 2, "replaced": 0, "skipped": 1, "contradictions": 1})
        ),
        "{done}"
    );
    let texts = data(&service, &path, &token).await;
    assert_eq!(texts["examples"][1]["text"], "wait");
    assert_eq!(
        texts["examples"][3],
        json!({"text": "hello", "intent": "goodbye"})
    );

    // The same file once more has nothing new, so there is no other revision.
    let import = upload(&service, &merge, &token, "text/csv", CSV)
        .await
        .ok(202);
    let done = see_through(&service, "imports", &import, &token).await;
    assert_eq!(
        (&done["version"], &done["counts"]["skipped"]),
        (&json!(3), &json!(3))
    );
}

#[tokio::test]
async fn a_replacement_does_not_overwrite_an_edit_that_came_in_between() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let imports = format!("{path}/imports");
    let import = upload(&service, &imports, &token, "text/csv", CSV)
        .await
        .ok(202);
    let edit = "text,intent\nwait,pause\n";
    let edited = format!("{path}/training-data");
    service.put(&edited, &token, "text/csv", edit).await.ok(200);
    let failed = see_through(&service, "imports", &import, &token).await;
    assert_eq!(failed["status"], "failed");
    let why = failed["error"].as_str().unwrap();
    assert!(
        why.contains("was changed after this file was uploaded"),
        "{why}"
    );
    assert_eq!(
        data(&service, &path, &token).await["examples"][0]["text"],
        "wait"
    );
}

#[tokio::test]
async fn a_wrong_file_fails_for_good_with_every_place_and_changes_nothing() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let before = data(&service, &path, &token).await;
    let imports = format!("{path}/imports");
    let json = "{\"examples\": [\n {\"text\": \" \", \"intent\": \"x\"},\n {\"intent\": \"x\"}]}";
    let import = upload(&service, &imports, &token, "application/json", json)
        .await
        .ok(202);
    let failed = see_through(&service, "imports", &import, &token).await;
    assert_eq!(
        (&failed["status"], &failed["error"]),
        (
            &json!("failed"),
            &json!("2 things in the document are wrong.")
        )
    );
    let places: Vec<_> = failed["errors"].as_array().unwrap().iter().collect();
    assert_eq!(
        (places[0]["line"].as_u64(), places[0]["column"].as_u64()),
        (Some(2), Some(2))
    );
    assert_eq!(places[1]["message"], "`text` is missing");
    assert_eq!(data(&service, &path, &token).await, before);
    assert_eq!(parts(&service).await, 0);
    let refusal = reopen(&service, &import).await.problem(409);
    assert!(refusal["detail"].as_str().unwrap().contains("mend it"));
}

#[tokio::test]
async fn the_same_idempotency_key_starts_one_import() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let imports = format!("{}/imports", service.assistant(&token).await);
    let start = async |body: &'static str| {
        let request = service.request(Method::POST, &imports, &token);
        let request = request.header("idempotency-key", "once");
        send(request.header(header::CONTENT_TYPE, "text/csv").body(body)).await
    };
    let first = start(CSV).await.ok(202);
    let second = start(CSV).await;
    assert_eq!(second.ok(202)["id"], first["id"]);
    assert_eq!(second.headers["idempotency-replayed"], "true");
    start("text,intent\nother,x\n").await.problem(422);
    assert_eq!(parts(&service).await, 1);
    // Without the key it is another import, for which the first is in the way.
    let problem = upload(&service, &imports, &token, "text/csv", CSV)
        .await
        .problem(409);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("has not ended")
    );
    assert_eq!(parts(&service).await, 1);
    let done = see_through(&service, "imports", &first, &token).await;
    assert_eq!(done["status"], "succeeded");
}

#[tokio::test]
async fn two_copies_of_a_job_have_one_effect() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let import = import_csv(&service, &path, &token).await;
    // What has died while it held the claim does not hold it for ever, and another may begin at any time.
    let release =
        "UPDATE transfers SET claimed_until = now() - interval '1 minute' WHERE status = 'running'";
    let run = format!("{}/run", internal(&import));
    for _ in 0..3 {
        go_on(&service, &run).await;
        sqlx::query(release).execute(&service.pool).await.unwrap();
    }
    let done = see_through(&service, "imports", &import, &token).await;
    assert_eq!(
        (&done["status"], &done["version"]),
        (&json!("succeeded"), &json!(2)),
        "{done}"
    );
    let latest: i32 = sqlx::query_scalar("SELECT max(version) FROM training_data")
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert_eq!(latest, 2);
}

#[tokio::test]
async fn one_that_breaks_its_process_again_and_again_is_given_up() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let import = import_csv(&service, &path, &token).await;
    let broken = "UPDATE transfers SET status = 'running', starts = 3, claimed_until = now() - interval '1 minute'";
    sqlx::query(broken).execute(&service.pool).await.unwrap();
    let failed = see_through(&service, "imports", &import, &token).await;
    assert_eq!(failed["status"], "failed");
    assert!(
        failed["error"].as_str().unwrap().contains("broke 3 times"),
        "{failed}"
    );
    reopen(&service, &import).await.ok(204);
    let done = see_through(&service, "imports", &import, &token).await;
    assert_eq!(done["status"], "succeeded", "{done}");
}

#[tokio::test]
async fn a_cancelled_import_has_no_effect_and_can_begin_anew_for_a_day() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let imports = format!("{path}/imports");
    let import = upload(&service, &imports, &token, "text/csv", CSV)
        .await
        .ok(202);
    report(&service, &import, "cancelled").await;
    let cancelled = see_through(&service, "imports", &import, &token).await;
    assert_eq!(
        (&cancelled["status"], &cancelled["error"]),
        (&json!("cancelled"), &json!("Its job was cancelled."))
    );
    assert_eq!(
        data(&service, &path, &token).await["examples"][0]["text"],
        "hello"
    );
    reopen(&service, &import).await.ok(204);
    reopen(&service, &import).await.ok(204);
    let done = see_through(&service, "imports", &import, &token).await;
    assert_eq!(done["status"], "succeeded", "{done}");

    let import = upload(&service, &imports, &token, "text/csv", CSV)
        .await
        .ok(202);
    report(&service, &import, "cancelled").await;
    upkeep(&service).await;
    assert_eq!(parts(&service).await, 1);
    service.pass(Duration::hours(25));
    upkeep(&service).await;
    assert_eq!(parts(&service).await, 0);
    let refusal = reopen(&service, &import).await.problem(409);
    assert!(
        refusal["detail"]
            .as_str()
            .unwrap()
            .contains("not kept any more")
    );
    let token = service.token(Role::Editor).await;
    let list = service.get("/api/v1/imports", &token).await.ok(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    service.pass(Duration::days(30));
    upkeep(&service).await;
    let token = service.token(Role::Editor).await;
    let list = service.get("/api/v1/imports", &token).await.ok(200);
    assert_eq!(list["items"], json!([]));
}

pub(crate) async fn upkeep(service: &Service) {
    service
        .post("/internal/v1/upkeep", INTERNAL, Value::Null)
        .await
        .ok(200);
}

#[tokio::test]
async fn imports_are_listed_page_by_page_and_a_stranger_sees_none() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let stranger = service.stranger().await;
    let viewer = service.token(Role::Viewer).await;
    let (one, other) = (
        service.assistant(&token).await,
        service.assistant(&token).await,
    );
    let mut ids = Vec::new();
    for path in [&one, &one, &other] {
        let imports = format!("{path}/imports");
        upload(&service, &imports, &viewer, "text/csv", CSV)
            .await
            .problem(403);
        upload(&service, &imports, &stranger, "text/csv", CSV)
            .await
            .problem(404);
        let import = upload(&service, &imports, &token, "text/csv", CSV)
            .await
            .ok(202);
        see_through(&service, "imports", &import, &token).await;
        ids.push(import["id"].clone());
    }
    let all = service.get("/api/v1/imports", &viewer).await.ok(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    let id = one.rsplit('/').next().unwrap();
    let list = format!("/api/v1/imports?assistant_id={id}&limit=1");
    let first = service.get(&list, &token).await.ok(200);
    assert_eq!(first["items"][0]["id"], ids[1]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = service
        .get(&format!("{list}&cursor={cursor}"), &token)
        .await
        .ok(200);
    assert_eq!(
        (&second["items"][0]["id"], &second["next_cursor"]),
        (&ids[0], &Value::Null)
    );

    service.get(&list, &stranger).await.problem(404);
    let none = service.get("/api/v1/imports", &stranger).await.ok(200);
    assert_eq!(none["items"], json!([]));
    let import = format!("/api/v1/imports/{}", ids[0].as_str().unwrap());
    service.get(&import, &viewer).await.ok(200);
    service.get(&import, &stranger).await.problem(404);
    let unknown = json!({"id": Uuid::now_v7()});
    let run = format!("{}/run", internal(&unknown));
    service
        .put(&run, INTERNAL, "application/json", "{}")
        .await
        .problem(404);
    reopen(&service, &unknown).await.problem(404);
    let wrong = json!({"status": "succeeded"}).to_string();
    service
        .put(&internal(&unknown), INTERNAL, "application/json", &wrong)
        .await
        .problem(422);
}

#[tokio::test]
async fn webhooks_hear_how_imports_end() {
    let worker = Worker::start().await;
    let service = Service::with_worker(&worker.server.uri()).await;
    let token = service.token(Role::Owner).await;
    let webhook =
        json!({"url": "https://example.org/x", "events": ["import.succeeded", "import.failed"]});
    service
        .post("/api/v1/webhooks", &token, webhook)
        .await
        .ok(201);
    let imports = format!("{}/imports", service.assistant(&token).await);
    for body in [CSV, "text;intent\n"] {
        let import = upload(&service, &imports, &token, "text/csv", body)
            .await
            .ok(202);
        see_through(&service, "imports", &import, &token).await;
    }
    let bodies: Vec<String> = sqlx::query_scalar("SELECT body FROM webhook_deliveries ORDER BY id")
        .fetch_all(&service.pool)
        .await
        .unwrap();
    let told: Vec<Value> = bodies
        .iter()
        .map(|body| serde_json::from_str(body).unwrap())
        .collect();
    assert_eq!(told.len(), 2);
    assert_eq!(
        (&told[0]["type"], &told[0]["data"]["counts"]["added"]),
        (&json!("import.succeeded"), &json!(3))
    );
    assert_eq!(told[1]["type"], "import.failed");
    assert!(
        told[1]["data"]["error"]
            .as_str()
            .unwrap()
            .contains("malformed")
    );
}
