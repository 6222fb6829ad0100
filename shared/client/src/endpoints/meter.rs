//! What the metrics say about the addresses of one service.

use metrics::{Counter, counter, describe_counter};

/// The counters of one service; they exist from the start.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) refused: Counter,
    pub(super) failing: Counter,
    pub(super) silent: Counter,
    pub(super) leaving: Counter,
    pub(super) foreign: Counter,
    pub(super) full: Counter,
    pub(super) late: Counter,
}

impl Meter {
    pub(super) fn new(service: &str) -> Self {
        describe();
        let count = |name: &'static str, reason: &'static str| {
            let counter = counter!(name, "service" => service.to_owned(), "reason" => reason);
            counter.increment(0);
            counter
        };
        Self {
            refused: count("client_ejections_total", "refused"),
            failing: count("client_ejections_total", "failing"),
            silent: count("client_probes_failed_total", "silent"),
            leaving: count("client_probes_failed_total", "leaving"),
            foreign: count("client_probes_failed_total", "foreign"),
            full: count("client_shed_total", "full"),
            late: count("client_shed_total", "late"),
        }
    }
}

fn describe() {
    describe_counter!(
        "client_ejections_total",
        "Times that an address was put aside: it took no connection, or failed in a row"
    );
    describe_counter!(
        "client_probes_failed_total",
        "Probes of an address that were not answered well, or by another service"
    );
    describe_counter!(
        "client_shed_total",
        "Requests that were not sent because the service had too many: no place in the queue, or waited in vain"
    );
}
