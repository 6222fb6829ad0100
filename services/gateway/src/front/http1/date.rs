//! What time it is, as answers say it: spelled once a second.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

struct Spelled {
    text: String,
    /// When it is another one.
    until: Instant,
}

thread_local! {
    static NOW: RefCell<Option<Spelled>> = const { RefCell::new(None) };
}

/// Gives the present second (RFC 9110, 5.6.7); `now` is told so that the clock is not asked twice.
pub(super) fn with_now<T>(now: Instant, give: impl FnOnce(&str) -> T) -> T {
    NOW.with_borrow_mut(|spelled| {
        let good = spelled.take().filter(|spelled| now < spelled.until);
        give(&spelled.insert(good.unwrap_or_else(|| spell(now))).text)
    })
}

fn spell(now: Instant) -> Spelled {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let second = Duration::from_secs(since.as_secs());
    Spelled {
        text: httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + second),
        until: now + second + Duration::from_secs(1) - since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_told_until_it_is_over() {
        let told = |now| with_now(now, |text| httpdate::parse_http_date(text).expect("a date"));
        let before = SystemTime::now() - Duration::from_secs(1);
        let first = told(Instant::now());
        assert!((before..=SystemTime::now()).contains(&first), "{first:?}");
        let until = NOW.with_borrow(|spelled| spelled.as_ref().map(|spelled| spelled.until));
        let until = until.expect("it was spelled");
        let last = until - Duration::from_nanos(1);
        assert_eq!(told(last), first);
        NOW.with_borrow(|spelled| assert_eq!(spelled.as_ref().map(|it| it.until), Some(until)));
        assert!(told(until + Duration::from_secs(1)) >= first);
        NOW.with_borrow(|spelled| assert_ne!(spelled.as_ref().map(|it| it.until), Some(until)));
    }
}
