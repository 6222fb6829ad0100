//! Signing in, staying in, and what is refused.

use api::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use stoa_postgres::PostgresSettings;
use stoa_testing::keys;
use time::Duration;

use crate::service::{ACCOUNT, Answer, EMAIL, INTERNAL, PASSWORD, Service, migrate, send};

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
    service.pass(Duration::seconds(11));
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
async fn a_lost_answer_is_given_again_and_the_lost_one_ends_the_session_should_it_come() {
    let service = Service::start().await;
    let first = service.sign_in().await;
    let lost = refresh(&service, &first["refresh_token"]).await.ok(200);
    let again = refresh(&service, &first["refresh_token"]).await.ok(200);
    let next = refresh(&service, &again["refresh_token"]).await.ok(200);
    refresh(&service, &lost["refresh_token"]).await.problem(401);
    refresh(&service, &next["refresh_token"]).await.problem(401);
}

#[tokio::test]
async fn a_token_whose_answer_was_used_is_not_lost_but_stolen() {
    let service = Service::start().await;
    let first = service.sign_in().await;
    let second = refresh(&service, &first["refresh_token"]).await.ok(200);
    let third = refresh(&service, &second["refresh_token"]).await.ok(200);
    refresh(&service, &first["refresh_token"])
        .await
        .problem(401);
    refresh(&service, &third["refresh_token"])
        .await
        .problem(401);
}

