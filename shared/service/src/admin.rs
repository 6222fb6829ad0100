//! The second listener: `/livez`, `/readyz`, `/metrics`.

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::State, routing::get};
use futures_util::future::join_all;
use http::{StatusCode, header};
use tokio_util::sync::CancellationToken;

use crate::app::Check;

/// The longest that one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// What readiness depends on.
pub(crate) struct Readiness {
    pub(crate) checks: Vec<Check>,
    /// Cancelled as soon as the process is asked to end.
    pub(crate) draining: CancellationToken,
}

pub(crate) fn router(readiness: Readiness) -> Router {
    metrics::describe_gauge!(
        "dependency_up",
        "1 if the dependency answered the last check"
    );
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(render))
        .with_state(Arc::new(readiness))
}

async fn render() -> impl axum::response::IntoResponse {
    let format = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, format)],
        stoa_telemetry::metrics::render(),
    )
}

/// One line per check; 503 unless all of them are fine.
async fn readyz(State(readiness): State<Arc<Readiness>>) -> (StatusCode, String) {
    if readiness.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned());
    }
    let results = join_all(readiness.checks.iter().map(run)).await;
    let failed = results.iter().any(|(_, result)| result.is_err());
    let status = if failed {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let lines = results.iter().map(|(name, result)| match result {
        Ok(()) => format!("{name}: ok\n"),
        Err(error) => format!("{name}: {error}\n"),
    });
    let lines: String = lines.collect();
    (
        status,
        if lines.is_empty() {
            "ready\n".to_owned()
        } else {
            lines
        },
    )
}

async fn run(check: &Check) -> (&'static str, Result<(), String>) {
    let result = match tokio::time::timeout(CHECK_TIMEOUT, (check.run)()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer within 1s".to_owned()),
    };
    let up = if result.is_ok() { 1.0 } else { 0.0 };
    metrics::gauge!("dependency_up", "dependency" => check.name).set(up);
    (check.name, result)
}
