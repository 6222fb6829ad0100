//! Parts of the path.

use axum::{
    extract::{FromRequestParts, path::ErrorKind, rejection::PathRejection},
    response::IntoResponse as _,
};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;
use stoa_contracts::{ErrorCode, FieldError};

use crate::Problem;

/// Parts of the path, parsed.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => Err(refused(error.kind())),
            Err(other) => {
                tracing::error!(status = %other.into_response().status(), "the route has no such part");
                Err(Problem::new(
                    ErrorCode::Internal,
                    ErrorCode::Internal.title(),
                ))
            }
        }
    }
}

fn refused(kind: &ErrorKind) -> Problem {
    let place = match kind {
        ErrorKind::ParseErrorAtKey {
            key, expected_type, ..
        } => FieldError {
            pointer: Some(format!("/{key}")),
            message: format!("expected a {expected_type}"),
            ..FieldError::default()
        },
        ErrorKind::DeserializeError { key, message, .. } => FieldError {
            pointer: Some(format!("/{key}")),
            message: message.clone(),
            ..FieldError::default()
        },
        ErrorKind::InvalidUtf8InPathParam { key } => FieldError {
            pointer: Some(format!("/{key}")),
            message: "expected UTF-8".to_owned(),
            ..FieldError::default()
        },
        other => FieldError {
            message: other.to_string(),
            ..FieldError::default()
        },
    };
    Problem::new(ErrorCode::Invalid, "A part of the path is not valid.")
        .with_status(StatusCode::BAD_REQUEST)
        .with_errors(vec![place])
}
