//! Who is asking.

use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, spki::der::pem::LineEnding},
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, RequestBuilder};
use stoa_config::Env;
use stoa_contracts::{
    ErrorCode,
    identity::{Claims, ISSUER, Role, Scope},
};
use stoa_service::{
    Clock, Context, Identity, TokenError, TokenSettings, TokenSigner, TokenVerifier,
};
use stoa_testing::keys;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::routes::{ask, refused};

fn token(exp: i64, iss: &str) -> (Uuid, String) {
    token_by(keys::SIGNING_KEY, exp, iss, None)
}

fn token_by(key: &str, exp: i64, iss: &str, scopes: Option<Vec<Scope>>) -> (Uuid, String) {
    let account = Uuid::now_v7();
    let claims = Claims {
        sub: Uuid::now_v7(),
        account,
        role: Role::Viewer,
        assistant: None,
        scopes,
        sid: None,
        iss: iss.to_owned(),
        iat: exp - 900,
        exp,
    };
    let signer = TokenSigner::new(&key.into()).unwrap();
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

fn verifier(verifying_key: &str) -> TokenVerifier {
    let settings = TokenSettings {
        verifying_key: verifying_key.into(),
    };
    TokenVerifier::new(&settings, Clock::system()).unwrap()
}

#[test]
fn keys_change_without_a_token_refused() {
    let both = format!("{}{}", keys::VERIFYING_KEY, keys::NEXT_VERIFYING_KEY);
    let (before, during, after) = (
        verifier(keys::VERIFYING_KEY),
        verifier(&both),
        verifier(keys::NEXT_VERIFYING_KEY),
    );
    let old = token(in_a_minute(), ISSUER).1;
    let new = token_by(keys::NEXT_SIGNING_KEY, in_a_minute(), ISSUER, None).1;
    assert!(before.verify_now(&old).is_ok());
    assert!(during.verify_now(&old).is_ok() && during.verify_now(&new).is_ok());
    assert!(after.verify_now(&new).is_ok());
    for refused in [before.verify_now(&new), after.verify_now(&old)] {
        assert!(matches!(refused, Err(TokenError::UnknownKey)));
    }
}

#[test]
fn a_token_that_names_no_key_is_of_any() {
    let header = Header::new(Algorithm::EdDSA);
    let claims: serde_json::Value = {
        let token = token(in_a_minute(), ISSUER).1;
        let claims = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
    };
    let key = EncodingKey::from_ed_pem(keys::SIGNING_KEY.as_bytes()).unwrap();
    let nameless = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    let both = format!("{}{}", keys::NEXT_VERIFYING_KEY, keys::VERIFYING_KEY);
    assert!(verifier(&both).verify_now(&nameless).is_ok());
    assert!(
        verifier(keys::NEXT_VERIFYING_KEY)
            .verify_now(&nameless)
            .is_err()
    );
}

#[test]
fn a_private_key_that_holds_its_public_half_is_as_good() {
    let key = SigningKey::from_pkcs8_pem(keys::SIGNING_KEY).unwrap();
    let whole = key.to_pkcs8_pem(LineEnding::LF).unwrap();
    assert_ne!(whole.as_str(), keys::SIGNING_KEY);
    let (account, token) = token_by(&whole, in_a_minute(), ISSUER, None);
    let claims = verifier(keys::VERIFYING_KEY).verify_now(&token).unwrap();
    assert_eq!(claims.account, account);
}

#[test]
fn what_is_no_key_and_a_heap_of_keys_are_refused_at_the_start() {
    for keys in ["", "a key", &keys::VERIFYING_KEY.repeat(9)] {
        let settings = TokenSettings {
            verifying_key: keys.into(),
        };
        assert!(TokenVerifier::new(&settings, Clock::system()).is_err());
        let read = Env::from_pairs([("TOKEN_VERIFYING_KEY", keys)]).load::<TokenSettings>();
        let told = read.unwrap_err();
        assert!(told.lines()[0].starts_with("TOKEN_VERIFYING_KEY "));
    }
}

#[test]
fn a_token_is_found_again_once_it_was_verified_and_by_its_own_verifier_only() {
    let (own, other) = (
        verifier(keys::VERIFYING_KEY),
        verifier(keys::NEXT_VERIFYING_KEY),
    );
    let (account, token) = token(in_a_minute(), ISSUER);
    assert!(own.verify_cached(&token).is_none());
    own.verify_now(&token).unwrap();
    let found = own.verify_cached(&token).unwrap().unwrap();
    assert_eq!(found.account, account);
    let again = own.verify_cached(&token).unwrap().unwrap();
    assert!(Arc::ptr_eq(&found, &again), "nothing is copied");
    assert!(other.verify_cached(&token).is_none());
    assert!(own.verify_cached(&token[..token.len() - 1]).is_none());
}

#[test]
fn the_last_hundred_tokens_are_found_again() {
    let own = verifier(keys::VERIFYING_KEY);
    let tokens: Vec<_> = (0..100)
        .map(|_| token(in_a_minute(), ISSUER).1)
        .inspect(|token| assert!(own.verify_now(token).is_ok()))
        .collect();
    let found = tokens.iter().filter_map(|token| own.verify_cached(token));
    assert_eq!(found.count(), 100);
}

#[tokio::test]
async fn a_token_with_scopes_opens_what_it_is_for() {
    let narrowed = |scope| {
        let scopes = Some(vec![scope]);
        token_by(keys::SIGNING_KEY, in_a_minute(), ISSUER, scopes).1
    };
    let manages = narrowed(Scope::Manage);
    assert_eq!(ask(Method::GET, "/me", bearer(&manages)).await.0, 200);
    let parses = narrowed(Scope::Parse);
    let (status, code, _) = refused(Method::GET, "/me", bearer(&parses)).await;
    assert_eq!((status, code), (403, ErrorCode::Forbidden));
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
        scopes: None,
        session: None,
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
