//! What happens around every handler, from the outside in: trace, metrics, panic, time, size.

mod body;
mod guard;
pub mod metrics;
mod observe;
mod rest;

use std::time::Duration;

use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn_with_state};

pub use body::{BodyPieces, body_limit, read_body};

/// Puts the middleware around `router`.
pub(crate) fn wrap(router: Router, timeout: Duration, limit: usize) -> Router {
    metrics::describe();
    let guard = guard::Guard { timeout };
    router
        .fallback(guard::not_found)
        .method_not_allowed_fallback(guard::method_not_allowed)
        .layer(axum::Extension(body::BodyLimit(limit)))
        .layer(DefaultBodyLimit::max(limit))
        .layer(from_fn_with_state(guard, guard::run))
        .layer(axum::middleware::from_fn(observe::run))
}
