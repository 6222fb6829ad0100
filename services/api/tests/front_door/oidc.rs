//! Signing in through an OpenID provider.

use api::oidc::OidcSettings;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use stoa_testing::keys;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::{
    provider::{CLIENT, Provider, REDIRECT, SECRET},
    service::{ACCOUNT, Answer, EMAIL, Service},
};

fn settings(provider: &Provider) -> OidcSettings {
    OidcSettings {
        issuer: provider.issuer().to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(SECRET.into()),
        redirect_url: REDIRECT.to_owned(),
        name: "The provider".to_owned(),
        link_by_email: false,
        account: Some(ACCOUNT),
    }
}

async fn start() -> (Provider, Service) {
    let provider = Provider::start().await;
    let service = Service::with_provider(settings(&provider)).await;
    (provider, service)
}

/// Begins a sign-in, signs in at the provider, and returns what the browser brings back.
async fn go(service: &Service) -> Value {
    let begun = service
        .post("/api/v1/oidc/authorizations", "", json!({}))
        .await
        .ok(200);
    let browser = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("it is there");
    let answer = browser
        .get(begun["url"].as_str().expect("it is there"))
        .send()
        .await;
    let back = answer.expect("it is there").headers()["location"]
        .to_str()
        .expect("it is there")
        .to_owned();
    let back = Url::parse(&back).expect("it is there");
    let of = |name| {
        back.query_pairs()
            .find(|(key, _)| key == name)
            .expect("it is there")
            .1
    };
    json!({"code": of("code"), "state": of("state"), "ticket": begun["ticket"]})
}

async fn come_back(service: &Service, with: &Value) -> Answer {
    service
        .post("/api/v1/oidc/sessions", "", with.clone())
        .await
}

async fn sign_in(service: &Service) -> Answer {
    let with = go(service).await;
    come_back(service, &with).await
}

async fn me(service: &Service, answer: &Answer) -> Value {
    let session = answer.ok(200);
    let token = session["access_token"].as_str().expect("it is there");
    service.get("/api/v1/me", token).await.ok(200)
}

#[tokio::test]
async fn a_person_becomes_a_viewer_of_the_account_and_is_the_same_user_ever_after() {
    let (provider, service) = start().await;
    let status = service.get("/api/v1/oidc", "").await.ok(200);
    assert_eq!(status, json!({"enabled": true, "name": "The provider"}));
    let first = me(&service, &sign_in(&service).await).await;
    assert_eq!(first["email"], "ada@example.org");
    assert_eq!(first["role"], "viewer");
    assert_eq!(first["account_id"], json!(ACCOUNT));
    provider.says(|next| next.claims = json!({"email": "ada.married@example.org"}));
    let second = me(&service, &sign_in(&service).await).await;
    assert_eq!(
        second, first,
        "who they are is their subject, not their address"
    );
}

#[tokio::test]
async fn where_there_is_no_provider_nobody_signs_in_through_one() {
    let service = Service::start().await;
    let status = service.get("/api/v1/oidc", "").await.ok(200);
    assert_eq!(status, json!({"enabled": false, "name": null}));
    let begun = service.post("/api/v1/oidc/authorizations", "", json!({}));
    begun.await.problem(404);
}

#[tokio::test]
async fn a_user_with_the_same_verified_address_is_linked_only_where_that_is_wanted() {
    let provider = Provider::start().await;
    provider.says(|next| next.claims = json!({"email": EMAIL}));
    let service = Service::with_provider(settings(&provider)).await;
    sign_in(&service).await.problem(403);
    let linking = OidcSettings {
        link_by_email: true,
        account: None,
        ..settings(&provider)
    };
    let service = Service::with_provider(linking).await;
    let owner = me(&service, &sign_in(&service).await).await;
    assert_eq!(
        (&owner["email"], &owner["role"]),
        (&json!(EMAIL), &json!("owner"))
    );
    provider.says(|next| next.claims = json!({"email": "who@example.org", "sub": "person-2"}));
    sign_in(&service).await.problem(403);
    provider.says(|next| {
        next.claims = json!({"email": EMAIL, "email_verified": false, "sub": "person-3"});
    });
    sign_in(&service).await.problem(403);
}

#[tokio::test]
async fn what_an_id_token_must_say_and_does_not_signs_nobody_in() {
    let (provider, service) = start().await;
    let now = OffsetDateTime::now_utc().unix_timestamp();
    for claims in [
        json!({"iss": "https://elsewhere.example"}),
        json!({"aud": "another client"}),
        json!({"aud": [CLIENT, "another client"]}),
        json!({"azp": "another client"}),
        json!({"nonce": "another sign-in"}),
        json!({"nonce": null}),
        json!({"exp": now - 120}),
        json!({"iat": now + 600}),
        json!({"sub": ""}),
    ] {
        provider.says(|next| next.claims = claims.clone());
        let answer = sign_in(&service).await;
        assert_eq!(answer.status, 401, "{claims}: {}", answer.text);
    }
    for claims in [json!({"email_verified": false}), json!({"email": null})] {
        provider.says(|next| next.claims = claims.clone());
        sign_in(&service).await.problem(403);
    }
    provider.says(|next| next.claims = json!({"aud": [CLIENT, "another"], "azp": CLIENT}));
    sign_in(&service).await.ok(200);
}

