//! Cursor paging: the client carries the place, and cannot read it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::types::{
    Uuid,
    time::{OffsetDateTime, UtcOffset},
};
use stoa_contracts::{Coded, ErrorCode, FieldError, Page, Problem};

/// The key of the last row of a page, such as `(created_at, id)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor<K>(pub K);

/// A column, or some of them, by which a list is ordered.
pub trait Key: Serialize + DeserializeOwned {
    /// Whether a row may hold it; what a client made up may be beyond that, and the driver panics at some of it.
    fn is_storable(&self) -> bool {
        true
    }
}

impl Key for i32 {}
impl Key for i64 {}
impl Key for String {}
impl Key for Uuid {}

impl Key for OffsetDateTime {
    /// Rows are younger than PostgreSQL's earliest year, and every time is stored in UTC.
    fn is_storable(&self) -> bool {
        let utc = self.checked_to_offset(UtcOffset::UTC);
        utc.is_some_and(|utc| utc.year() > 0)
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn is_storable(&self) -> bool {
        self.0.is_storable() && self.1.is_storable()
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn is_storable(&self) -> bool {
        self.0.is_storable() && self.1.is_storable() && self.2.is_storable()
    }
}

/// A cursor that no list of ours has given out.
#[derive(Debug, thiserror::Error)]
#[error("The cursor is not one that a list has given out.")]
pub struct CursorError;

impl Coded for CursorError {
    fn code(&self) -> ErrorCode {
        ErrorCode::Invalid
    }

    fn problem(&self) -> Problem {
        let place = FieldError {
            pointer: Some("/cursor".to_owned()),
            message: "pass `next_cursor` of the previous page unchanged".to_owned(),
            ..FieldError::default()
        };
        Problem::new(self.code(), self.to_string())
            .with_status(400)
            .with_errors(vec![place])
    }
}

impl<K: Key> Cursor<K> {
    /// The cursor as text for the client.
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(&self.0).expect("a key of plain columns serialises");
        URL_SAFE_NO_PAD.encode(json)
    }

    /// Reads what a client sent back; `None` is the first page.
    pub fn decode(text: Option<&str>) -> Result<Option<Self>, CursorError> {
        let Some(text) = text else { return Ok(None) };
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let key: K = serde_json::from_slice(&json).map_err(|_| CursorError)?;
        if !key.is_storable() {
            return Err(CursorError);
        }
        Ok(Some(Self(key)))
    }
}

/// Makes a page of at most `limit` items from a query that asked for one row more.
pub fn into_page<T, K: Key>(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> K) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more);
    let next_cursor = last.map(|item| Cursor(key(item)).encode());
    Page { items, next_cursor }
}
