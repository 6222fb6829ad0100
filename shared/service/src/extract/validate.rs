//! Checks of values, with the place of each wrong one.

use garde::Validate;
use http::StatusCode;
use serde_path_to_error::{Path, Segment};
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

/// The JSON pointer of where reading has stopped; to the last place that is known.
pub(super) fn place(path: &Path) -> String {
    let part = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    };
    of_parts(path.iter().map_while(part))
}

/// The JSON pointer of a path such as `items[0].name`.
fn pointer(path: &str) -> String {
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    of_parts(parts)
}

fn of_parts(parts: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut pointer = String::new();
    for part in parts {
        pointer.push('/');
        pointer.push_str(&part.as_ref().replace('~', "~0").replace('/', "~1"));
    }
    pointer
}