#[tokio::test]
async fn a_forged_id_token_signs_nobody_in() {
    let (provider, service) = start().await;
    let forgeries: [fn(&str) -> String; 4] = [
        |token| format!("{}.{}.", header(r#"{"alg":"none"}"#), claims_of(token)),
        |token| token[..token.len() - 8].to_owned() + "AAAAAAAA",
        signed_by_our_public_values,
        signed_by_a_stranger,
    ];
    for forge in forgeries {
        provider.says(|next| next.forge = Some(forge));
        sign_in(&service).await.problem(401);
    }
    provider.says(|next| next.forge = None);
    sign_in(&service).await.ok(200);
}

fn header(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

fn claims_of(token: &str) -> &str {
    token.split('.').nth(1).expect("it is there")
}

fn signed(token: &str, header: &Header, key: &EncodingKey) -> String {
    let claims = URL_SAFE_NO_PAD
        .decode(claims_of(token))
        .expect("it is there");
    let claims: Value = serde_json::from_slice(&claims).expect("it is there");
    jsonwebtoken::encode(header, &claims, key).expect("it is there")
}

fn signed_by_our_public_values(token: &str) -> String {
    let key = EncodingKey::from_secret(keys::VERIFYING_KEY.as_bytes());
    let mut header = jsonwebtoken::decode_header(token).expect("it is there");
    header.alg = Algorithm::HS256;
    signed(token, &header, &key)
}

fn signed_by_a_stranger(token: &str) -> String {
    let key = EncodingKey::from_ed_pem(keys::NEXT_SIGNING_KEY.as_bytes()).expect("it is there");
    signed(
        token,
        &jsonwebtoken::decode_header(token).expect("it is there"),
        &key,
    )
}

#[tokio::test]
async fn a_code_is_good_for_who_began_and_once_and_soon() {
    let (_provider, service) = start().await;
    let (one, other) = (go(&service).await, go(&service).await);
    let with = |state: &Value, ticket: &Value| json!({"code": one["code"], "state": state["state"], "ticket": ticket["ticket"]});
    let forged = json!({"state": "made up", "ticket": "made up"});
    for wrong in [with(&forged, &one), with(&one, &other), with(&one, &forged)] {
        come_back(&service, &wrong).await.problem(401);
    }
    // The state of another sign-in: the provider sees that the verifier is not that of the code.
    come_back(&service, &with(&other, &other))
        .await
        .problem(401);

    let right = go(&service).await;
    come_back(&service, &right).await.ok(200);
    come_back(&service, &right).await.problem(401);

    let late = go(&service).await;
    service.pass(Duration::minutes(11));
    come_back(&service, &late).await.problem(401);
}

#[tokio::test]
async fn keys_that_the_provider_changes_are_read_again_and_old_ones_forgotten() {
    let (provider, service) = start().await;
    sign_in(&service).await.ok(200);
    provider.says(|next| {
        next.key = keys::NEXT_SIGNING_KEY;
        next.told = vec![keys::SIGNING_KEY, keys::NEXT_SIGNING_KEY];
    });
    // Not more often than every ten seconds, so that made-up keys are no load on the provider.
    sign_in(&service).await.problem(401);
    service.pass(Duration::seconds(11));
    sign_in(&service).await.ok(200);
    provider.says(|next| next.key = keys::SIGNING_KEY);
    sign_in(&service).await.ok(200);
    let later = OffsetDateTime::now_utc() + Duration::hours(2);
    provider.says(|next| {
        next.claims = json!({"exp": later.unix_timestamp()});
        next.told = vec![keys::NEXT_SIGNING_KEY];
    });
    service.pass(Duration::minutes(61));
    sign_in(&service).await.problem(401);
    provider.says(|next| next.key = keys::NEXT_SIGNING_KEY);
    sign_in(&service).await.ok(200);
}

#[tokio::test]
async fn a_provider_that_is_another_or_away_is_no_sign_in_and_no_harm() {
    let provider = Provider::start().await;
    provider.says(|next| next.issuer = Some("https://elsewhere.example".to_owned()));
    let service = Service::with_provider(settings(&provider)).await;
    let begin = || service.post("/api/v1/oidc/authorizations", "", json!({}));
    begin().await.problem(500);
    provider.says(|next| next.issuer = None);
    begin().await.ok(200);

    let away = OidcSettings {
        issuer: "http://127.0.0.1:1".to_owned(),
        ..settings(&provider)
    };
    let service = Service::with_provider(away).await;
    let refused = service.post("/api/v1/oidc/authorizations", "", json!({}));
    refused.await.problem(503);
    service.sign_in().await;
}
