//! What can be configured about every service.

use std::{net::SocketAddr, time::Duration};

use stoa_config::{Env, Settings};
use stoa_telemetry::TelemetrySettings;

/// More than any machine of ours has processors.
const MOST_THREADS: usize = 256;

/// Listeners and limits of the HTTP side.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where `/livez`, `/readyz` and `/metrics` listen; never published.
    pub admin: SocketAddr,
    /// How long a request may take until its response begins.
    pub request_timeout: Duration,
    /// The largest body, in bytes, unless a route says otherwise.
    pub body_limit: usize,
    /// How long requests are still accepted after readiness went red.
    pub drain_delay: Duration,
    /// How long what is in hand may take to finish after that.
    pub deadline: Duration,
    /// Threads that run the async work.
    pub threads: usize,
}

impl HttpSettings {
    /// The defaults on free loopback ports and without a drain delay, for tests.
    pub fn loopback() -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen: loopback,
            admin: loopback,
            request_timeout: Duration::from_secs(10),
            body_limit: 1 << 20,
            drain_delay: Duration::ZERO,
            deadline: Duration::from_secs(20),
            threads: 2,
        }
    }
}

impl Settings for HttpSettings {
    fn read(env: &mut Env) -> Option<Self> {
        let listen = env.parse("LISTEN_ADDR", "where the API listens");
        let listen = listen.default("0.0.0.0:8080").read();
        let admin = env.parse("ADMIN_ADDR", "where /livez, /readyz and /metrics listen");
        let admin = admin.default("0.0.0.0:9100").read();
        let timeout = env.duration("REQUEST_TIMEOUT", "longest time until a response begins");
        let request_timeout = timeout.default("10s").read();
        let limit = env.size("REQUEST_BODY_LIMIT", "largest request body");
        let body_limit = limit.default("1MiB").read();
        let delay = env.duration(
            "SHUTDOWN_DRAIN_DELAY",
            "serving on after SIGTERM, not ready",
        );
        let drain_delay = delay.default("2s").read();
        let deadline = env.duration(
            "SHUTDOWN_DEADLINE",
            "longest time to finish what is in hand",
        );
        let deadline = deadline.default("20s").read();
        let threads = env.parse("RUNTIME_THREADS", "threads that run the async work");
        let threads = threads.default(processors().to_string()).read();
        if request_timeout.is_some_and(|timeout| timeout.is_zero()) {
            env.refuse("REQUEST_TIMEOUT", "must be longer than `0s`");
        }
        if threads.is_some_and(|threads| !(1..=MOST_THREADS).contains(&threads)) {
            env.refuse("RUNTIME_THREADS", "must be from 1 to 256");
        }
        Some(Self {
            listen: listen?,
            admin: admin?,
            request_timeout: request_timeout?,
            body_limit: body_limit?,
            drain_delay: drain_delay?,
            deadline: deadline?,
            threads: threads?,
        })
    }
}

/// Everything that the process of a service with settings `S` reads.
pub(crate) struct ProcessSettings<S> {
    pub(crate) http: HttpSettings,
    pub(crate) telemetry: TelemetrySettings,
    pub(crate) service: S,
}

impl<S: Settings> Settings for ProcessSettings<S> {
    fn read(env: &mut Env) -> Option<Self> {
        let http = HttpSettings::read(env);
        let telemetry = TelemetrySettings::read(env);
        let service = S::read(env);
        Some(Self {
            http: http?,
            telemetry: telemetry?,
            service: service?,
        })
    }
}

/// How many processors the process may use, by its share of them too: a second thread on one costs and brings nothing.
/// Two are enough for any of our services; more replicas serve better.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| processors.get().min(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_with_which_nobody_is_answered_are_refused_by_name() {
        for (key, value) in [
            ("REQUEST_TIMEOUT", "0s"),
            ("RUNTIME_THREADS", "0"),
            ("RUNTIME_THREADS", "100000"),
        ] {
            let read = Env::from_pairs([(key, value)]).load::<HttpSettings>();
            let told = read.expect_err(key);
            assert!(told.lines()[0].starts_with(key), "{told}");
        }
        assert!(Env::default().load::<HttpSettings>().is_ok());
    }
}
