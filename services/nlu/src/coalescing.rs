//! Requests for the same thing at the same moment, which share one answer.

use moka::future::Cache;
use std::time::Duration;
use stoa_contracts::parse::ParseResult;

/// Answers that somebody waits for, by what was asked.
pub(crate) type InFlight = Cache<String, ParseResult>;

/// Requests that are shared at a time; more are made for themselves.
const SHARED: u64 = 10_000;
/// An answer is for those who waited for it and no other: it may be another one a moment later.
const KEPT: Duration = Duration::ZERO;

/// Where nobody waits yet.
pub(crate) fn in_flight() -> InFlight {
    Cache::builder()
        .max_capacity(SHARED)
        .time_to_live(KEPT)
        .build()
}
