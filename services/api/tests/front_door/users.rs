//! Accounts, which operators make, and their users, whom owners make.

use reqwest::Method;
use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::service::{ACCOUNT, EMAIL, INTERNAL, PASSWORD, Service, send};

const USERS: &str = "/api/v1/users";
const ACCOUNTS: &str = "/api/v1/accounts";

async fn signed_in(service: &Service, email: &str, password: &str) -> String {
    let body = json!({"email": email, "password": password});
    let session = service.post("/api/v1/sessions", "", body).await.ok(200);
    session["access_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

async fn patch(service: &Service, id: &Value, token: &str, body: Value) -> crate::service::Answer {
    let path = format!("{USERS}/{}", id.as_str().expect("an id"));
    send(service.request(Method::PATCH, &path, token).json(&body)).await
}

async fn create(service: &Service, token: &str, email: &str, role: &str) -> Value {
    let body = json!({"email": email, "password": PASSWORD, "role": role});
    service.post(USERS, token, body).await.ok(201)
}

#[tokio::test]
async fn an_owner_makes_users_who_sign_in_with_their_roles() {
    let service = Service::start().await;
    let owner = signed_in(&service, EMAIL, PASSWORD).await;
    for role in ["viewer", "editor", "owner"] {
        let email = format!("{role}-1@Example.org");
        let user = create(&service, &owner, &email, role).await;
        assert_eq!(user["email"], email.to_lowercase());
        let token = signed_in(&service, &email, PASSWORD).await;
        let me = service.get("/api/v1/me", &token).await.ok(200);
        assert_eq!(
            (&me["id"], &me["role"], &me["account_id"]),
            (&user["id"], &json!(role), &json!(ACCOUNT))
        );
    }
    let list = service.get(USERS, &owner).await.ok(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 4);
    assert!(!list.to_string().contains("argon2"), "{list}");
}

#[tokio::test]
async fn only_an_owner_sees_or_makes_users() {
    let service = Service::start().await;
    for role in [Role::Viewer, Role::Editor] {
        let token = service.token(role).await;
        service.get(USERS, &token).await.problem(403);
        let body = json!({"email": "a@example.org", "password": PASSWORD, "role": "viewer"});
        service.post(USERS, &token, body).await.problem(403);
    }
}

#[tokio::test]
async fn a_key_that_is_narrowed_makes_no_users() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let assistant = service.assistant(&owner).await;
    let id = assistant.rsplit('/').next().unwrap();
    for narrow in [json!({"scopes": ["manage"]}), json!({"assistant_id": id})] {
        let mut body = json!({"name": "narrow", "role": "owner"});
        body.as_object_mut()
            .unwrap()
            .extend(narrow.as_object().unwrap().clone());
        let key = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
        let path = "/internal/v1/key-tokens";
        let token = service
            .post(path, INTERNAL, json!({"key": key["key"]}))
            .await;
        let token = token.ok(200)["access_token"].as_str().unwrap().to_owned();
        let body = json!({"email": "a@example.org", "password": PASSWORD, "role": "owner"});
        service.post(USERS, &token, body).await.problem(403);
        let body = json!({"name": "a", "email": "a@example.org", "password": PASSWORD});
        service.post(ACCOUNTS, &token, body).await.problem(403);
    }
}

#[tokio::test]
async fn a_key_that_expires_makes_nobody_who_signs_in_for_longer() {
    let service = Service::start().await;
    let owner = signed_in(&service, EMAIL, PASSWORD).await;
    let me = service.get("/api/v1/me", &owner).await.ok(200);
    let end = OffsetDateTime::now_utc() + Duration::hours(1);
    let end = end.format(&Rfc3339).unwrap();
    let body = json!({"name": "short", "role": "owner", "expires_at": end});
    let key = service.post("/api/v1/api-keys", &owner, body).await.ok(201);
    let body = json!({"key": key["key"]});
    let token = service.post("/internal/v1/key-tokens", INTERNAL, body);
    let token = token.await.ok(200);
    let token = token["access_token"].as_str().unwrap();

    let user = json!({"email": "a@example.org", "password": PASSWORD, "role": "owner"});
    let account = json!({"name": "a", "email": "a@example.org", "password": PASSWORD});
    let password = json!({"password": "another of twelve"});
    let refusals = [
        service.post(USERS, token, user).await,
        service.post(ACCOUNTS, token, account).await,
        patch(&service, &me["id"], token, password).await,
    ];
    for refused in refusals {
        let detail = refused.problem(403)["detail"].take();
        assert!(detail.as_str().unwrap().contains("expires"), "{detail}");
    }
    let list = service.get(USERS, token).await.ok(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_user_that_cannot_be_is_refused() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let body = json!({"email": EMAIL.to_uppercase(), "password": PASSWORD, "role": "viewer"});
    let taken = service.post(USERS, &owner, body).await.problem(409);
    assert_eq!(taken["errors"][0]["pointer"], "/email");
    for (email, password) in [("nobody", PASSWORD), ("a@example.org", "too short")] {
        let body = json!({"email": email, "password": password, "role": "viewer"});
        service.post(USERS, &owner, body).await.problem(422);
    }
}

#[tokio::test]
async fn a_new_role_or_password_signs_the_user_out() {
    let service = Service::start().await;
    let owner = signed_in(&service, EMAIL, PASSWORD).await;
    let user = create(&service, &owner, "ada@example.org", "viewer").await;
    for change in [
        json!({"role": "editor"}),
        json!({"password": "a new one of hers"}),
    ] {
        let body = json!({"email": "ada@example.org", "password": PASSWORD});
        let session = service.post("/api/v1/sessions", "", body).await.ok(200);
        let changed = patch(&service, &user["id"], &owner, change).await.ok(200);
        assert_eq!(changed["role"], "editor");
        let renewal = json!({"refresh_token": session["refresh_token"]});
        let renewed = service.post("/api/v1/sessions/refresh", "", renewal).await;
        renewed.problem(401);
    }
    let revoked = service.get("/internal/v1/revocations", INTERNAL).await;
    assert_eq!(revoked.ok(200)["revoked"].as_array().unwrap().len(), 2);
    signed_in(&service, "ada@example.org", "a new one of hers").await;
}

#[tokio::test]
async fn an_owner_who_changes_the_own_password_stays_signed_in_here() {
    let service = Service::start().await;
    let session = service.sign_in().await;
    let elsewhere = service.sign_in().await;
    let owner = session["access_token"].as_str().unwrap();
    let me = service.get("/api/v1/me", owner).await.ok(200);
    let change = json!({"password": "another of twelve"});
    patch(&service, &me["id"], owner, change).await.ok(200);
    for (session, status) in [(session, 200), (elsewhere, 401)] {
        let renewal = json!({"refresh_token": session["refresh_token"]});
        let renewed = service.post("/api/v1/sessions/refresh", "", renewal).await;
        assert_eq!(renewed.status, status, "{}", renewed.text);
    }
}

#[tokio::test]
async fn a_removed_user_is_signed_out_and_stays_out() {
    let service = Service::start().await;
    let owner = signed_in(&service, EMAIL, PASSWORD).await;
    let user = create(&service, &owner, "ada@example.org", "viewer").await;
    signed_in(&service, "ada@example.org", PASSWORD).await;
    let path = format!("{USERS}/{}", user["id"].as_str().unwrap());
    service.delete(&path, &owner).await.ok(204);
    service.delete(&path, &owner).await.problem(404);
    let revoked = service.get("/internal/v1/revocations", INTERNAL).await;
    assert_eq!(revoked.ok(200)["revoked"].as_array().unwrap().len(), 1);
    let body = json!({"email": "ada@example.org", "password": PASSWORD});
    service
        .post("/api/v1/sessions", "", body)
        .await
        .problem(401);
}

#[tokio::test]
async fn the_last_owner_stays_one() {
    let service = Service::start().await;
    let owner = signed_in(&service, EMAIL, PASSWORD).await;
    let me = service.get("/api/v1/me", &owner).await.ok(200);
    let path = format!("{USERS}/{}", me["id"].as_str().unwrap());
    service.delete(&path, &owner).await.problem(409);
    let less = json!({"role": "viewer"});
    patch(&service, &me["id"], &owner, less.clone())
        .await
        .problem(409);
    create(&service, &owner, "ada@example.org", "owner").await;
    patch(&service, &me["id"], &owner, less).await.ok(200);
}

#[tokio::test]
async fn an_operator_makes_accounts_that_see_nothing_of_each_other() {
    let service = Service::start().await;
    let operator = signed_in(&service, EMAIL, PASSWORD).await;
    let body = json!({"name": "Others", "email": "eve@example.net", "password": PASSWORD});
    let account = service.post(ACCOUNTS, &operator, body).await.ok(201);
    let other = signed_in(&service, "eve@example.net", PASSWORD).await;
    let me = service.get("/api/v1/me", &other).await.ok(200);
    assert_eq!(
        (&me["account_id"], &me["account_name"], &me["role"]),
        (&account["id"], &json!("Others"), &json!("owner"))
    );
    let accounts = service.get(ACCOUNTS, &operator).await.ok(200);
    assert_eq!(accounts["items"][0], account);

    let mine = service.get("/api/v1/me", &operator).await.ok(200);
    let change = json!({"password": "eve was here too"});
    patch(&service, &mine["id"], &other, change)
        .await
        .problem(404);
    let path = format!("{USERS}/{}", mine["id"].as_str().unwrap());
    service.delete(&path, &other).await.problem(404);
    let list = service.get(USERS, &other).await.ok(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    signed_in(&service, EMAIL, PASSWORD).await;
}

#[tokio::test]
async fn who_is_no_operator_makes_no_accounts() {
    let service = Service::start().await;
    let editor = service.token(Role::Editor).await;
    let other = service.token_of(Uuid::now_v7(), Role::Owner, None);
    for token in [&editor, &other] {
        service.get(ACCOUNTS, token).await.problem(403);
        let body = json!({"name": "Mine", "email": "eve@example.net", "password": PASSWORD});
        service.post(ACCOUNTS, token, body).await.problem(403);
    }
}
