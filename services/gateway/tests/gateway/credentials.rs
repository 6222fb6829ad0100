//! Who may pass.

use crate::support::upstream::KEY;
use crate::support::{World, json, token, token_of};
use http::StatusCode;
use std::time::Duration;
use stoa_testing::eventually;
use uuid::Uuid;

async fn ask(world: &World, credential: &str) -> reqwest::Response {
    let request = world.http.get(world.url("/api/v1/closed"));
    request
        .header("authorization", credential)
        .send()
        .await
        .expect("an answer")
}

#[tokio::test]
async fn without_valid_credentials_nothing_passes() {
    let world = World::start().await;
    let expired = format!("Bearer {}", token(-60));
    let tampered = format!("Bearer {}x", token(60));
    let long_key = format!("Bearer stoa_{}", "a".repeat(2000));
    let refused = [
        "",
        "Bearer",
        "Bearer ",
        "Basic eDp5",
        "Bearer nonsense",
        &expired,
        &tampered,
    ];
    for credential in refused
        .into_iter()
        .chain([long_key.as_str(), "Bearer stoa_unknown"])
    {
        let response = ask(&world, credential).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{credential}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(json(response).await["code"], "unauthenticated");
    }
    assert_eq!(
        world.get("/api/v1/closed").await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(world.upstream.requests(), 0);
}

#[tokio::test]
async fn the_gateway_is_ready_when_it_has_heard_what_is_revoked() {
    let world = World::start().await;
    let ready = eventually(Duration::from_secs(30), async || {
        let answer = world.readiness().await;
        (answer.status() == StatusCode::OK).then_some(answer)
    });
    assert_eq!(ready.await.text().await.unwrap(), "api: ok\n");
}

/// Waits until this is refused.
async fn is_refused(world: &World, credential: &str) {
    eventually(Duration::from_secs(20), async || {
        let status = ask(world, credential).await.status();
        (status == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_revoked_is_refused_and_nothing_else() {
    let world = World::start().await;
    let [revoked, other] = [Uuid::new_v4(), Uuid::new_v4()].map(Some);
    let [revoked, other] =
        [revoked, other].map(|sid| (sid, format!("Bearer {}", token_of(sid, 60))));
    assert_eq!(ask(&world, &revoked.1).await.status(), StatusCode::OK);
    world.upstream.revoke(revoked.0.unwrap());
    is_refused(&world, &revoked.1).await;
    assert_eq!(ask(&world, &other.1).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_is_revoked_after_the_database_came_from_a_backup_is_refused_too() {
    let world = World::start().await;
    let [before, after] = [Uuid::new_v4(), Uuid::new_v4()];
    let credential = |sid| format!("Bearer {}", token_of(Some(sid), 60));
    world.upstream.revoke(before);
    is_refused(&world, &credential(before)).await;
    world.upstream.restore();
    world.upstream.revoke(after);
    is_refused(&world, &credential(after)).await;
    let status = ask(&world, &credential(before)).await.status();
    assert_eq!(status, StatusCode::UNAUTHORIZED, "it is remembered");
}

#[tokio::test]
async fn a_refused_upload_still_gets_its_refusal() {
    let world = World::start().await;
    let request = world
        .http
        .post(world.url("/api/v1/closed"))
        .body(vec![0; 900_000]);
    assert_eq!(
        request.send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn an_access_token_passes_as_it_is() {
    let world = World::start().await;
    let credential = format!("Bearer {}", token(60));
    let told = json(ask(&world, &credential).await).await;
    assert_eq!(told["headers"]["authorization"], credential);
}

#[tokio::test]
async fn an_api_key_becomes_an_access_token_and_is_exchanged_once() {
    let world = World::start().await;
    for _ in 0..3 {
        let told = json(ask(&world, &format!("Bearer {KEY}")).await).await;
        let credential = told["headers"]["authorization"].as_str().unwrap();
        assert!(credential.starts_with("Bearer ey"), "{credential}");
    }
    assert_eq!(world.upstream.exchanges(), 1);
}

#[tokio::test]
async fn an_unknown_key_is_asked_about_once() {
    let world = World::start().await;
    for _ in 0..3 {
        assert_eq!(
            ask(&world, "Bearer stoa_unknown").await.status(),
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(world.upstream.exchanges(), 1);
}

#[tokio::test]
async fn while_keys_cannot_be_checked_the_answer_is_to_come_back() {
    let world = World::with(&[("API_URL", "http://127.0.0.1:9")]).await;
    let response = ask(&world, &format!("Bearer {KEY}")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
}
