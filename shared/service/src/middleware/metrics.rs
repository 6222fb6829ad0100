//! Requests, errors, duration, saturation of the HTTP side; public for a front of one's own, which counts under the same
//! names.

use http::{Method, StatusCode};
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use stoa_contracts::ErrorCode;

const DURATION: &str = "http_server_request_duration_seconds";
const ERRORS: &str = "http_server_errors_total";
const ACTIVE: &str = "http_server_active_requests";

/// Describes the metrics and lets the ones with known labels begin at 0.
pub fn describe() {
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
        error(code).absolute(0);
    }
}

/// Counts a request as in hand until it is dropped.
#[derive(Debug)]
pub struct Active(Gauge);

impl Active {
    /// Counts one.
    pub(super) fn begin() -> Self {
        Self::of(&active())
    }

    /// The same, for who has looked up the series already.
    pub fn of(active: &Gauge) -> Self {
        active.increment(1.0);
        Self(active.clone())
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// The requests in hand.
pub fn active() -> Gauge {
    gauge!(ACTIVE)
}

/// Where the seconds go until a response begins. `route` is a template, never a raw path.
pub fn duration(method: &Method, route: &str, status: StatusCode) -> Histogram {
    histogram!(
        DURATION,
        "http_request_method" => method_label(method),
        "http_route" => route.to_owned(),
        "http_response_status_code" => status.as_str().to_owned(),
    )
}

/// Counts a request that was answered with a problem of this code.
pub fn count_error(code: ErrorCode) {
    error(code).increment(1);
}

fn error(code: ErrorCode) -> Counter {
    counter!(ERRORS, "code" => code.as_str())
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
