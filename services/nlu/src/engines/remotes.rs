//! Engines elsewhere, which an account has chosen: called as strangers, each for a bounded time and behind a gate.

use super::gate::{Closed, Gate};
use super::rasa;
use crate::coalescing::{InFlight, in_flight, share};
use metrics::{Unit, describe_histogram, histogram};
use moka::future::Cache;
use reqwest::Method;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use stoa_client::egress::{self, Egress, EgressError, EgressRules};
use stoa_contracts::deadline::Deadline;
use stoa_contracts::engines::EngineKind;
use stoa_contracts::parse::ParseResult;
use stoa_contracts::{Coded, ErrorCode};
use tokio::time::timeout;
use uuid::Uuid;

/// Much more than an answer of ordinary length.
const ANSWER_LIMIT: usize = 256 << 10;
/// Idle connections that are kept for each engine.
const IDLE: usize = 8;
/// Engines whose gates are remembered, and for how long after the last request: a breaker is open for half a minute at most.
const GATES: u64 = 10_000;
const REMEMBERED: Duration = Duration::from_mins(5);

/// Who waits for this part of the time that an engine may take, and gets no answer, has learned that it has none: callers
/// wait less than all of it, and the first of several engines has but half of that.
const PATIENT_PART: u32 = 3;
/// What is kept of the time that is left, to say that an engine has not answered.
const MARGIN: Duration = Duration::from_millis(5);

const DURATION: &str = "nlu_remote_engine_seconds";

pub(super) fn describe_metrics() {
    let help = "How long engines elsewhere took, also those that failed.";
    describe_histogram!(DURATION, Unit::Seconds, help);
}

/// An engine elsewhere, as an assistant names it.
pub(super) struct Remote<'a> {
    assistant: Uuid,
    url: &'a str,
    token: Option<&'a str>,
    timeout: Duration,
}

impl<'a> Remote<'a> {
    pub(super) fn new(assistant: Uuid, url: &'a str, token: Option<&'a str>, ms: u32) -> Self {
        Self {
            assistant,
            url,
            token,
            timeout: Duration::from_millis(ms.into()),
        }
    }
}

/// Why an engine elsewhere has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("The engine answered {0}.")]
    Refused(u16),
    #[error("The engine answered what is no answer of Rasa's.")]
    Json(#[source] serde_json::Error),
    #[error("The engine found an entity that is not in the text.")]
    OutsideText,
    #[error("The engine found entities in another text.")]
    AnotherText,
    #[error("The engine answered more than is read.")]
    TooLong,
    #[error("The engine answered an intent whose name is too long, or holds a NUL character.")]
    Unfit,
    #[error("The engine has failed, and is left alone for a while.")]
    Open,
    #[error("The engine has as many requests as it may have.")]
    Busy,
    #[error("No time is left to ask the engine.")]
    Late,
}

impl RemoteError {
    pub(super) const fn outcome(&self) -> &'static str {
        match self {
            Self::Egress(EgressError::Timeout) | Self::Late => "timeout",
            Self::Egress(EgressError::Url | EgressError::Scheme | EgressError::Forbidden)
            | Self::Refused(400..=499) => "refused",
            Self::Egress(_)
            | Self::Refused(_)
            | Self::Json(_)
            | Self::OutsideText
            | Self::AnotherText
            | Self::TooLong
            | Self::Unfit => "failed",
            Self::Open => "open",
            Self::Busy => "busy",
        }
    }

    /// Whether it is the engine that failed, and not what was asked of it.
    fn is_its_own(&self, limit: Duration, remote: &Remote<'_>) -> bool {
        match self {
            // With much less time than it may take it has shown nothing.
            Self::Egress(EgressError::Timeout) => limit >= remote.timeout / PATIENT_PART,
            Self::Egress(error) => error.is_for_now(),
            _ => true,
        }
    }
}

impl Coded for RemoteError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Egress(error) if !error.is_for_now() => ErrorCode::Conflict,
            _ => ErrorCode::Unavailable,
        }
    }
}

/// Asks engines elsewhere. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Remotes {
    egress: Egress,
    gates: Cache<(Uuid, String), Arc<Gate>>,
    in_flight: InFlight,
}

impl Remotes {
    /// Asks those that may be reached.
    pub(crate) fn new(rules: EgressRules) -> Self {
        let agent = concat!("Stoa-Engines/", env!("CARGO_PKG_VERSION"));
        let gates = Cache::builder()
            .max_capacity(GATES)
            .time_to_idle(REMEMBERED)
            .build();
        Self {
            egress: Egress::new(agent, rules, IDLE),
            gates,
            in_flight: in_flight(),
        }
    }

