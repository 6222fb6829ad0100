//! A POST that is sent twice is done once.

use reqwest::Method;
use ring::hmac;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use stoa_contracts::identity::Role;
use stoa_testing::{eventually, keys};
use time::Duration;
use uuid::Uuid;

use crate::{
    races::waits_for_lock,
    service::{Answer, EMAIL, PASSWORD, Service, send},
};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

async fn create(service: &Service, token: &str, key: &str, body: &Value) -> Answer {
    let request = service.request(Method::POST, "/api/v1/assistants", token);
    send(request.header("idempotency-key", key).json(body)).await
}

#[tokio::test]
async fn the_same_request_is_answered_from_memory() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let body = json!({"name": "Care"});
    let first = create(&service, &token, "k1", &body).await;
    let second = create(&service, &token, "k1", &body).await;
    assert_eq!(first.ok(201), second.ok(201));
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(second.headers["idempotency-replayed"], "true");
    assert_eq!(second.content_type(), "application/json");
    assert_eq!(second.headers["location"], first.headers["location"]);
    // Without the key, and with another, the name is taken.
    create(&service, &token, "k2", &body).await.problem(409);
    // A refusal is an answer too.
    let nameless = json!({"name": ""});
    create(&service, &token, "k3", &nameless).await.problem(422);
    let second = create(&service, &token, "k3", &nameless).await;
    second.problem(422);
    assert_eq!(second.headers["idempotency-replayed"], "true");
}

#[tokio::test]
async fn a_conflict_that_has_passed_is_forgotten() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let body = json!({"name": "Care"});
    let first = create(&service, &token, "k1", &body).await.ok(201);
    for _ in 0..2 {
        create(&service, &token, "k2", &body).await.problem(409);
    }
    let path = format!("/api/v1/assistants/{}", first["id"].as_str().unwrap());
    service.delete(&path, &token).await.ok(204);
    let second = create(&service, &token, "k2", &body).await;
    second.ok(201);
    assert!(!second.headers.contains_key("idempotency-replayed"));
}

#[tokio::test]
async fn another_request_with_the_key_is_refused() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    create(&service, &token, "k", &json!({"name": "A"}))
        .await
        .ok(201);
    create(&service, &token, "k", &json!({"name": "B"}))
        .await
        .problem(422);
    let owner = service.token(Role::Owner).await;
    create(&service, &owner, "k", &json!({"name": "A"}))
        .await
        .problem(422);
    let stranger = service.stranger().await;
    create(&service, &stranger, "k", &json!({"name": "A"}))
        .await
        .ok(201);
}

#[tokio::test]
async fn a_request_in_flight_holds_its_key_until_a_crash_is_certain() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let body = json!({"name": "A"});
    create(&service, &token, "k", &body).await.ok(201);
    // As if the process had died between taking the key and storing the answer.
    let forget = "UPDATE idempotency_keys SET status = NULL, body = NULL";
    sqlx::query(forget).execute(&service.pool).await.unwrap();
    create(&service, &token, "k", &body).await.problem(409);
    service.pass(Duration::minutes(2));
    let problem = create(&service, &token, "k", &body).await.problem(409);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("exists already"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_request_whose_client_leaves_is_carried_out_and_answered_to_who_comes_again() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let body = json!({"name": "A"});
    let mut held = service.pool.begin().await.unwrap();
    let lock = "LOCK TABLE assistants IN SHARE MODE";
    sqlx::query(lock).execute(&mut *held).await.unwrap();
    tokio::select! {
        answer = create(&service, &token, "k", &body) => panic!("answered: {}", answer.text),
        () = waits_for_lock(&service.pool, 1) => {}
    }
    held.commit().await.unwrap();
    let answer = eventually(PATIENCE, async || {
        let answer = create(&service, &token, "k", &body).await;
        (answer.status != 409).then_some(answer)
    })
    .await;
    answer.ok(201);
    assert_eq!(answer.headers["idempotency-replayed"], "true");
}

#[tokio::test]
async fn an_answer_is_stored_although_the_database_is_busy_for_a_moment() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let busy = "CREATE SEQUENCE attempts;
        CREATE FUNCTION fail_twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('attempts') <= 2 THEN RAISE EXCEPTION 'busy' USING ERRCODE = '53300'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER busy BEFORE UPDATE OF status ON idempotency_keys
            FOR EACH ROW EXECUTE FUNCTION fail_twice();";
    sqlx::raw_sql(busy).execute(&service.pool).await.unwrap();
    let body = json!({"name": "A"});
    let first = create(&service, &token, "k", &body).await;
    let second = create(&service, &token, "k", &body).await;
    assert_eq!(first.ok(201), second.ok(201));
    assert_eq!(second.headers["idempotency-replayed"], "true");
}

