//! An OpenID provider of the tests' own: small, and as strict as a real one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{
    Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD,
};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use stoa_testing::keys;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) const CLIENT: &str = "stoa";
pub(crate) const SECRET: &str = "a secret: with %signs+";
pub(crate) const REDIRECT: &str = "http://console.example/sign-in/oidc";

/// A provider that runs, and what it will say of the next who signs in.
#[derive(Clone)]
pub(crate) struct Provider(Arc<Shared>);

struct Shared {
    issuer: String,
    next: Mutex<Next>,
    codes: Mutex<HashMap<String, Issued>>,
}

/// What the provider says, truly or not.
#[derive(Clone)]
pub(crate) struct Next {
    /// Laid over the true claims; null takes one away.
    pub(crate) claims: Value,
    /// Signs the tokens.
    pub(crate) key: &'static str,
    /// What the keys are called that it tells of.
    pub(crate) told: Vec<&'static str>,
    /// What comes in place of the token, made from the true one.
    pub(crate) forge: Option<fn(&str) -> String>,
    /// What the discovery document says in place of the issuer.
    pub(crate) issuer: Option<String>,
}

struct Issued {
    challenge: String,
    nonce: String,
    redirect: String,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let provider = Self(Arc::new(Shared {
            issuer: format!("http://{address}"),
            next: Mutex::new(Next {
                claims: json!({}),
                key: keys::SIGNING_KEY,
                told: vec![keys::SIGNING_KEY],
                forge: None,
                issuer: None,
            }),
            codes: Mutex::default(),
        }));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/keys", get(jwks))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        provider
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Changes what it says from now on.
    pub(crate) fn says(&self, change: impl FnOnce(&mut Next)) {
        change(&mut self.0.next.lock().expect("no test panics here"));
    }

    fn next(&self) -> Next {
        self.0.next.lock().expect("no test panics here").clone()
    }

    fn claims(&self, nonce: &str) -> Value {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let mut claims = json!({
            "iss": self.0.issuer, "aud": CLIENT, "sub": "person-1", "nonce": nonce,
            "iat": now, "exp": now + 300, "email": "Ada@Example.org", "email_verified": true,
        });
        let changes = self.next().claims;
        for (name, value) in changes.as_object().expect("claims are an object") {
            claims[name] = value.clone();
        }
        claims
    }
}

fn signer(pem: &str) -> EncodingKey {
    EncodingKey::from_ed_pem(pem.as_bytes()).expect("the key is one")
}

/// Keys are called by the end of their text.
fn kid(pem: &str) -> String {
    pem.lines().nth(1).expect("a PEM has a body")[40..48].to_owned()
}

async fn discovery(State(provider): State<Provider>) -> Json<Value> {
    let base = &provider.0.issuer;
    Json(json!({
        "issuer": provider.next().issuer.as_ref().unwrap_or(base),
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/keys"),
    }))
}

async fn jwks(State(provider): State<Provider>) -> Json<JwkSet> {
    let keys = provider.next().told.into_iter().map(|pem| {
        let mut jwk = Jwk::from_encoding_key(&signer(pem), Algorithm::EdDSA).expect("a key");
        jwk.common.key_id = Some(kid(pem));
        jwk
    });
    Json(JwkSet {
        keys: keys.collect(),
    })
}

/// The person has signed in there and is led back.
async fn authorize(
    State(provider): State<Provider>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let right = query["response_type"] == "code"
        && query["client_id"] == CLIENT
        && query["redirect_uri"] == REDIRECT
        && query["code_challenge_method"] == "S256"
        && query["scope"].split(' ').any(|scope| scope == "openid");
    if !right {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let code = Uuid::new_v4().to_string();
    let issued = Issued {
        challenge: query["code_challenge"].clone(),
        nonce: query["nonce"].clone(),
        redirect: query["redirect_uri"].clone(),
    };
    let mut codes = provider.0.codes.lock().expect("no test panics here");
    codes.insert(code.clone(), issued);
    let back = format!("{REDIRECT}?code={code}&state={}", query["state"]);
    Redirect::to(&back).into_response()
}

async fn token(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let secret: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{secret}")));
    let known = headers
        .get(header::AUTHORIZATION)
        .is_some_and(|value| value == basic.as_str());
    let mut codes = provider.0.codes.lock().expect("no test panics here");
    let issued = codes.remove(&form["code"]);
    let right = issued.filter(|issued| {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
        form["grant_type"] == "authorization_code"
            && issued.challenge == challenge
            && issued.redirect == form["redirect_uri"]
    });
    let Some(issued) = right.filter(|_| known) else {
        let error = Json(json!({"error": "invalid_grant"}));
        return (StatusCode::BAD_REQUEST, error).into_response();
    };
    let next = provider.next();
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(kid(next.key));
    let token = jsonwebtoken::encode(&header, &provider.claims(&issued.nonce), &signer(next.key));
    let token = token.expect("claims can be signed");
    let token = next
        .forge
        .map_or_else(|| token.clone(), |forge| forge(&token));
    Json(json!({"access_token": "x", "token_type": "Bearer", "id_token": token})).into_response()
}
