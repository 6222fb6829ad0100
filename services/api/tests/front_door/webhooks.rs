//! Webhooks: made, changed, told of what happens; with the test in the place of `worker`.

use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use time::Duration;
use uuid::Uuid;

use crate::{
    service::{Answer, INTERNAL, Service},
    trainings::metrics,
};

const PATH: &str = "/api/v1/webhooks";
const URL: &str = "https://example.org/stoa?of=us";

fn input() -> Value {
    json!({"url": URL, "events": ["training.succeeded", "training.failed"]})
}

/// Makes a webhook; its path and what was answered.
pub(crate) async fn create(service: &Service, owner: &str) -> (String, Value) {
    let created = service.post(PATH, owner, input()).await.ok(201);
    let path = format!("{PATH}/{}", created["id"].as_str().expect("an id"));
    (path, created)
}

async fn patch(service: &Service, path: &str, owner: &str, body: Value) -> Answer {
    let request = service.request(reqwest::Method::PATCH, path, owner);
    crate::service::send(request.json(&body)).await
}

pub(crate) async fn deliveries(service: &Service, path: &str, owner: &str) -> Vec<Value> {
    let page = service
        .get(&format!("{path}/deliveries"), owner)
        .await
        .ok(200);
    page["items"].as_array().expect("items").clone()
}

/// Ends a training of an assistant with this report.
async fn train(service: &Service, token: &str, assistant: &str, report: Value) -> Value {
    let path = format!("{assistant}/trainings");
    let training = service.post(&path, token, json!({})).await.ok(202);
    let path = format!(
        "/internal/v1/trainings/{}",
        training["id"].as_str().expect("an id")
    );
    let body = report.to_string();
    for _ in 0..2 {
        service
            .put(&path, INTERNAL, "application/json", &body)
            .await
            .ok(204);
    }
    training
}

/// What `worker` is to post.
pub(crate) async fn message(service: &Service, delivery: &Value) -> Answer {
    let id = delivery["id"].as_str().expect("an id");
    service
        .get(&format!("/internal/v1/webhook-deliveries/{id}"), INTERNAL)
        .await
}

pub(crate) async fn report(service: &Service, delivery: &Value, number: u16, status: &str) {
    let id = delivery["id"].as_str().expect("an id");
    let error = (status != "succeeded").then_some("The endpoint answered 500.");
    let answered = if status == "succeeded" { 204 } else { 500 };
    let attempt = json!({"number": number, "response_status": answered, "error": error, "milliseconds": 12,
        "attempted_at": "2026-11-26T12:00:00.25Z"});
    let body = json!({"attempt": attempt, "status": status}).to_string();
    let path = format!("/internal/v1/webhook-deliveries/{id}");
    service
        .put(&path, INTERNAL, "application/json", &body)
        .await
        .ok(204);
}

#[tokio::test]
async fn a_webhook_is_made_read_changed_and_deleted() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (path, created) = create(&service, &owner).await;
    let secret = created["secret"].as_str().unwrap();
    assert!(
        secret.starts_with("whsec_") && secret.len() == 50,
        "{secret}"
    );
    let read = service.get(&path, &owner).await.ok(200);
    assert_eq!(
        (&read["url"], &read["enabled"]),
        (&json!(URL), &json!(true))
    );
    assert_eq!(read["secret"], Value::Null);
    let change = json!({"enabled": false, "events": ["training.failed"]});
    let changed = patch(&service, &path, &owner, change).await.ok(200);
    assert_eq!(
        (&changed["url"], &changed["enabled"], &changed["events"]),
        (&json!(URL), &json!(false), &json!(["training.failed"]))
    );
    let list = service.get(PATH, &owner).await.ok(200);
    assert_eq!(list["items"], json!([changed]));
    service.delete(&path, &owner).await.ok(204);
    service.delete(&path, &owner).await.problem(404);
    service.get(&path, &owner).await.problem(404);
}

#[tokio::test]
async fn an_event_that_is_named_twice_is_shown_once_from_the_start() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let events = [
        "training.succeeded",
        "training.failed",
        "training.succeeded",
    ];
    let body = json!({"url": URL, "events": events});
    let created = service.post(PATH, &owner, body).await.ok(201);
    assert_eq!(
        created["events"],
        json!(["training.failed", "training.succeeded"])
    );
    let path = format!("{PATH}/{}", created["id"].as_str().unwrap());
    let shown = service.get(&path, &owner).await.ok(200);
    assert_eq!(shown["events"], created["events"]);
}

