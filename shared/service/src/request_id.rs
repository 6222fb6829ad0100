//! The id of a request: it goes along to every service, and back to the client.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The longest that a client may choose.
const LONGEST: usize = 64;

/// The id that the client has chosen, if it is a plain short one, or a new one.
pub fn of(headers: &HeaderMap) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        let bytes = id.as_bytes();
        !bytes.is_empty() && bytes.len() <= LONGEST && bytes.iter().all(u8::is_ascii_graphic)
    };
    let own = headers.get(HEADER).filter(plain).cloned();
    own.unwrap_or_else(|| {
        let now = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default();
        let millis = u64::try_from(now.as_millis()).unwrap_or_default();
        // `Uuid::now_v7` asks the kernel for each.
        let [random @ .., _, _, _, _, _, _] = rand::random::<u128>().to_ne_bytes();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let text = id.hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(text).expect("a UUID is plain ASCII")
    })
}
