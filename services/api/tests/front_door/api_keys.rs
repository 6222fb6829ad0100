//! API keys: made, used, narrowed, revoked.

use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::service::{INTERNAL, Service};

async fn exchange(service: &Service, key: &Value) -> crate::service::Answer {
    service
        .post("/internal/v1/key-tokens", INTERNAL, json!({"key": key}))
        .await
}

#[tokio::test]
async fn a_key_is_exchanged_for_a_token_until_it_is_revoked() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let body = json!({"name": "Web chat", "role": "viewer"});
    let created = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    assert!(created["key"].as_str().unwrap().starts_with("stoa_"));
    let list = service.get("/api/v1/api-keys", &owner).await.ok(200);
    assert_eq!(list["items"][0]["id"], created["id"]);
    assert_eq!(list["items"][0]["key"], Value::Null);

    let token = exchange(&service, &created["key"]).await.ok(200);
    let token = token["access_token"].as_str().unwrap();
    let me = service.get("/api/v1/me", token).await.ok(200);
    assert_eq!(
        (&me["id"], &me["email"], &me["role"]),
        (&created["id"], &Value::Null, &json!("viewer"))
    );

    let path = format!("/api/v1/api-keys/{}", created["id"].as_str().unwrap());
    service.delete(&path, &owner).await.ok(204);
    exchange(&service, &created["key"]).await.problem(401);
    service.delete(&path, &owner).await.problem(404);
    exchange(&service, &json!("stoa_guess")).await.problem(401);
}

#[tokio::test]
async fn a_key_of_one_assistant_sees_no_other() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (own, other) = (
        service.trainable(&owner).await,
        service.trainable(&owner).await,
    );
    let id = own.rsplit('/').next().unwrap();
    let body = json!({"name": "narrow", "role": "editor", "assistant_id": id});
    let created = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    let token = exchange(&service, &created["key"]).await.ok(200);
    let token = token["access_token"].as_str().unwrap();
    service.get(&own, token).await.ok(200);
    service.get(&other, token).await.problem(404);
    service
        .get(&format!("{other}/training-data"), token)
        .await
        .problem(404);
    service
        .post(&format!("{other}/trainings"), token, json!({}))
        .await
        .problem(404);
    service
        .post("/api/v1/assistants", token, json!({"name": "new"}))
        .await
        .problem(403);
    let list = service.get("/api/v1/assistants", token).await.ok(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let training = service
        .post(&format!("{other}/trainings"), &owner, json!({}))
        .await
        .ok(202);
    let training = format!("/api/v1/trainings/{}", training["id"].as_str().unwrap());
    service.get(&training, token).await.problem(404);
}

#[tokio::test]
async fn a_key_for_a_foreign_or_unknown_assistant_is_refused() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let stranger = service.stranger().await;
    let foreign = service.assistant(&stranger).await;
    let foreign = foreign.rsplit('/').next().unwrap().to_owned();
    for id in [foreign, Uuid::now_v7().to_string()] {
        let body = json!({"name": "x", "role": "viewer", "assistant_id": id});
        let problem = service
            .post("/api/v1/api-keys", &owner, body)
            .await
            .problem(422);
        assert_eq!(problem["errors"][0]["pointer"], "/assistant_id");
    }
}

#[tokio::test]
async fn a_key_expires_and_its_token_with_it() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let soon = rfc3339(OffsetDateTime::now_utc() + Duration::minutes(2));
    let body = json!({"name": "short", "role": "viewer", "expires_at": soon});
    let created = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    let token = exchange(&service, &created["key"]).await.ok(200);
    assert!(token["expires_in"].as_u64().unwrap() <= 120);
    service.pass(Duration::minutes(3));
    exchange(&service, &created["key"]).await.problem(401);

    let past = rfc3339(OffsetDateTime::now_utc() - Duration::minutes(2));
    for time in [past.as_str(), "9999-12-31T23:59:59-23:59"] {
        let body = json!({"name": "never", "role": "viewer", "expires_at": time});
        let problem = service.post("/api/v1/api-keys", &owner, body).await;
        assert_eq!(problem.problem(422)["errors"][0]["pointer"], "/expires_at");
    }
    let body = json!({"name": "long", "role": "viewer", "expires_at": "9999-12-31T23:59:59+02:00"});
    let created = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    assert_eq!(created["expires_at"], "9999-12-31T21:59:59Z");
}

#[tokio::test]
async fn a_list_tells_when_a_key_was_last_used() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let body = json!({"name": "used", "role": "viewer"});
    let created = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    assert_eq!(created["last_used_at"], Value::Null);
    exchange(&service, &created["key"]).await.ok(200);
    let list = service.get("/api/v1/api-keys", &owner).await.ok(200);
    assert!(list["items"][0]["last_used_at"].is_string(), "{list}");
}

#[tokio::test]
async fn a_key_with_scopes_does_what_they_say() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let none = json!({"name": "none", "role": "viewer", "scopes": []});
    let problem = service.post("/api/v1/api-keys", &owner, none).await;
    problem.problem(422);
    for (scopes, status) in [
        (json!(["converse", "parse"]), 403),
        (json!(["manage"]), 200),
    ] {
        let body = json!({"name": "narrow", "role": "viewer", "scopes": scopes});
        let created = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
        let token = exchange(&service, &created["key"]).await.ok(200);
        let token = token["access_token"].as_str().unwrap();
        let answer = service.get("/api/v1/assistants", token).await;
        assert_eq!(answer.status, status, "{scopes}");
    }
    let body = json!({"name": "wide", "role": "viewer"});
    let created = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    assert_eq!(created["scopes"], json!(["parse", "converse", "manage"]));
}

