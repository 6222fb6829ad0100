//! Query strings.

use axum::extract::FromRequestParts;
use garde::Validate;
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;
use stoa_contracts::{ErrorCode, FieldError};

use super::validate;
use crate::Problem;

/// The query string, parsed and validated.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Validate<Context = ()>> FromRequestParts<S>
    for Query<T>
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let value = parse(query)?;
        validate::check(&value, "query", StatusCode::BAD_REQUEST)?;
        Ok(Self(value))
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let pointer = validate::place(error.path());
        let place = FieldError {
            pointer: (!pointer.is_empty()).then_some(pointer),
            message: error.inner().to_string(),
            ..FieldError::default()
        };
        Problem::new(ErrorCode::Invalid, "The query is not valid.")
            .with_status(StatusCode::BAD_REQUEST)
            .with_errors(vec![place])
    })
}
