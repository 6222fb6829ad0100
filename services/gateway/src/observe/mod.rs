//! What the gateway says about each request: a trace, a measurement and a line in the log.

mod access_log;
mod meter;
mod trace;

pub(crate) use access_log::{AccessLog, Entry, writer};
pub(crate) use meter::Meter;
pub(crate) use trace::{TRACEPARENT, Trace};

/// Describes the metrics and lets those without labels begin at 0.
pub(crate) fn describe() {
    stoa_service::server_metrics::describe();
    metrics::describe_counter!(
        "gateway_access_log_lost_total",
        "Lines of the access log that nobody read in time"
    );
    metrics::counter!("gateway_access_log_lost_total").absolute(0);
}