    /// What an utterance means to an engine. Where others may be asked after it, it has half of the time that is left: so
    /// long is waited for its answer to somebody else as well.
    pub(super) async fn ask(
        &self,
        remote: &Remote<'_>,
        text: &str,
        others: bool,
    ) -> Result<ParseResult, Arc<RemoteError>> {
        let key = format!("{}\n{}\n{text}", remote.assistant, remote.url);
        let patience = limit(remote.timeout, others)?;
        let is_asking = AtomicBool::new(false);
        let ask = || {
            is_asking.store(true, Ordering::Relaxed);
            self.ask_behind_gate(remote, text, others)
        };
        let needed = remote.timeout * parts(others);
        let mut answer = pin!(share(&self.in_flight, &key, needed, ask));
        match timeout(patience, &mut answer).await {
            Ok(answer) => answer,
            // A request of our own has its limit, and the gate has to learn what became of it.
            Err(_) if is_asking.load(Ordering::Relaxed) => answer.await,
            Err(_) => Err(Arc::new(RemoteError::Late)),
        }
    }

    async fn ask_behind_gate(
        &self,
        remote: &Remote<'_>,
        text: &str,
        others: bool,
    ) -> Result<ParseResult, RemoteError> {
        let limit = limit(remote.timeout, others)?;
        let key = (remote.assistant, remote.url.to_owned());
        let gate = self.gates.get_with(key, async { Arc::new(Gate::new()) });
        let gate = gate.await;
        let pass = gate.enter().map_err(|closed| match closed {
            Closed::Busy => RemoteError::Busy,
            Closed::Open => RemoteError::Open,
        })?;
        let begun = Instant::now();
        let answer = self.call(remote, text, limit).await;
        let taken = begun.elapsed().as_secs_f64();
        histogram!(DURATION, "engine" => EngineKind::Rasa.as_str()).record(taken);
        match &answer {
            Ok(_) => pass.good(),
            Err(error) if error.is_its_own(limit, remote) => {
                if pass.failed() {
                    let assistant = remote.assistant;
                    tracing::warn!(%error, assistant.id = %assistant, "an engine is left alone for a while");
                }
            }
            Err(_) => {}
        }
        answer
    }

    async fn call(
        &self,
        remote: &Remote<'_>,
        text: &str,
        limit: Duration,
    ) -> Result<ParseResult, RemoteError> {
        let url = rasa::parse_url(remote.url, remote.token).ok_or(EgressError::Url)?;
        let request = self.egress.request(Method::POST, url.as_str())?;
        let question = rasa::Question {
            text: rasa::stripped(text),
        };
        let request = request.timeout(limit).json(&question);
        let response = self.egress.send(request).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(RemoteError::Refused(status.as_u16()));
        }
        match egress::read(response, ANSWER_LIMIT).await? {
            (body, true) => rasa::read(text, &body),
            (_, false) => Err(RemoteError::TooLong),
        }
    }
}

/// In how many parts the time that is left is divided.
const fn parts(others: bool) -> u32 {
    if others { 2 } else { 1 }
}

/// How long an engine may take: no longer than the one who asks us waits.
fn limit(timeout: Duration, others: bool) -> Result<Duration, RemoteError> {
    let Some(deadline) = Deadline::current() else {
        return Ok(timeout);
    };
    let left = deadline.left().saturating_sub(MARGIN) / parts(others);
    if left.as_millis() == 0 {
        return Err(RemoteError::Late);
    }
    Ok(left.min(timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_counts_against_an_engine_that_had_time_enough() {
        let counts = |limit: u64, timeout| {
            let remote = Remote::new(Uuid::nil(), "https://a.example", None, timeout);
            let error = RemoteError::Egress(EgressError::Timeout);
            error.is_its_own(Duration::from_millis(limit), &remote)
        };
        for (limit, timeout) in [(5_000, 5_000), (1_700, 5_000), (70, 200), (2_500, 5_000)] {
            assert!(counts(limit, timeout), "{limit} of {timeout}");
        }
        for (limit, timeout) in [(1_600, 5_000), (10, 200), (1, 50)] {
            assert!(!counts(limit, timeout), "{limit} of {timeout}");
        }
    }
}
