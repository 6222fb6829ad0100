//! Requests, errors, duration, saturation of the HTTP side.

use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use stoa_contracts::ErrorCode;

const DURATION: &str = "http_server_request_duration_seconds";
const ERRORS: &str = "http_server_errors_total";
const ACTIVE: &str = "http_server_active_requests";

/// Describes the metrics and lets the ones with known labels begin at 0.
pub(crate) fn describe() {
    stoa_telemetry::metrics::install();
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Time until the response began, by route"
    );
    describe_counter!(ERRORS, "Requests answered with a problem, by its code");
    describe_gauge!(ACTIVE, "Requests in hand");
    gauge!(ACTIVE).set(0.0);
    for code in ErrorCode::ALL {
        counter!(ERRORS, "code" => code.as_str()).absolute(0);
    }
}

/// Counts a request as in hand until it is dropped.
pub(super) struct Active;

impl Active {
    pub(super) fn begin() -> Self {
        gauge!(ACTIVE).increment(1.0);
        Self
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        gauge!(ACTIVE).decrement(1.0);
    }
}

/// Counts a request that has its response.
pub(super) fn record(
    method: &Method,
    route: &str,
    status: StatusCode,
    code: Option<ErrorCode>,
    elapsed: Duration,
) {
    histogram!(
        DURATION,
        "http_request_method" => method_label(method),
        "http_route" => route.to_owned(),
        "http_response_status_code" => status.as_str().to_owned(),
    )
    .record(elapsed.as_secs_f64());
    if let Some(code) = code {
        counter!(ERRORS, "code" => code.as_str()).increment(1);
    }
}

/// Clients may invent methods; the label set must stay small.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
