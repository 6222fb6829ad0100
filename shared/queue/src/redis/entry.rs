//! What lies in a stream. Taken apart by hand, because the types of the client copy all of it.

use crate::envelope::Message;
use redis::{RedisWrite, ToRedisArgs, Value};
use std::io::Write as _;

/// The id that the server has given an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryId {
    millis: u64,
    place: u64,
}

impl EntryId {
    pub(super) fn read(text: &str) -> Option<Self> {
        let (millis, place) = text.split_once('-')?;
        Some(Self {
            millis: millis.parse().ok()?,
            place: place.parse().ok()?,
        })
    }
}

impl ToRedisArgs for EntryId {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        let (mut millis, mut place) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (millis, place) = (millis.format(self.millis), place.format(self.place));
        let mut arg = out.writer_for_next_arg();
        // It is written to memory.
        for part in [millis, "-", place] {
            let _ = arg.write_all(part.as_bytes());
        }
    }
}

/// The entries in the answer to a read of one stream.
pub(super) fn entries(read: Value) -> Vec<(EntryId, Message)> {
    let streams = array(read).into_iter().flat_map(array);
    // The name of the stream is no array.
    streams.flat_map(array).filter_map(entry).collect()
}

/// A foreign entry gives an empty head, which is then unreadable.
fn entry(entry: Value) -> Option<(EntryId, Message)> {
    let mut parts = array(entry).into_iter();
    let id = bytes(parts.next()?)?;
    let id = EntryId::read(std::str::from_utf8(&id).ok()?)?;
    let (mut head, mut body) = (Vec::new(), Vec::new());
    let mut fields = array(parts.next()?).into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        match bytes(name).as_deref() {
            Some(b"head") => head = bytes(value)?,
            Some(b"body") => body = bytes(value)?,
            _ => {}
        }
    }
    Some((id, Message { head, body }))
}

fn array(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        _ => Vec::new(),
    }
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}
