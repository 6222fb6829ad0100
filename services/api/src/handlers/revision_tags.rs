//! Which revision of training data or flows a client has seen: `ETag` in answers, `If-Match` in requests.
//!
//! A tag is of a revision in a format, because the same revision is other bytes in another format; which format it names
//! makes no difference to `If-Match`.

use http::{HeaderMap, StatusCode, header};
use stoa_contracts::ErrorCode;
use stoa_service::Problem;

/// The formats that tags name, by their media types.
const FORMATS: [(&str, &str); 3] = [
    ("application/json", "json"),
    ("application/yaml", "yaml"),
    ("text/csv", "csv"),
];

/// The tag of a revision in the format of a media type.
pub(super) fn tag(version: i32, media_type: &str) -> String {
    let format = FORMATS.iter().find(|(known, _)| *known == media_type);
    let (_, format) = format.expect("no revision is written in another format");
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
            "`If-Match` takes one tag of a revision, as `ETag` said it, such as `\"7.json\"`.";
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
    let is_format = FORMATS.iter().any(|(_, known)| *known == format);
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

/// Somebody was faster. `what` has changed, such as "The flows have".
pub(super) fn changed(what: &str, expected: i32) -> Problem {
    let detail = format!(
        "{what} changed since revision {expected}, and nothing of yours was stored. Read the latest revision, and send your \
         change on top of it."
    );
    Problem::new(ErrorCode::Conflict, detail).with_status(StatusCode::PRECONDITION_FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{flows::Form, training_data::Format};

    #[test]
    fn a_tag_names_its_revision_in_every_format() {
        let data = Format::ALL.map(Format::media_type).into_iter();
        for media_type in data.chain(Form::ALL.map(Form::media_type)) {
            assert_eq!(version_of(&tag(7, media_type)), Some(7));
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
