//! JSON bodies.

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use garde::Validate;
use http::{HeaderMap, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::error::Category;
use stoa_contracts::{ErrorCode, FieldError};

use super::{strict::Strict, validate};
use crate::{Problem, middleware::read_body};

/// A JSON body: as an argument read and validated, as a return value written.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

/// A JSON body from another service of ours, whose type says all there is to check.
#[derive(Debug, Clone, Copy)]
pub struct Trusted<T>(pub T);

/// A JSON body whatever the client says that it is, read and validated: `curl -d` calls every body a form.
#[derive(Debug, Clone, Copy)]
pub struct AnyJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Validate<Context = ()>> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        valid(read(request).await?).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Validate<Context = ()>> FromRequest<S> for AnyJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        valid(parse(&read_body(request).await?)?).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Trusted<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request).await.map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn valid<T: Validate<Context = ()>>(value: T) -> Result<T, Problem> {
    validate::check(&value, "body", StatusCode::UNPROCESSABLE_ENTITY)?;
    Ok(value)
}

async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    if !is_json(request.headers()) {
        let detail = "Send the body as `content-type: application/json`.";
        let problem = Problem::new(ErrorCode::Invalid, detail);
        return Err(problem.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    parse(&read_body(request).await?)
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
    else {
        return false;
    };
    let essence = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(Strict(&mut deserializer))
        .map_err(|error| problem(validate::place(error.path()), error.inner()))?;
    deserializer
        .end()
        .map_err(|error| problem(String::new(), &error))?;
    Ok(value)
}

/// Wrong syntax is 400, a wrong type, a missing or an unknown field 422; all say where.
fn problem(mut pointer: String, error: &serde_json::Error) -> Problem {
    let message = message(error);
    let (detail, status) = match error.classify() {
        Category::Data => (
            "The body is not what this route takes.",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        _ => ("The body is not valid JSON.", StatusCode::BAD_REQUEST),
    };
    if let Some(field) = missing(&message) {
        pointer.push('/');
        pointer.push_str(&validate::escaped(field));
    }
    let place = FieldError {
        pointer: (!pointer.is_empty()).then_some(pointer),
        line: Some(error.line() as u64),
        column: Some(error.column() as u64),
        message,
    };
    Problem::new(ErrorCode::Invalid, detail)
        .with_status(status)
        .with_errors(vec![place])
}

/// The field that is not there, in serde's words, which are all that it hands on; its path ends at the object.
fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// The text of the error without its own ` at line 1 column 2`.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .map_or(text.clone(), |(message, _)| message.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_place_below_a_name_that_the_client_chose_is_told_as_it_is() {
        let body = Bytes::from_static(br#"{"cups.of/tea[1]": [7, "x"]}"#);
        let problem = parse::<BTreeMap<String, Vec<u8>>>(&body).unwrap_err();
        let place = problem.body().errors[0].pointer.as_deref();
        assert_eq!(place, Some("/cups.of~1tea[1]/1"));
    }
}
