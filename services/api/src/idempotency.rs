//! `Idempotency-Key` ([`stoa_idempotency`]) as `api` has it: bodies are read where there is room for them, and what stands for
//! a request is sealed, because it may hold a password.
//!
//! Sessions have no part in it: their answers are secrets, and signing in twice does no harm.

use axum::{
    body::Body,
    extract::{FromRequestParts as _, Request, State},
    middleware::Next,
    response::Response,
};
use stoa_idempotency::{Asked, Once, keyed};
use stoa_service::{Identity, Problem};

use crate::{room::Received, state::Api};

/// The middleware.
pub(crate) async fn run(State(api): State<Api>, request: Request, next: Next) -> Response {
    keyed(request, next, async |key, request, next| {
        let (mut parts, body) = request.into_parts();
        let identity = Identity::from_request_parts(&mut parts, &()).await?;
        let limits = Request::from_parts(parts.clone(), body);
        let (body, room) = api.room.receive(identity.account, limits).await?;
        let (uri, headers) = (parts.uri.clone(), parts.headers.clone());
        let asked = Asked {
            subject: identity.subject,
            uri: &uri,
            headers: &headers,
            body: &body,
        };
        parts.extensions.insert(Received);
        let request = Request::from_parts(parts, Body::from(body.clone()));
        let answer = async move {
            let _room = room;
            next.run(request).await
        };
        once(&api, &identity, key, asked, answer).await
    })
    .await
}

/// The answer that `carry_out` gives, or that of the first request with the key.
pub(crate) async fn once(
    api: &Api,
    identity: &Identity,
    key: String,
    asked: Asked<'_>,
    carry_out: impl Future<Output = Response> + Send + 'static,
) -> Result<Response, Problem> {
    let (digest, earlier) = asked.digests();
    let once = Once {
        account: identity.account,
        key,
        digest: api.sealer.seal(&digest),
        earlier: vec![api.sealer.seal(&earlier), earlier],
    };
    api.keys.once(once, carry_out).await
}
