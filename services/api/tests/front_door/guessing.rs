//! The brake on guessing passwords, and on signing in over and over.

use reqwest::Method;
use serde_json::json;
use time::Duration;

use crate::{
    service::{EMAIL, PASSWORD, Service, send},
    sessions::{sign_in_from, try_from},
};

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
async fn guessing_from_many_addresses_is_stopped_and_does_not_keep_the_user_out() {
    let service = Service::start().await;
    sign_in_from(&service, "192.0.2.7").await;
    for guess in 0..100 {
        let answer = try_from(&service, EMAIL, "guess", &format!("198.51.100.{guess}")).await;
        assert!([200, 401].contains(&answer.status.as_u16()));
    }
    let late = try_from(&service, EMAIL, "guess", "203.0.113.1").await;
    late.problem(429);
    try_from(&service, EMAIL, PASSWORD, "203.0.113.2")
        .await
        .problem(429);
    try_from(&service, EMAIL, PASSWORD, "192.0.2.7")
        .await
        .ok(200);
    service.pass(Duration::minutes(16));
    try_from(&service, EMAIL, PASSWORD, "203.0.113.2")
        .await
        .ok(200);
}

#[tokio::test]
async fn guessing_does_not_keep_the_user_out_of_the_networks_where_sessions_began_or_go_on() {
    let service = Service::start().await;
    let session = sign_in_from(&service, "2001:db8:1:2::1").await;
    let request = service.request(Method::POST, "/api/v1/sessions/refresh", "");
    let request = request.header("x-forwarded-for", "192.0.2.7");
    let renewal = json!({"refresh_token": session["refresh_token"]});
    send(request.json(&renewal)).await.ok(200);
    try_from(&service, EMAIL, "guess", "203.0.113.1")
        .await
        .problem(401);
    count_times(&service, 100).await;
    for (address, status) in [
        ("203.0.113.2", 429),
        ("2001:db8:1:3::1", 429),
        ("2001:db8:1:2:ffff::1", 200),
        ("192.0.2.7", 200),
    ] {
        let answer = try_from(&service, EMAIL, PASSWORD, address).await;
        assert_eq!(answer.status, status, "{address}");
    }
}

#[tokio::test]
async fn who_has_the_password_signs_in_so_often_and_no_more() {
    let service = Service::start().await;
    sign_in_from(&service, "192.0.2.7").await;
    count_times(&service, 299).await;
    sign_in_from(&service, "192.0.2.8").await;
    for address in ["192.0.2.7", "192.0.2.9"] {
        let answer = try_from(&service, EMAIL, PASSWORD, address).await;
        answer.problem(429);
        assert!(answer.headers.contains_key("retry-after"));
    }
    try_from(&service, "u1@example.org", "1234", "192.0.2.7")
        .await
        .problem(401);
    service.pass(Duration::minutes(6));
    sign_in_from(&service, "192.0.2.7").await;
}

#[tokio::test]
async fn trying_many_users_from_one_network_is_stopped() {
    let service = Service::start().await;
    for guess in 0..100 {
        // One who has a network of IPv6 has all of its addresses.
        let address = format!("2001:db8:1:2::{guess:x}");
        try_from(&service, &format!("u{guess}@example.org"), "1234", &address)
            .await
            .problem(401);
    }
    try_from(&service, "u100@example.org", "1234", "2001:db8:1:2:ffff::1")
        .await
        .problem(429);
    try_from(&service, "u100@example.org", "1234", "2001:db8:1:3::1")
        .await
        .problem(401);
}

/// Lets so many be counted as have been so far, times `factor`.
async fn count_times(service: &Service, factor: i32) {
    let update = sqlx::query("UPDATE sign_in_failures SET failures = failures * $1");
    let updated = update.bind(factor).execute(&service.pool).await;
    updated.expect("it is counted");
}
