//! Checks of values, with the place of each wrong one.

use garde::Validate;
use http::StatusCode;
use serde_path_to_error::Segment;
use stoa_contracts::{ErrorCode, FieldError};

use crate::Problem;

/// Checks a value that was read from `source` (the body, the query).
pub(super) fn check<T: Validate<Context = ()>>(
    value: &T,
    source: &str,
    status: StatusCode,
) -> Result<(), Problem> {
    let Err(report) = value.validate() else {
        return Ok(());
    };
    let errors = report.iter().map(|(path, error)| FieldError {
        pointer: Some(pointer(&path.to_string())),
        message: error.message().to_owned(),
        ..FieldError::default()
    });
    let problem = Problem::new(
        ErrorCode::Invalid,
        format!("Some values of the {source} are not allowed."),
    );
    Err(problem.with_status(status).with_errors(errors.collect()))
}

/// The JSON pointer of where reading ended, as far as it is known: of a key that was not read, the object around it.
pub(super) fn place(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => escaped(key),
            Segment::Enum { variant } => escaped(variant),
            Segment::Unknown => break,
        };
        pointer.push('/');
        pointer.push_str(&part);
    }
    pointer
}

/// A key as it stands in a JSON pointer.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The JSON pointer of a path such as `items[0].name`.
fn pointer(path: &str) -> String {
    let mut pointer = String::new();
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        pointer.push('/');
        pointer.push_str(&escaped(part));
    }
    pointer
}
