//! How long requests take, by route: the handles of the series, which are looked up once.

use http::{Method, StatusCode};
use metrics::{Gauge, Histogram};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stoa_service::server_metrics::{self, Active};

/// The series of one thread of the front. There are as many as routes, methods and statuses that occur.
pub(crate) struct Meter {
    active: Gauge,
    routes: Mutex<HashMap<Arc<str>, Vec<Series>>>,
}

struct Series {
    method: Method,
    status: StatusCode,
    durations: Histogram,
}

impl Meter {
    /// Nothing is counted yet.
    pub(crate) fn new() -> Self {
        Self {
            active: server_metrics::active(),
            routes: Mutex::default(),
        }
    }

    /// Counts a request as in hand until it is dropped.
    pub(crate) fn begin(&self) -> Active {
        Active::of(&self.active)
    }

    /// Counts a request.
    pub(crate) fn record(
        &self,
        method: &Method,
        route: &Arc<str>,
        status: StatusCode,
        elapsed: Duration,
    ) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let series = match routes.get_mut(route) {
            Some(series) => series,
            None => routes.entry(Arc::clone(route)).or_default(),
        };
        let is_same = |one: &&Series| one.status == status && one.method == *method;
        if let Some(one) = series.iter().find(is_same) {
            return one.durations.record(elapsed);
        }
        let durations = server_metrics::duration(method, route, status);
        durations.record(elapsed);
        // Clients may invent methods: those are looked up each time.
        if method.is_idempotent() || matches!(*method, Method::POST | Method::PATCH) {
            series.push(Series {
                method: method.clone(),
                status,
                durations,
            });
        }
    }
}
