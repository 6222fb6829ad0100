//! Who is asking.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use reqwest::{Method, RequestBuilder};
use stoa_contracts::{
    ErrorCode,
    identity::{Claims, ISSUER, Role},
};
use stoa_service::{Clock, Context, Identity, TokenSettings, TokenSigner, TokenVerifier};
use stoa_testing::keys;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::routes::{ask, refused};

fn token(exp: i64, iss: &str) -> (Uuid, String) {
    let account = Uuid::now_v7();
    let claims = Claims {
        sub: Uuid::now_v7(),
        account,
        role: Role::Viewer,
        assistant: None,
        iss: iss.to_owned(),
        iat: exp - 900,
        exp,
    };
    let signer = TokenSigner::new(&keys::SIGNING_KEY.into()).unwrap();
    (account, signer.sign(&claims).unwrap())
}

fn in_a_minute() -> i64 {
    Clock::system().now().unix_timestamp() + 60
}

fn bearer(token: &str) -> impl FnOnce(RequestBuilder) -> RequestBuilder {
    move |request| request.bearer_auth(token)
}

#[tokio::test]
async fn a_good_token_says_who_is_asking() {
    let (account, token) = token(in_a_minute(), ISSUER);
    assert_eq!(
        ask(Method::GET, "/me", bearer(&token)).await,
        (200, account.to_string())
    );
}

#[tokio::test]
async fn a_request_without_a_token_is_refused() {
    let (status, code, _) = refused(Method::GET, "/me", |r| r).await;
    assert_eq!((status, code), (401, ErrorCode::Unauthenticated));
}

#[tokio::test]
async fn a_token_with_a_changed_claim_is_refused() {
    let (_, token) = token(in_a_minute(), ISSUER);
    let parts: Vec<&str> = token.split('.').collect();
    let other = super::identity::token(in_a_minute(), ISSUER).1;
    let forged = format!(
        "{}.{}.{}",
        parts[0],
        other.split('.').nth(1).unwrap(),
        parts[2]
    );
    assert_eq!(refused(Method::GET, "/me", bearer(&forged)).await.0, 401);
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let (_, token) = token(in_a_minute(), ISSUER);
    // {"alg":"none"}
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", token.split('.').nth(1).unwrap());
    assert_eq!(refused(Method::GET, "/me", bearer(&unsigned)).await.0, 401);
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    let (_, token) = token(in_a_minute(), "someone-else");
    assert_eq!(refused(Method::GET, "/me", bearer(&token)).await.0, 401);
}

#[tokio::test]
async fn an_expired_token_is_refused_also_when_it_was_good_before() {
    let now = Arc::new(AtomicI64::new(1_800_000_000));
    let hand = Arc::clone(&now);
    let clock = Clock::from_fn(move || {
        OffsetDateTime::from_unix_timestamp(hand.load(Ordering::Relaxed)).unwrap()
    });
    let context = Context::new(clock);
    let settings = TokenSettings {
        verifying_key: keys::VERIFYING_KEY.into(),
    };
    let verifier = TokenVerifier::new(&settings, context.clock.clone()).unwrap();
    let (_, token) = token(1_800_000_060, ISSUER);
    assert!(verifier.verify(&token).await.is_ok());
    now.store(1_800_000_066, Ordering::Relaxed);
    assert!(verifier.verify(&token).await.is_err());
}

#[test]
fn a_greater_role_may_do_what_a_lesser_one_may() {
    let identity = |role| Identity {
        subject: Uuid::nil(),
        account: Uuid::nil(),
        role,
        assistant: None,
    };
    assert!(identity(Role::Owner).require(Role::Editor).is_ok());
    let refusal = identity(Role::Viewer).require(Role::Editor).unwrap_err();
    assert_eq!(refusal.code(), ErrorCode::Forbidden);
}

#[tokio::test]
async fn internal_routes_open_to_the_internal_token_only() {
    let path = "/internal/v1/secret";
    let answer = ask(Method::GET, path, bearer("between-us")).await;
    assert_eq!(answer, (200, "for services".to_owned()));
    for token in ["", "between-u", "between-us-all"] {
        assert_eq!(refused(Method::GET, path, bearer(token)).await.0, 401);
    }
}
