//! Signing in, staying in, and what is refused.

use serde_json::json;
use stoa_contracts::identity::Role;
use stoa_postgres::PostgresSettings;
use time::Duration;

use crate::service::{ACCOUNT, EMAIL, PASSWORD, Service, migrate};

#[tokio::test]
async fn the_first_owner_signs_in_and_is_told_who_they_are() {
    let service = Service::start().await;
    let session = service.sign_in().await;
    assert_eq!(session["expires_in"], 900);
    let me = service
        .get("/api/v1/me", session["access_token"].as_str().unwrap())
        .await
        .ok(200);
    assert_eq!(me["email"], EMAIL);
    assert_eq!(me["role"], "owner");
    assert_eq!(me["account_id"], json!(ACCOUNT), "as it was asked for");
    service.stop().await;
}

#[tokio::test]
async fn an_email_address_is_the_same_in_capitals() {
    let service = Service::start().await;
    let body = json!({"email": EMAIL.to_uppercase(), "password": PASSWORD});
    service.post("/api/v1/sessions", "", body).await.ok(200);
}

#[tokio::test]
async fn migrating_twice_creates_one_owner() {
    let database = stoa_testing::postgres::database().await;
    let postgres = PostgresSettings::at(&database.url);
    tokio::join!(migrate(&postgres), migrate(&postgres));
    let pool = stoa_postgres::connect(&postgres).await.unwrap();
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(users, 1);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let service = Service::start().await;
    let mut answers = Vec::new();
    for email in [EMAIL, "nobody@example.org"] {
        let body = json!({"email": email, "password": "wrong"});
        let mut problem = service
            .post("/api/v1/sessions", "", body)
            .await
            .problem(401);
        assert_eq!(problem["code"], "unauthenticated");
        problem["trace_id"].take();
        answers.push(problem);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn guessing_is_slowed_down_for_one_address_and_not_for_others() {
    let service = Service::start().await;
    let guess = || json!({"email": EMAIL, "password": "guess"});
    for _ in 0..20 {
        service
            .post("/api/v1/sessions", "", guess())
            .await
            .problem(401);
    }
    let refused = service.post("/api/v1/sessions", "", guess()).await;
    refused.problem(429);
    assert!(refused.headers.contains_key("retry-after"));
    // The right password is refused too: otherwise guessing would go on.
    let right = json!({"email": EMAIL, "password": PASSWORD});
    service
        .post("/api/v1/sessions", "", right.clone())
        .await
        .problem(429);
    let other = json!({"email": "other@example.org", "password": "guess"});
    service
        .post("/api/v1/sessions", "", other)
        .await
        .problem(401);
    service.pass(Duration::minutes(6));
    service.post("/api/v1/sessions", "", right).await.ok(200);
}

#[tokio::test]
async fn a_session_is_renewed_with_a_new_token_each_time() {
    let service = Service::start().await;
    let first = service.sign_in().await;
    let second = refresh(&service, &first["refresh_token"]).await.ok(200);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let token = second["access_token"].as_str().unwrap();
    service.get("/api/v1/me", token).await.ok(200);
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_the_session_of_both() {
    let service = Service::start().await;
    let first = service.sign_in().await;
    let second = refresh(&service, &first["refresh_token"]).await.ok(200);
    refresh(&service, &first["refresh_token"])
        .await
        .problem(401);
    refresh(&service, &second["refresh_token"])
        .await
        .problem(401);
    let another = service.sign_in().await;
    refresh(&service, &another["refresh_token"]).await.ok(200);
}

#[tokio::test]
async fn a_refresh_token_expires_and_a_made_up_one_is_refused() {
    let service = Service::start().await;
    let session = service.sign_in().await;
    refresh(&service, &json!("made up")).await.problem(401);
    service.pass(Duration::days(31));
    refresh(&service, &session["refresh_token"])
        .await
        .problem(401);
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let service = Service::start().await;
    let session = service.sign_in().await;
    let token = session["access_token"].as_str().unwrap();
    service
        .delete("/api/v1/sessions/current", token)
        .await
        .ok(204);
    refresh(&service, &session["refresh_token"])
        .await
        .problem(401);
}

#[tokio::test]
async fn an_expired_or_foreign_or_missing_token_is_refused() {
    let service = Service::start().await;
    let token = service.token(Role::Owner).await;
    service.get("/api/v1/assistants", &token).await.ok(200);
    service.pass(Duration::minutes(16));
    let expired = service.get("/api/v1/assistants", &token).await.problem(401);
    assert_eq!(expired["detail"], "The access token has expired.");
    service.get("/api/v1/assistants", "").await.problem(401);
    service
        .get("/api/v1/assistants", "nonsense")
        .await
        .problem(401);
    let (head, rest) = token.split_once('.').unwrap();
    service
        .get("/api/v1/assistants", &format!("{head}.x{rest}"))
        .await
        .problem(401);
}

async fn refresh(service: &Service, token: &serde_json::Value) -> crate::service::Answer {
    service
        .post(
            "/api/v1/sessions/refresh",
            "",
            json!({"refresh_token": token}),
        )
        .await
}
