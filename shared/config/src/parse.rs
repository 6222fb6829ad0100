//! Values that carry their unit: `10s`, `5MiB`.

use std::time::Duration;

use url::Url;

const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZE_UNITS: [(&str, u64); 4] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Parses a whole number with its unit of time.
pub fn duration(text: &str) -> Result<Duration, String> {
    with_unit(text, &DURATION_UNITS)
        .map(Duration::from_millis)
        .ok_or_else(|| "expected a duration such as `250ms`, `10s`, `5m`, `2h` or `1d`".to_owned())
}

/// Parses a whole number with its unit of size, into bytes.
pub fn size(text: &str) -> Result<usize, String> {
    with_unit(text, &SIZE_UNITS)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| "expected a size such as `512B`, `64KiB`, `5MiB` or `1GiB`".to_owned())
}

/// Takes a URL of `http` or `https` as it is.
pub(crate) fn http_url(text: &str) -> Result<String, String> {
    match Url::parse(text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) => Ok(text.to_owned()),
        _ => Err("expected a URL such as `http://host:8080` or `https://example.org`".to_owned()),
    }
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}
