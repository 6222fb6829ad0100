//! What time it is, as answers say it: spelled once a second.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

#[derive(Default)]
struct Spelled {
    /// Since 1970.
    seconds: u64,
    text: String,
}

thread_local! {
    static NOW: RefCell<Spelled> = RefCell::default();
}

/// Gives the present second (RFC 9110, 5.6.7).
pub(super) fn with_now<T>(give: impl FnOnce(&[u8]) -> T) -> T {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    NOW.with_borrow_mut(|now| {
        if now.seconds != since.as_secs() || now.text.is_empty() {
            now.seconds = since.as_secs();
            let second = SystemTime::UNIX_EPOCH + Duration::from_secs(now.seconds);
            now.text = httpdate::fmt_http_date(second);
        }
        give(now.text.as_bytes())
    })
}
