//! What is told of a request once it is over: a measurement, a line in the log, and the end of its span.
//!
//! Also of one that nobody waits for any more. Its work is dropped then, wherever it stands, and the report with it.

use super::Served;
use crate::observe::{AccessLog, Entry, Meter, Trace};
use http::{Method, StatusCode};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use stoa_contracts::ErrorCode;
use stoa_service::server_metrics;
use tokio::time::Instant;

/// What a request counts as whose client has left before the answer: no status of HTTP's own, but the one that proxies
/// have in their logs for it.
const GIVEN_UP: StatusCode = match StatusCode::from_u16(499) {
    Ok(status) => status,
    Err(_) => panic!("three digits"),
};

/// What there is to tell of one request; when it is dropped without an end, its client has given it up.
pub(super) struct Report<'r> {
    pub(super) meter: &'r Meter,
    pub(super) log: &'r AccessLog,
    pub(super) trace: &'r Trace,
    pub(super) method: &'r Method,
    pub(super) path: &'r str,
    pub(super) route: Arc<str>,
    pub(super) client: IpAddr,
    pub(super) request_id: &'r str,
    pub(super) start: Instant,
    pub(super) has_ended: bool,
}

/// How it ended.
struct End<'s> {
    status: StatusCode,
    code: Option<ErrorCode>,
    service: Option<&'s str>,
    upstream: Option<SocketAddr>,
}

impl Report<'_> {
    /// Tells of the answer; when that was.
    pub(super) fn end(mut self, served: &Served) -> Instant {
        self.has_ended = true;
        let now = Instant::now();
        self.tell(
            now,
            &End {
                status: served.response.status(),
                code: served.response.extensions().get::<ErrorCode>().copied(),
                service: served.service.as_deref(),
                upstream: served.upstream,
            },
        );
        now
    }

    /// Measures, logs, and ends the span.
    fn tell(&self, now: Instant, end: &End<'_>) {
        if let Trace::Recorded(span) = self.trace {
            span.record("http.response.status_code", end.status.as_u16());
            if let Some(code) = end.code {
                span.record("error.type", code.as_str());
            }
            if end.status.is_server_error() {
                span.record("otel.status_code", "ERROR");
            }
        }
        if let Some(code) = end.code {
            server_metrics::count_error(code);
        }
        let elapsed = now.saturating_duration_since(self.start);
        self.meter
            .record(self.method, &self.route, end.status, elapsed);
        if self.log.is_on() {
            self.log.write(&self.entry(end, elapsed));
        }
    }

    fn entry<'e>(&'e self, end: &End<'e>, elapsed: Duration) -> Entry<'e> {
        Entry {
            method: self.method,
            path: self.path,
            route: &self.route,
            service: end.service,
            upstream: end.upstream,
            client: self.client,
            status: end.status,
            elapsed,
            request_id: self.request_id,
            trace_id: self.trace.id(),
        }
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        // Where the work has panicked, the answer is made by who caught that, or there is none.
        let (status, code) = if std::thread::panicking() {
            let code = ErrorCode::Internal;
            (StatusCode::INTERNAL_SERVER_ERROR, Some(code))
        } else {
            (GIVEN_UP, None)
        };
        self.tell(
            Instant::now(),
            &End {
                status,
                code,
                service: None,
                upstream: None,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Given;
    use bytes::Bytes;
    use http::Response;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc::sync_channel;
    use tracing::Span;

    /// The statuses in the log of a request that this is done with.
    fn logged(work: impl FnOnce(Report<'_>)) -> Vec<u64> {
        let (writer, lines) = sync_channel(1);
        let (meter, log) = (Meter::new(), AccessLog::new(Some(writer)));
        let trace = Trace::of(None, Span::none);
        let report = Report {
            meter: &meter,
            log: &log,
            trace: &trace,
            method: &Method::GET,
            path: "/a",
            route: "/{*rest}".into(),
            client: [192, 0, 2, 7].into(),
            request_id: "r-1",
            start: Instant::now(),
            has_ended: false,
        };
        // What panics is answered by who has caught it.
        let _ = catch_unwind(AssertUnwindSafe(|| work(report)));
        log.flush();
        let lines = lines.recv().unwrap();
        let lines = serde_json::Deserializer::from_slice(&lines).into_iter();
        let status = |line: serde_json::Result<serde_json::Value>| line.unwrap()["status"].as_u64();
        lines.map(|line| status(line).unwrap()).collect()
    }

    #[test]
    fn an_answer_is_told_once() {
        let served = Served {
            response: Response::new(Given::whole(Bytes::new())),
            service: None,
            upstream: None,
        };
        let end = |report: Report<'_>| {
            report.end(&served);
        };
        assert_eq!(logged(end), [200]);
    }

    #[test]
    fn a_request_that_is_given_up_is_told_as_that() {
        assert_eq!(logged(|_report| {}), [499]);
    }

    #[test]
    fn a_request_whose_work_panics_is_an_error_of_ours() {
        assert_eq!(logged(|_report| panic!("a defect")), [500]);
    }
}
