//! Routes for other services only.

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use stoa_config::InternalToken;
use stoa_contracts::ErrorCode;
use subtle::ConstantTimeEq as _;

use crate::{Problem, identity::bearer};

/// Guards `/internal/*` routes with the token that the services share.
pub fn internal(routes: Router, token: &InternalToken) -> Router {
    routes.route_layer(from_fn_with_state(token.clone(), guard))
}

async fn guard(State(token): State<InternalToken>, request: Request, next: Next) -> Response {
    let given = bearer(request.headers()).unwrap_or_default();
    // In constant time: how long it takes must not tell how much of a guess was right.
    if bool::from(given.as_bytes().ct_eq(token.expose().as_bytes())) {
        return next.run(request).await;
    }
    let detail = "This route is for the services of the platform.";
    Problem::new(ErrorCode::Unauthenticated, detail).into_response()
}
