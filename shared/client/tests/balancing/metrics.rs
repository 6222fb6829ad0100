//! What an operator sees of it.

use std::time::Duration;

use stoa_client::{Endpoints, Shed};
use stoa_telemetry::metrics::{install, render};

use crate::replica::{Dns, address};

fn value(name: &str, reason: &str) -> Option<u64> {
    let series = format!("{name}{{service=\"metered\",reason=\"{reason}\"}} ");
    let metrics = render();
    let mut lines = metrics.lines();
    lines.find_map(|line| line.strip_prefix(&series)?.parse().ok())
}

#[tokio::test]
async fn everything_is_counted_from_nought_by_service_and_reason() {
    install();
    let dns = Dns::default();
    dns.says([1, 2].map(address));
    let endpoints = Endpoints::new("tasks.metered", 8080, dns.resolver()).limited(0, 0);
    for (name, reasons) in [
        ("client_ejections_total", &["refused", "failing"][..]),
        (
            "client_probes_failed_total",
            &["silent", "leaving", "foreign"],
        ),
        ("client_shed_total", &["full", "late"]),
    ] {
        for reason in reasons {
            assert_eq!(value(name, reason), Some(0), "{name} {reason}");
        }
    }
    assert_eq!(
        endpoints.enter(Duration::ZERO).await.err(),
        Some(Shed::Full)
    );
    let chosen = endpoints.choose(&[]).await.unwrap();
    // Twice is once: it is one bad moment.
    chosen.refused();
    chosen.refused();
    assert_eq!(value("client_shed_total", "full"), Some(1));
    assert_eq!(value("client_ejections_total", "refused"), Some(1));
}
