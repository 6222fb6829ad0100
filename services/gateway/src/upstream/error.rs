//! Why there is no answer from a service, and what that says about another try.

use crate::body::BodyError;
use std::io;
use std::time::Duration;
use stoa_contracts::{Coded, ErrorCode, Problem};

/// Why there is no answer from a service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// Nobody knows an address of it.
    #[error("no address of `{0}` is known")]
    Unknown(String),
    /// It has as many requests as it may.
    #[error("`{0}` has as many requests as it may")]
    Busy(String),
    /// The client sends as many bodies to it as one may.
    #[error("Your address sends {0} large bodies at once; send them one after the other")]
    Uploads(usize),
    /// Nothing listens there.
    #[error("`{service}` is away")]
    Away {
        /// The service.
        service: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The connection broke before the answer.
    #[error("`{service}` broke the connection")]
    Broken {
        /// The service.
        service: String,
        /// Why.
        #[source]
        source: Broken,
    },
    /// No answer within the limit of the route.
    #[error("`{service}` did not answer within {limit:?}")]
    Late {
        /// The service.
        service: String,
        /// The limit.
        limit: Duration,
    },
    /// The client's body is at fault.
    #[error(transparent)]
    Body(BodyError),
    /// A route names a service without a URL, or the URL is none.
    #[error("no usable URL for `{0}`")]
    Url(String),
}

impl Coded for UpstreamError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown(_)
            | Self::Busy(_)
            | Self::Away { .. }
            | Self::Broken { .. }
            | Self::Late { .. } => ErrorCode::Unavailable,
            Self::Uploads(_) => ErrorCode::RateLimited,
            Self::Body(BodyError::TooLarge(_)) => ErrorCode::TooLarge,
            Self::Body(_) => ErrorCode::Invalid,
            Self::Url(_) => ErrorCode::Internal,
        }
    }

    fn problem(&self) -> Problem {
        let problem = |status| Problem::new(self.code(), self.detail()).with_status(status);
        match self {
            Self::Broken { .. } => problem(502),
            Self::Late { .. } => problem(504),
            Self::Body(BodyError::Broken) => problem(400),
            Self::Body(BodyError::Idle) => problem(408),
            _ => Problem::new(self.code(), self.detail()),
        }
    }
}

impl UpstreamError {
    fn detail(&self) -> String {
        match self {
            Self::Body(error) => error.to_string(),
            Self::Uploads(_) => format!("{self}."),
            _ => self.code().title().to_owned(),
        }
    }
}

/// How a connection failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// It was closed or reset.
    #[error("the connection broke")]
    Io(#[from] io::Error),
    /// It ended before the answer did.
    #[error("the connection ended before the answer")]
    Ended,
    /// What came back is no answer of HTTP/1.1.
    #[error("the answer is malformed")]
    Malformed,
    /// Nothing came for too long.
    #[error("the answer stopped coming")]
    Idle,
}

/// How far a failed request got.
#[derive(Debug)]
pub(super) enum Failure {
    /// There was no connection.
    Refused(io::Error),
    /// The connection was closed before anything was written to it.
    Unsent(io::Error),
    /// It may have arrived; no answer came back.
    Broken(Broken),
    /// It is the client that broke off.
    Client(BodyError),
}

impl Failure {
    /// What is told when nothing more is tried.
    pub(super) fn of(self, service: &str) -> UpstreamError {
        let service = service.to_owned();
        match self {
            Self::Refused(source) => UpstreamError::Away { service, source },
            Self::Unsent(source) => UpstreamError::Broken {
                service,
                source: Broken::Io(source),
            },
            Self::Broken(source) => UpstreamError::Broken { service, source },
            Self::Client(error) => UpstreamError::Body(error),
        }
    }
}