#[tokio::test]
async fn of_two_who_renew_at_once_at_most_one_goes_on() {
    let service = Service::start().await;
    let first = service.sign_in().await;
    let token = &first["refresh_token"];
    let (one, other) = tokio::join!(refresh(&service, token), refresh(&service, token));
    let (one, other) = (one.ok(200), other.ok(200));
    let mut good = 0;
    for session in [one, other] {
        let answer = refresh(&service, &session["refresh_token"]).await;
        good += usize::from(answer.status == 200);
    }
    assert!(good <= 1, "{good} branches of one session go on");
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
async fn signing_out_ends_this_session_and_no_other() {
    let service = Service::start().await;
    let (session, other) = (service.sign_in().await, service.sign_in().await);
    service
        .delete("/api/v1/sessions/current", access(&session))
        .await
        .ok(204);
    refresh(&service, &session["refresh_token"])
        .await
        .problem(401);
    refresh(&service, &other["refresh_token"]).await.ok(200);
}

#[tokio::test]
async fn a_user_sees_their_sessions_and_ends_one_or_the_others_or_all() {
    let service = Service::start().await;
    let (old, own) = (
        sign_in_from(&service, "192.0.2.7").await,
        service.sign_in().await,
    );
    sign_in_from(&service, "192.0.2.8").await;
    let list = sessions(&service, &own).await;
    assert_eq!(list.len(), 3);
    let current: Vec<_> = list.iter().map(|session| &session["current"]).collect();
    assert_eq!(current, [false, true, false], "newest first");
    assert_eq!(list[2]["address"], "192.0.2.7");
    assert_eq!(list[2]["user_agent"], "a browser");

    let path = format!("/api/v1/sessions/{}", list[2]["id"].as_str().unwrap());
    service.delete(&path, access(&own)).await.ok(204);
    service.delete(&path, access(&own)).await.problem(404);
    refresh(&service, &old["refresh_token"]).await.problem(401);
    assert_eq!(sessions(&service, &own).await.len(), 2);

    service
        .delete("/api/v1/sessions/others", access(&own))
        .await
        .ok(204);
    let left = sessions(&service, &own).await;
    assert_eq!((left.len(), &left[0]["current"]), (1, &json!(true)));

    service
        .delete("/api/v1/sessions", access(&own))
        .await
        .ok(204);
    refresh(&service, &own["refresh_token"]).await.problem(401);
}

#[tokio::test]
async fn nobody_ends_the_session_of_another() {
    let service = Service::start().await;
    let own = service.sign_in().await;
    let id = sessions(&service, &own).await[0]["id"].clone();
    let path = format!("/api/v1/sessions/{}", id.as_str().unwrap());
    let stranger = service.stranger().await;
    service.delete(&path, &stranger).await.problem(404);
    refresh(&service, &own["refresh_token"]).await.ok(200);
}

#[tokio::test]
async fn a_session_that_an_earlier_release_began_is_listed_once_it_is_renewed() {
    let service = Service::start().await;
    let own = service.sign_in().await;
    sqlx::query("DELETE FROM sessions")
        .execute(&service.pool)
        .await
        .unwrap();
    let renewed = refresh(&service, &own["refresh_token"]).await.ok(200);
    assert_eq!(sessions(&service, &renewed).await.len(), 1);
}

#[tokio::test]
async fn the_sessions_of_a_user_that_are_too_many_end_with_the_oldest() {
    let service = Service::start().await;
    let (old, other) = (service.sign_in().await, service.sign_in().await);
    let insert = "INSERT INTO sessions (id, user_id, created_at, last_used_at)
                  SELECT gen_random_uuid(), id, now(), now() FROM users, generate_series(1, 97)";
    sqlx::query(insert).execute(&service.pool).await.unwrap();
    service.pass(Duration::minutes(1));
    let renewed = refresh(&service, &old["refresh_token"]).await.ok(200);
    service.sign_in().await;
    let last = service.sign_in().await;
    refresh(&service, &other["refresh_token"])
        .await
        .problem(401);
    let revoked = service.get("/internal/v1/revocations", INTERNAL).await;
    assert_eq!(revoked.ok(200)["revoked"].as_array().unwrap().len(), 1);
    for session in [renewed, last] {
        refresh(&service, &session["refresh_token"]).await.ok(200);
    }
}

#[tokio::test]
async fn who_signs_in_beside_many_sessions_that_are_in_use_stays() {
    let service = Service::start().await;
    let insert = "INSERT INTO sessions (id, user_id, created_at, last_used_at)
                  SELECT gen_random_uuid(), id, now() - interval '1 day', now() + interval '1 day'
                  FROM users, generate_series(1, 100)";
    sqlx::query(insert).execute(&service.pool).await.unwrap();
    let session = service.sign_in().await;
    refresh(&service, &session["refresh_token"]).await.ok(200);
    let open = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
    let open: i64 = sqlx::query_scalar(open)
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert_eq!(open, 100);
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

#[tokio::test]
async fn a_token_of_the_key_before_is_good_while_that_key_is() {
    let next = |settings: &mut Settings| settings.signing_key = keys::NEXT_SIGNING_KEY.into();
    let service = Service::with(next).await;
    let old = service.token(Role::Owner).await;
    service.get("/api/v1/assistants", &old).await.ok(200);
    let new = service.sign_in().await;
    service
        .get("/api/v1/assistants", access(&new))
        .await
        .ok(200);

    let service = Service::with(|settings| {
        next(settings);
        settings.tokens.verifying_key = keys::NEXT_VERIFYING_KEY.into();
    });
    let service = service.await;
    let old = service.token(Role::Owner).await;
    service.get("/api/v1/assistants", &old).await.problem(401);
}

/// Who ends a session sees no token that is being given out at the same moment, and leaves it behind.
#[tokio::test]
async fn a_token_that_was_left_of_an_ended_session_buys_nothing() {
    let service = Service::start().await;
    let session = service.sign_in().await;
    let end = "UPDATE sessions SET ended_at = now()";
    let ended = sqlx::query(end).execute(&service.pool).await.unwrap();
    assert_eq!(ended.rows_affected(), 1);
    for _ in 0..2 {
        refresh(&service, &session["refresh_token"])
            .await
            .problem(401);
    }
}

async fn refresh(service: &Service, token: &Value) -> Answer {
    service
        .post(
            "/api/v1/sessions/refresh",
            "",
            json!({"refresh_token": token}),
        )
        .await
}

fn access(session: &Value) -> &str {
    session["access_token"].as_str().expect("it is there")
}

async fn sessions(service: &Service, session: &Value) -> Vec<Value> {
    let list = service.get("/api/v1/sessions", access(session)).await;
    list.ok(200)["items"]
        .as_array()
        .expect("it is there")
        .clone()
}

pub(crate) async fn try_from(
    service: &Service,
    email: &str,
    password: &str,
    address: &str,
) -> Answer {
    let request = service.request(Method::POST, "/api/v1/sessions", "");
    let request = request
        .header("x-forwarded-for", address)
        .header("user-agent", "a browser");
    send(request.json(&json!({"email": email, "password": password}))).await
}

pub(crate) async fn sign_in_from(service: &Service, address: &str) -> Value {
    try_from(service, EMAIL, PASSWORD, address).await.ok(200)
}