#[tokio::test]
async fn a_gateway_that_waits_is_told_of_a_revocation_at_once() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let body = json!({"name": "leaked", "role": "viewer"});
    let created = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    let session = service.sign_in().await;
    let nothing = service.get("/internal/v1/revocations", INTERNAL).await;
    assert_eq!(nothing.ok(200), json!({"next": 0, "revoked": []}));

    let path = format!("/api/v1/api-keys/{}", created["id"].as_str().unwrap());
    let (told, _) = tokio::join!(
        service.get("/internal/v1/revocations?after=0&wait=20", INTERNAL),
        service.delete(&path, &owner),
    );
    let told = told.ok(200);
    assert_eq!(told["revoked"], json!([created["id"]]));

    let access = session["access_token"].as_str().unwrap();
    service.delete("/api/v1/sessions", access).await.ok(204);
    let path = format!("/internal/v1/revocations?after={}", told["next"]);
    let told = service.get(&path, INTERNAL).await.ok(200);
    assert_eq!(told["revoked"].as_array().unwrap().len(), 1);
    let all = service.get("/internal/v1/revocations", INTERNAL).await;
    assert_eq!(all.ok(200)["revoked"].as_array().unwrap().len(), 2);
    service.stop().await;
}

#[tokio::test]
async fn a_gateway_is_told_of_keys_that_expire() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let soon = rfc3339(OffsetDateTime::now_utc() + Duration::minutes(2));
    let body = json!({"name": "short", "role": "viewer", "expires_at": soon});
    let created = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    service.pass(Duration::minutes(3));
    let path = "/internal/v1/revocations?after=0&wait=20";
    let told = service.get(path, INTERNAL).await.ok(200);
    assert_eq!(told["revoked"], json!([created["id"]]));
    service.stop().await;
}

fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).expect("a time can be written")
}

#[tokio::test]
async fn only_the_digest_of_a_key_is_stored() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let body = json!({"name": "x", "role": "viewer"});
    let created = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    let select =
        sqlx::query_scalar("SELECT count(*) FROM api_keys k WHERE k::text LIKE '%' || $1 || '%'");
    let found: i64 = select
        .bind(created["key"].as_str())
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert_eq!(found, 0);
}

#[tokio::test]
async fn a_key_makes_no_key_that_is_good_for_more_than_it_is() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let assistant = service.assistant(&owner).await;
    let id = assistant.rsplit('/').next().unwrap();
    let body = json!({"name": "narrow", "role": "owner", "assistant_id": id});
    let narrow = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    let token = exchange(&service, &narrow["key"]).await.ok(200);
    let token = token["access_token"].as_str().unwrap();
    service.get("/api/v1/api-keys", token).await.problem(403);
    let wide = json!({"name": "wide", "role": "owner"});
    let refused = service.post("/api/v1/api-keys", token, wide.clone()).await;
    refused.problem(403);
    let path = format!("/api/v1/api-keys/{}", narrow["id"].as_str().unwrap());
    service.delete(&path, token).await.problem(403);

    let body = json!({"name": "manages", "role": "owner", "scopes": ["manage"]});
    let manages = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    let token = exchange(&service, &manages["key"]).await.ok(200);
    let token = token["access_token"].as_str().unwrap();
    let refused = service.post("/api/v1/api-keys", token, wide).await;
    refused.problem(403);
    let same = json!({"name": "same", "role": "owner", "scopes": ["manage"]});
    service.post("/api/v1/api-keys", token, same).await.ok(201);
}

#[tokio::test]
async fn a_key_that_expires_makes_none_that_is_good_for_longer() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let end = OffsetDateTime::now_utc() + Duration::hours(1);
    let end = end.replace_nanosecond(0).unwrap();
    let create = |name: &str, end: Option<OffsetDateTime>| json!({"name": name, "role": "owner", "expires_at": end.map(rfc3339)});
    let path = "/api/v1/api-keys";
    let short = service.post(path, &owner, create("short", Some(end))).await;
    let token = exchange(&service, &short.ok(201)["key"]).await.ok(200);
    let token = token["access_token"].as_str().unwrap();
    for later in [None, Some(end + Duration::seconds(1))] {
        let problem = service.post(path, token, create("later", later)).await;
        let detail = problem.problem(403)["detail"].take();
        assert!(detail.as_str().unwrap().contains("expires"), "{detail}");
    }
    for good in [end, end - Duration::minutes(1)] {
        let made = service.post(path, token, create("good", Some(good))).await;
        made.ok(201);
    }
    let lasting = service.post(path, &owner, create("lasting", None)).await;
    let token = exchange(&service, &lasting.ok(201)["key"]).await.ok(200);
    let token = token["access_token"].as_str().unwrap();
    let made = service.post(path, token, create("another", None)).await;
    made.ok(201);
}

#[tokio::test]
async fn the_keys_of_an_assistant_are_revoked_with_it() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let assistant = service.assistant(&owner).await;
    let id = assistant.rsplit('/').next().unwrap();
    let body = json!({"name": "narrow", "role": "viewer", "assistant_id": id});
    let narrow = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    let body = json!({"name": "wide", "role": "viewer"});
    let wide = service.post("/api/v1/api-keys", &owner, body).await.ok(201);

    let (told, _) = tokio::join!(
        service.get("/internal/v1/revocations?after=0&wait=20", INTERNAL),
        service.delete(&assistant, &owner),
    );
    assert_eq!(told.ok(200)["revoked"], json!([narrow["id"]]));
    exchange(&service, &narrow["key"]).await.problem(401);
    exchange(&service, &wide["key"]).await.ok(200);
}
