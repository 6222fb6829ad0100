//! Errors as every client sees them: nine codes in an RFC 9457 problem.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, in the nine words that clients and metrics know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request is malformed or its values are not allowed.
    Invalid,
    /// No valid credentials came with the request.
    Unauthenticated,
    /// The credentials are valid and do not allow this.
    Forbidden,
    /// There is no such thing, or it belongs to another account.
    NotFound,
    /// The request contradicts the present state.
    Conflict,
    /// The body is larger than the route accepts.
    TooLarge,
    /// Too many requests; `Retry-After` says when to come back.
    RateLimited,
    /// A dependency is away or too slow; the same request may succeed later.
    Unavailable,
    /// A defect on our side.
    Internal,
}

impl ErrorCode {
    /// Every code, so that metrics exist at 0 from the start.
    pub const ALL: [Self; 9] = [
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::TooLarge,
        Self::RateLimited,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The code as it stands in problems and metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status that goes with the code unless a problem names a closer one.
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 422,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }

    /// The short sentence of the problem's `title`.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Invalid => "The request is not valid",
            Self::Unauthenticated => "Sign in to do this",
            Self::Forbidden => "You may not do this",
            Self::NotFound => "There is no such thing",
            Self::Conflict => "This contradicts the present state",
            Self::TooLarge => "The body is too large",
            Self::RateLimited => "Too many requests",
            Self::Unavailable => "A part of the platform is away; try again",
            Self::Internal => "Something broke on our side",
        }
    }
}

/// An error body by RFC 9457 (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable URI that names the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "https://stoa.dev/problems/not_found")]
    pub kind: String,
    /// The kind of problem in a sentence, the same for every occurrence.
    pub title: String,
    /// The HTTP status of the response.
    pub status: u16,
    /// What happened this time and what to do about it.
    pub detail: String,
    /// The code that programs branch on.
    pub code: ErrorCode,
    /// The trace in which the details stand, for a report to the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The places of the input that are wrong: every value that is not allowed; of what cannot be read at all (wrong syntax or
    /// type, a missing or an unknown field), the first one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One place of the input that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// A JSON pointer to the value, or to where a missing one belongs; absent where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/name")]
    pub pointer: Option<String>,
    /// The line of the document, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The column of that line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// What is wrong there and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem of this code with its usual status.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("https://stoa.dev/problems/{}", code.as_str()),
            title: code.title().into(),
            status: code.status(),
            detail: detail.into(),
            code,
            trace_id: None,
            errors: Vec::new(),
        }
    }

    /// The same problem with a closer status (400, 405, 415, 504 ...).
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same problem with the places of the input that are wrong.
    #[must_use]
    pub fn with_errors(self, errors: Vec<FieldError>) -> Self {
        Self { errors, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_metrics_spell_it() {
        for code in ErrorCode::ALL {
            let json = serde_json::to_value(code).unwrap();
            assert_eq!(json, code.as_str());
        }
    }

    #[test]
    fn a_problem_survives_the_wire() {
        let problem = Problem::new(ErrorCode::Invalid, "No name was given.")
            .with_status(400)
            .with_errors(vec![FieldError {
                line: Some(3),
                column: Some(7),
                message: "expected a string".into(),
                ..FieldError::default()
            }]);
        let json = serde_json::to_string(&problem).unwrap();
        assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), problem);
    }
}
