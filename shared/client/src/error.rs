//! What a call to another service may end with.

use stoa_contracts::{Coded, ErrorCode, Problem};

use crate::Shed;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The service answered with a problem.
    #[error("{service} answered {}: {}", .problem.status, .problem.detail)]
    Problem {
        /// The service.
        service: &'static str,
        /// What it said.
        problem: Box<Problem>,
    },
    /// The service did not answer, or not all of it, or not in time.
    #[error("{service} does not answer")]
    Unreachable {
        /// The service.
        service: &'static str,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The service has no address, or none that is its own.
    #[error("no address of {service} is known")]
    Absent {
        /// The service.
        service: &'static str,
    },
    /// The service has as many requests as it may have.
    #[error("{service} has too much to do")]
    Shed {
        /// The service.
        service: &'static str,
        /// Why.
        #[source]
        source: Shed,
    },
    /// The one who asked us does not wait any more, so nothing was sent.
    #[error("no time is left to ask {service}")]
    Late {
        /// The service.
        service: &'static str,
    },
    /// The service answered something that is not in the contract.
    #[error("{service} answered {status} with something else than the contract says")]
    Unexpected {
        /// The service.
        service: &'static str,
        /// The status of the answer.
        status: u16,
        /// What did not fit, if it was the body.
        #[source]
        source: Option<serde_json::Error>,
    },
}

impl ClientError {
    /// Whether the other side said that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.code() == ErrorCode::NotFound
    }

    /// Whether the call did not get as far as the service, so that it may be made again without
    /// being made twice.
    pub(crate) fn is_unsent(&self) -> bool {
        matches!(self, Self::Unreachable { source, .. } if source.is_connect())
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self.code(), ErrorCode::Unavailable | ErrorCode::RateLimited)
    }
}

impl Coded for ClientError {
    /// Credentials between services are ours, so a refusal of them is our defect.
    fn code(&self) -> ErrorCode {
        match self {
            Self::Problem { problem, .. } => match problem.code {
                ErrorCode::Unauthenticated => ErrorCode::Internal,
                code => code,
            },
            Self::Unreachable { .. }
            | Self::Absent { .. }
            | Self::Shed { .. }
            | Self::Late { .. }
            | Self::Unexpected {
                status: 502..=504, ..
            } => ErrorCode::Unavailable,
            Self::Unexpected { .. } => ErrorCode::Internal,
        }
    }

    fn problem(&self) -> Problem {
        let code = self.code();
        match self {
            Self::Problem { problem, .. } if code == problem.code => Problem {
                trace_id: None,
                ..(**problem).clone()
            },
            Self::Late { .. } => Problem {
                status: 504,
                ..Problem::new(code, code.title())
            },
            _ => Problem::new(code, code.title()),
        }
    }
}