#[tokio::test]
async fn trainings_start_once_however_often_they_are_asked_for() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/trainings", service.trainable(&token).await);
    let start = || {
        let request = service.request(Method::POST, &path, &token);
        send(request.header("idempotency-key", "start").json(&json!({})))
    };
    let (first, second) = tokio::join!(start(), start());
    let statuses = [first.status.as_u16(), second.status.as_u16()];
    assert!(
        statuses == [202, 202] || statuses.contains(&409),
        "{statuses:?}"
    );
    assert!(statuses.contains(&202), "{statuses:?}");
    start().await.ok(202);
    let list = service.get(&path, &token).await.ok(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_secret_is_not_kept_for_a_second_answer() {
    let service = Service::start().await;
    let token = service.token(Role::Owner).await;
    let body = json!({"name": "x", "role": "viewer"});
    let create = || {
        let request = service.request(Method::POST, "/api/v1/api-keys", &token);
        send(request.header("idempotency-key", "k").json(&body))
    };
    create().await.ok(201);
    create().await.problem(409);
    let list = service.get("/api/v1/api-keys", &token).await.ok(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

/// What is stored of a request with a password is no digest that anybody can make of a guess.
#[tokio::test]
async fn what_is_stored_of_a_request_takes_a_secret_to_make() {
    let service = Service::start().await;
    let session = service.sign_in().await;
    let token = session["access_token"].as_str().unwrap();
    let me = service.get("/api/v1/me", token).await.ok(200);
    let user = json!({"email": "ada@example.org", "password": PASSWORD, "role": "viewer"});
    let create = || {
        let request = service.request(Method::POST, "/api/v1/users", token);
        send(request.header("idempotency-key", "k").json(&user))
    };
    create().await.ok(201);
    let subject: Uuid = serde_json::from_value(me["id"].clone()).unwrap();
    let plain = digest_of(&[
        subject.as_bytes(),
        "/api/v1/users".as_bytes(),
        user.to_string().as_bytes(),
    ]);
    let select = "SELECT request_hash FROM idempotency_keys";
    let stored: Vec<u8> = sqlx::query_scalar(select)
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert_ne!(stored, plain);
    // Earlier releases store that one, or that one sealed: their answers are still given.
    for earlier in [sealed(&plain), plain] {
        let update = sqlx::query("UPDATE idempotency_keys SET request_hash = $1");
        update.bind(earlier).execute(&service.pool).await.unwrap();
        let again = create().await;
        again.ok(201);
        assert_eq!(again.headers["idempotency-replayed"], "true");
    }
}

fn digest_of(parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().to_vec()
}

fn sealed(digest: &[u8]) -> Vec<u8> {
    let key = digest_of(&[b"sealer", keys::SIGNING_KEY.as_bytes()]);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    hmac::sign(&key, digest).as_ref().to_vec()
}

/// What another revision is to follow, or another format, is another request.
#[tokio::test]
async fn headers_that_change_what_a_request_means_make_it_another_one() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let assistant = service.trainable(&token).await;
    let data = format!("{assistant}/training-data");
    let csv = "text,intent\nhi,greet\n";
    service.put(&data, &token, "text/csv", csv).await.ok(200);
    let post = async |path: &str, name: &str, value: &str| {
        let request = service.request(Method::POST, path, &token);
        let request = request.header("idempotency-key", "k").header(name, value);
        send(request.body(csv)).await
    };
    let restore = format!("{data}/revisions/1/restore");
    for _ in 0..2 {
        let refused = post(&restore, "if-match", "\"1.json\"").await;
        refused.problem(412);
    }
    let corrected = post(&restore, "if-match", "\"2.json\"").await;
    corrected.problem(422);

    let imports = format!("{assistant}/imports");
    let import = async |kind: &str, key: &str| {
        let request = service.request(Method::POST, &imports, &token);
        let request = request.header("idempotency-key", key);
        send(request.header("content-type", kind).body(csv)).await
    };
    let first = import("application/json", "i").await.ok(202);
    let same = import("Application/JSON; charset=utf-8", "i").await;
    assert_eq!(same.ok(202), first);
    import("text/csv", "i").await.problem(422);
}

#[tokio::test]
async fn signing_in_pays_no_heed_to_a_key() {
    let service = Service::start().await;
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let sign_in = || {
        let request = service.request(Method::POST, "/api/v1/sessions", "");
        send(request.header("idempotency-key", "k").json(&body))
    };
    let (first, second) = (sign_in().await.ok(200), sign_in().await.ok(200));
    assert_ne!(first["refresh_token"], second["refresh_token"]);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    create(&service, &token, &"k".repeat(300), &json!({"name": "A"}))
        .await
        .problem(400);
    create(&service, "", "k", &json!({"name": "A"}))
        .await
        .problem(401);
}
