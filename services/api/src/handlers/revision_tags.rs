//! Which revision of the training data a client has seen: `ETag` in answers, `If-Match` in requests.
//!
//! A tag is of a revision in a format, because the same revision is other bytes in another format; which format it names
//! makes no difference to `If-Match`.

use http::{HeaderMap, StatusCode, header};
use stoa_contracts::ErrorCode;
use stoa_service::Problem;

use crate::training_data::Format;

/// The tag of a revision in a format.
pub(super) fn tag(version: i32, format: Format) -> String {
    let format = match format {
        Format::Json => "json",
        Format::Yaml => "yaml",
        Format::Csv => "csv",
    };
    format!("\"{version}.{format}\"")
}

/// The revision that must be the latest; none where the client does not say.
pub(super) fn expected(headers: &HeaderMap) -> Result<Option<i32>, Problem> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let version = value.to_str().ok().and_then(version_of);
    if version.is_none() || values.next().is_some() {
        let detail =
            "`If-Match` takes one tag of training data, as `ETag` said it, such as `\"7.json\"`.";
        return Err(Problem::new(ErrorCode::Invalid, detail).with_status(StatusCode::BAD_REQUEST));
    }
    Ok(version)
}

/// A proxy that compresses makes a tag a weak one: it is of the same revision.
fn version_of(tag: &str) -> Option<i32> {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
    let (version, format) = tag.split_once('.')?;
    let is_number = version.bytes().all(|byte| byte.is_ascii_digit());
    let is_format = matches!(format, "json" | "yaml" | "csv");
    version.parse().ok().filter(|_| is_number && is_format)
}

/// The revision that must be the latest, of a change that means nothing on top of another.
pub(super) fn required(headers: &HeaderMap) -> Result<i32, Problem> {
    expected(headers)?.ok_or_else(|| {
        let detail =
            "Say with `If-Match` on top of which revision the change goes, as its `ETag` said it.";
        Problem::new(ErrorCode::Invalid, detail).with_status(StatusCode::PRECONDITION_REQUIRED)
    })
}

/// Somebody was faster.
pub(super) fn changed(expected: i32) -> Problem {
    let detail = format!(
        "The training data was changed by somebody since revision {expected}; nothing of yours was stored. Read it again, \
         and send your change on top of the latest revision."
    );
    Problem::new(ErrorCode::Conflict, detail).with_status(StatusCode::PRECONDITION_FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_its_revision_in_every_format() {
        for format in Format::ALL {
            assert_eq!(version_of(&tag(7, format)), Some(7));
        }
        assert_eq!(version_of("W/\"12.json\""), Some(12));
        for wrong in [
            "*",
            "7",
            "\"7\"",
            "\"-7.json\"",
            "\"7.json\", \"8.json\"",
            "\"99999999999.csv\"",
        ] {
            assert_eq!(version_of(wrong), None, "{wrong}");
        }
    }
}