#[tokio::test]
async fn what_cannot_be_a_webhook_is_refused_with_the_place() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    for (url, why) in [
        ("http://example.org/", "must begin with https://"),
        ("ftp://example.org/", "must begin with https://"),
        (
            "https://me:secret@example.org/",
            "may not hold a user or a password",
        ),
        ("https://example.org/#part", "may not have a fragment"),
        (" https://example.org/", "may not hold spaces"),
        ("https://example.org/a b", "may not hold spaces"),
        ("https://example\n.org/", "may not hold spaces"),
        ("https:///", "not a URL"),
        ("nowhere", "not a URL"),
    ] {
        let body = json!({"url": url, "events": ["training.failed"]});
        let problem = service.post(PATH, &owner, body).await.problem(422);
        assert_eq!(problem["errors"][0]["pointer"], "/url", "{url}");
        let message = problem["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(why), "{url}: {message}");
    }
    for events in [json!([]), json!(["training.danced"]), json!(null)] {
        let body = json!({"url": URL, "events": events});
        service.post(PATH, &owner, body).await.problem(422);
    }
    for _ in 0..20 {
        create(&service, &owner).await;
    }
    service.post(PATH, &owner, input()).await.problem(409);
}

#[tokio::test]
async fn webhooks_are_their_accounts_owners_own() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (path, _) = create(&service, &owner).await;
    let editor = service.token(Role::Editor).await;
    let stranger = service.stranger().await;
    for (token, status) in [(&editor, 403), (&stranger, 404)] {
        service.get(&path, token).await.problem(status);
        service
            .get(&format!("{path}/deliveries"), token)
            .await
            .problem(status);
        service
            .post(&format!("{path}/test"), token, json!({}))
            .await
            .problem(status);
        patch(&service, &path, token, json!({"enabled": false}))
            .await
            .problem(status);
        service.delete(&path, token).await.problem(status);
    }

    assert_eq!(
        service.get(PATH, &stranger).await.ok(200)["items"],
        json!([])
    );
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let again = || {
        let request = service.request(reqwest::Method::POST, PATH, &owner);
        crate::service::send(request.header("idempotency-key", "one").json(&input()))
    };
    again().await.ok(201);
    again().await.problem(409);
    let list = service.get(PATH, &owner).await.ok(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_end_of_a_training_is_told_to_those_who_wait_for_it() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (all, created) = create(&service, &owner).await;
    let (failures, _) = create(&service, &owner).await;
    patch(
        &service,
        &failures,
        &owner,
        json!({"events": ["training.failed"]}),
    )
    .await
    .ok(200);
    let (off, _) = create(&service, &owner).await;
    patch(&service, &off, &owner, json!({"enabled": false}))
        .await
        .ok(200);
    let assistant = service.trainable(&owner).await;
    let success = json!({"status": "succeeded", "progress": 1.0, "metrics": metrics()});
    let good = train(&service, &owner, &assistant, success).await;
    let failure = json!({"status": "failed", "progress": 0.1, "error": "no memory"});
    let bad = train(&service, &owner, &assistant, failure).await;

    assert!(deliveries(&service, &off, &owner).await.is_empty());
    let told = deliveries(&service, &failures, &owner).await;
    assert_eq!(
        (told.len(), &told[0]["event"]),
        (1, &json!("training.failed"))
    );
    let told = deliveries(&service, &all, &owner).await;
    let events: Vec<_> = told
        .iter()
        .map(|delivery| delivery["event"].clone())
        .collect();
    assert_eq!(events, ["training.failed", "training.succeeded"]);
    assert!(told.iter().all(|delivery| delivery["status"] == "pending"));

    let posted = message(&service, &told[1]).await.ok(200);
    assert_eq!(
        (&posted["url"], &posted["secret"]),
        (&json!(URL), &created["secret"])
    );
    let body: Value = serde_json::from_str(posted["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["type"], "training.succeeded");
    assert!(body["timestamp"].is_string());
    assert_eq!(body["data"]["training_id"], good["id"]);
    assert_eq!(body["data"]["metrics"], metrics());
    let posted = message(&service, &told[0]).await.ok(200);
    let body: Value = serde_json::from_str(posted["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&body["data"]["training_id"], &body["data"]["error"]),
        (&bad["id"], &json!("no memory"))
    );
    // Two trainings, and three deliveries, each a job.
    assert_eq!(
        jobs(&service).await,
        ["train", "train", "webhook", "webhook", "webhook"]
    );
}

/// Announces a handover of an account, as `worker` does for `conversation`.
async fn announce(service: &Service, id: Uuid, account: Uuid) -> Answer {
    let data =
        json!({"conversation_id": Uuid::nil(), "assistant_id": Uuid::nil(), "sender": "ada"});
    let body = json!({"account_id": account, "event": "conversation.handover", "at": "2026-11-26T12:00:00.5Z",
        "data": data});
    let path = format!("/internal/v1/webhook-events/{id}");
    let body = body.to_string();
    service
        .put(&path, INTERNAL, "application/json", &body)
        .await
}

#[tokio::test]
async fn what_happens_in_another_service_is_told_once_to_those_who_wait_for_it() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (others, _) = create(&service, &owner).await;
    let (path, _) = create(&service, &owner).await;
    let events = json!({"events": ["conversation.handover", "training.failed"]});
    let changed = patch(&service, &path, &owner, events.clone()).await.ok(200);
    assert_eq!(changed["events"], events["events"]);
    let account: Uuid = sqlx::query_scalar("SELECT account_id FROM webhooks LIMIT 1")
        .fetch_one(&service.pool)
        .await
        .expect("there is a webhook");
    let id = Uuid::now_v7();
    for _ in 0..2 {
        announce(&service, id, account).await.ok(204);
    }
    announce(&service, Uuid::now_v7(), Uuid::now_v7())
        .await
        .ok(204);

    assert!(deliveries(&service, &others, &owner).await.is_empty());
    let told = deliveries(&service, &path, &owner).await;
    assert_eq!(
        (told.len(), &told[0]["event"]),
        (1, &json!("conversation.handover"))
    );
    let posted = message(&service, &told[0]).await.ok(200);
    let body: Value = serde_json::from_str(posted["body"].as_str().unwrap()).unwrap();
    // The time is that of the handover, however long it took to get here.
    assert_eq!(
        (&body["type"], &body["timestamp"], &body["data"]["sender"]),
        (
            &json!("conversation.handover"),
            &json!("2026-11-26T12:00:00.5Z"),
            &json!("ada")
        )
    );
    assert_eq!(jobs(&service).await, ["webhook"]);

    announce(&service, Uuid::now_v7(), account).await.ok(204);
    assert_eq!(deliveries(&service, &path, &owner).await.len(), 2);
    let path = format!("/internal/v1/webhook-events/{id}");
    let nonsense = r#"{"account_id": 7}"#;
    let put = |token: &'static str| service.put(&path, token, "application/json", nonsense);
    put(INTERNAL).await.problem(422);
    put("").await.problem(401);
}

#[tokio::test]
async fn a_training_that_fell_silent_is_told_of_as_failed() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (path, _) = create(&service, &owner).await;
    let trainings = format!("{}/trainings", service.trainable(&owner).await);
    let silent = service.post(&trainings, &owner, json!({})).await.ok(202);
    service.pass(Duration::hours(3));
    let owner = service.token(Role::Owner).await;
    service.post(&trainings, &owner, json!({})).await.ok(202);
    let told = deliveries(&service, &path, &owner).await;
    assert_eq!(
        (told.len(), &told[0]["event"]),
        (1, &json!("training.failed"))
    );
    let posted = message(&service, &told[0]).await.ok(200);
    let body: Value = serde_json::from_str(posted["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["data"]["training_id"], silent["id"]);
    let error = "Nothing was heard of this training for two hours.";
    assert_eq!(body["data"]["error"], error);
}

async fn jobs(service: &Service) -> Vec<String> {
    let select = sqlx::query_scalar("SELECT kind FROM outbox ORDER BY kind");
    select
        .fetch_all(&service.pool)
        .await
        .expect("the database answers")
}

#[tokio::test]
async fn the_log_of_a_delivery_has_its_attempts_newest_first() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (path, created) = create(&service, &owner).await;
    let ping = service
        .post(&format!("{path}/test"), &owner, json!({}))
        .await
        .ok(202);
    assert_eq!(
        (&ping["event"], &ping["status"]),
        (&json!("ping"), &json!("pending"))
    );
    let posted = message(&service, &ping).await.ok(200);
    let body: Value = serde_json::from_str(posted["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["data"]["webhook_id"], created["id"]);
    report(&service, &ping, 1, "pending").await;
    report(&service, &ping, 1, "pending").await;
    report(&service, &ping, 2, "succeeded").await;
    report(&service, &ping, 3, "failed").await;
    let told = deliveries(&service, &path, &owner).await;
    assert_eq!((told.len(), &told[0]["status"]), (1, &json!("succeeded")));
    assert!(told[0]["finished_at"].is_string());
    let attempts = told[0]["attempts"].as_array().unwrap();
    let seen: Vec<_> = attempts
        .iter()
        .map(|a| (&a["number"], &a["response_status"]))
        .collect();
    assert_eq!(seen, [(&json!(2), &json!(204)), (&json!(1), &json!(500))]);
    assert_eq!(attempts[1]["error"], "The endpoint answered 500.");
    // Whoever comes to deliver it again hears that it was.
    message(&service, &ping).await.ok(204);
    patch(&service, &path, &owner, json!({"enabled": false}))
        .await
        .ok(200);
    message(&service, &ping).await.ok(204);
}

/// Asks for what `worker` asks for when somebody retries the job of a delivery, or cancels it.
pub(crate) async fn ask(service: &Service, delivery: &Value, what: &str) -> Answer {
    let id = delivery["id"].as_str().expect("an id");
    let path = format!("/internal/v1/webhook-deliveries/{id}/{what}");
    service.put(&path, INTERNAL, "application/json", "{}").await
}

#[tokio::test]
async fn a_delivery_that_has_failed_is_tried_again_and_goes_on_counting() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (path, _) = create(&service, &owner).await;
    let test = format!("{path}/test");
    let ping = service.post(&test, &owner, json!({})).await.ok(202);
    report(&service, &ping, 1, "pending").await;
    report(&service, &ping, 2, "failed").await;
    message(&service, &ping).await.problem(404);
    service.pass(Duration::days(4));
    let owner = service.token(Role::Owner).await;
    for _ in 0..2 {
        ask(&service, &ping, "reopening").await.ok(204);
    }
    let upkeep = service.post("/internal/v1/upkeep", INTERNAL, Value::Null);
    upkeep.await.ok(200);
    let told = &deliveries(&service, &path, &owner).await[0];
    assert_eq!(told["status"], "pending", "{told}");
    message(&service, &ping).await.ok(200);
    report(&service, &ping, 1, "pending").await;
    report(&service, &ping, 2, "succeeded").await;
    let told = &deliveries(&service, &path, &owner).await[0];
    let attempts = told["attempts"].as_array().expect("attempts");
    let numbers: Vec<_> = attempts.iter().map(|a| a["number"].as_u64()).collect();
    assert_eq!(numbers, [Some(4), Some(3), Some(2), Some(1)]);
    ask(&service, &ping, "reopening").await.problem(409);

    let other = service.post(&test, &owner, json!({})).await.ok(202);
    report(&service, &other, 1, "failed").await;
    patch(&service, &path, &owner, json!({"enabled": false}))
        .await
        .ok(200);
    ask(&service, &other, "reopening").await.problem(409);
    let unknown = json!({"id": Uuid::now_v7()});
    ask(&service, &unknown, "reopening").await.problem(404);
}

#[tokio::test]
async fn a_delivery_whose_job_was_cancelled_has_failed() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (path, _) = create(&service, &owner).await;
    let test = format!("{path}/test");
    let ping = service.post(&test, &owner, json!({})).await.ok(202);
    ask(&service, &ping, "end").await.ok(204);
    let told = &deliveries(&service, &path, &owner).await[0];
    assert_eq!(told["status"], "failed");
    assert!(told["finished_at"].is_string(), "{told}");
}

#[tokio::test]
async fn a_webhook_that_is_switched_off_is_told_nothing_more() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (path, _) = create(&service, &owner).await;
    let ping = service
        .post(&format!("{path}/test"), &owner, json!({}))
        .await
        .ok(202);
    patch(&service, &path, &owner, json!({"enabled": false}))
        .await
        .ok(200);
    message(&service, &ping).await.problem(404);
    assert_eq!(
        deliveries(&service, &path, &owner).await[0]["status"],
        "failed"
    );
    service
        .post(&format!("{path}/test"), &owner, json!({}))
        .await
        .problem(409);
}
