//! Why there is no answer from a service, and what that says about another try.

use hyper_util::client::legacy::Error as ClientError;
use std::error::Error;
use std::time::Duration;
use stoa_contracts::{Coded, ErrorCode, Problem};

/// Why there is no answer from a service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// Nobody knows an address of it.
    #[error("no address of `{0}` is known")]
    Unknown(String),
    /// Nothing listens there.
    #[error("`{service}` is away")]
    Away {
        /// The service.
        service: String,
        /// Why.
        #[source]
        source: ClientError,
    },
    /// The connection broke before the answer.
    #[error("`{service}` broke the connection")]
    Broken {
        /// The service.
        service: String,
        /// Why.
        #[source]
        source: ClientError,
    },
    /// No answer within the limit of the route.
    #[error("`{service}` did not answer within {limit:?}")]
    Late {
        /// The service.
        service: String,
        /// The limit.
        limit: Duration,
    },
    /// The client sent more than the route takes.
    #[error("The body may have at most {0} bytes.")]
    TooLarge(u64),
    /// The client said nothing for too long in the middle of its body.
    #[error("The body did not come in time.")]
    Slow,
    /// The client's body broke off or is malformed.
    #[error("The body broke off or is malformed.")]
    Body,
    /// A route names a service without a URL, or the URL is none.
    #[error("no usable URL for `{0}`")]
    Url(String),
}

impl Coded for UpstreamError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown(_) | Self::Away { .. } | Self::Broken { .. } | Self::Late { .. } => {
                ErrorCode::Unavailable
            }
            Self::TooLarge(_) => ErrorCode::TooLarge,
            Self::Body | Self::Slow => ErrorCode::Invalid,
            Self::Url(_) => ErrorCode::Internal,
        }
    }

    fn problem(&self) -> Problem {
        let problem = |status| Problem::new(self.code(), self.detail()).with_status(status);
        match self {
            Self::Broken { .. } => problem(502),
            Self::Late { .. } => problem(504),
            Self::Body => problem(400),
            Self::Slow => problem(408),
            _ => Problem::new(self.code(), self.detail()),
        }
    }
}

impl UpstreamError {
    fn detail(&self) -> String {
        match self {
            Self::TooLarge(_) | Self::Body | Self::Slow => self.to_string(),
            _ => self.code().title().to_owned(),
        }
    }
}

/// Marks an error of the client's body on its way through the upstream's connection.
#[derive(Debug, thiserror::Error)]
#[error("the body of the request")]
pub(super) struct BodyError(#[source] pub(super) Box<dyn Error + Send + Sync>);

/// How far a failed request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// There was no connection.
    Refused,
    /// The connection was closed before anything was written to it.
    Unsent,
    /// It may have arrived; no answer came back.
    Broken,
    /// It is the client that broke off.
    Client,
}

impl Failure {
    pub(super) fn of(error: &ClientError) -> Self {
        if find::<BodyError>(error).is_some() {
            Self::Client
        } else if error.is_connect() {
            Self::Refused
        } else if find::<hyper::Error>(error).is_some_and(hyper::Error::is_canceled) {
            // hyper says so of a request that it gives back as it was.
            Self::Unsent
        } else {
            Self::Broken
        }
    }
}

pub(super) fn classify(service: &str, source: ClientError, limit: u64) -> UpstreamError {
    if let Some(body) = find::<BodyError>(&source) {
        if body.0.is::<http_body_util::LengthLimitError>() {
            return UpstreamError::TooLarge(limit);
        }
        if body.0.is::<crate::patience::Silence>() {
            return UpstreamError::Slow;
        }
        return UpstreamError::Body;
    }
    let service = service.to_owned();
    if source.is_connect() {
        UpstreamError::Away { service, source }
    } else {
        UpstreamError::Broken { service, source }
    }
}

fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
