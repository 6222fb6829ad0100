//! What happens around every handler, from the outside in: trace, metrics, panic, time, size.

mod body;
mod guard;
mod metrics;
mod observe;

use std::time::Duration;

use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn_with_state};

pub use body::{BodyPieces, body_limit, read_body};
pub use guard::Verbatim;
pub(crate) use metrics::describe;
pub use observe::RouteTemplate;

/// Puts the middleware around `router`.
pub(crate) fn wrap(router: Router, timeout: Duration, limit: usize) -> Router {
    describe();
    let guard = guard::Guard { timeout };
    router
        .fallback(guard::not_found)
        .method_not_allowed_fallback(guard::method_not_allowed)
        .layer(axum::Extension(body::BodyLimit(limit)))
        .layer(DefaultBodyLimit::max(limit))
        .layer(from_fn_with_state(guard, guard::run))
        .layer(axum::middleware::from_fn(observe::run))
}
