//! Every error response of the platform is made here.

use std::{error::Error, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use stoa_contracts::{Coded, ErrorCode, FieldError};

/// An error response: `application/problem+json` by RFC 9457.
///
/// A handler returns `Result<_, Problem>` and uses `?` on any error that is
/// [`Coded`]; or it makes one by hand: `Err(Problem::not_found("assistant"))`.
#[derive(Debug)]
pub struct Problem {
    body: Box<stoa_contracts::Problem>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// A problem of this code; `detail` is read by the client.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::with_body(stoa_contracts::Problem::new(code, detail))
    }

    /// The response with this body.
    pub fn with_body(body: stoa_contracts::Problem) -> Self {
        Self {
            body: Box::new(body),
            retry_after: None,
        }
    }

    /// There is no such `thing` (also when it belongs to another account).
    pub fn not_found(thing: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("There is no such {thing}."))
    }

    /// One value of the body is not allowed: that at this JSON pointer, and why.
    pub fn at(pointer: &str, message: &str) -> Self {
        let place = FieldError {
            pointer: Some(pointer.to_owned()),
            message: message.to_owned(),
            ..FieldError::default()
        };
        let detail = "Some values of the body are not allowed.";
        Self::new(ErrorCode::Invalid, detail).with_errors(vec![place])
    }

    /// The same problem with a closer status (400, 405, 415, 504).
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.body.status = status.as_u16();
        self
    }

    /// The same problem with the places of the input that are wrong.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.body.errors = errors;
        self
    }

    /// The same problem with the time after which the client should come back.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        self.body.code
    }

    /// The body as the client will read it, still without its trace id.
    pub fn body(&self) -> &stoa_contracts::Problem {
        &self.body
    }
}

/// The one place where an error becomes a response, and where it is logged if it is ours.
impl<E: Coded> From<E> for Problem {
    fn from(error: E) -> Self {
        let chain = chain(&error);
        match error.code() {
            ErrorCode::Internal => tracing::error!(error = chain, "a request failed on our side"),
            ErrorCode::Unavailable => tracing::warn!(error = chain, "a dependency is away"),
            code => tracing::debug!(error = chain, code = code.as_str(), "a request was refused"),
        }
        Self::with_body(error.problem())
    }
}

/// The error and all its sources, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        self.body.trace_id = stoa_telemetry::trace_id();
        let status =
            StatusCode::from_u16(self.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = self.body.code;
        let mut response = (status, axum::Json(self.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(delay) = self.retry_after {
            headers.insert(header::RETRY_AFTER, delay.as_secs().max(1).into());
        }
        response.extensions_mut().insert(code);
        response
    }
}
