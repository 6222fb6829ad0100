//! Media types: what a body is, and what a client wants to get.

/// The type and subtype of a media type, without parameters.
pub fn essence(value: &str) -> String {
    value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// The media type of `offers` that an `Accept` header likes best; the first where it has no
/// wish, none where it accepts nothing of them (RFC 9110, section 12.5.1).
pub fn negotiate<'a>(accept: Option<&str>, offers: &[&'a str]) -> Option<&'a str> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
        return offers.first().copied();
    };
    let ranges: Vec<(String, f32)> = accept.split(',').take(32).map(range).collect();
    let mut best: Option<(&str, f32)> = None;
    for &offer in offers {
        let quality = quality_of(offer, &ranges);
        if quality > best.map_or(0.0, |(_, quality)| quality) {
            best = Some((offer, quality));
        }
    }
    best.map(|(offer, _)| offer)
}

fn range(text: &str) -> (String, f32) {
    let quality = text
        .split(';')
        .skip(1)
        .find_map(|parameter| parameter.trim().strip_prefix("q="));
    let quality = quality.map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0));
    (essence(text), quality)
}

/// The most specific range that covers the offer decides.
fn quality_of(offer: &str, ranges: &[(String, f32)]) -> f32 {
    let group = offer.split('/').next().unwrap_or_default();
    let covers = |wanted: &str| {
        ranges
            .iter()
            .find(|(range, _)| range == wanted)
            .map(|(_, q)| *q)
    };
    let quality = covers(offer)
        .or_else(|| covers(&format!("{group}/*")))
        .or_else(|| covers("*/*"));
    quality.unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_chooses_what_the_client_likes_best() {
        let offers = ["application/json", "application/yaml", "text/csv"];
        let choice = |accept| negotiate(accept, &offers);
        assert_eq!(choice(None), Some("application/json"));
        assert_eq!(choice(Some("*/*")), Some("application/json"));
        assert_eq!(choice(Some("text/*")), Some("text/csv"));
        assert_eq!(
            choice(Some("application/json;q=0.1, application/yaml")),
            Some("application/yaml")
        );
        assert_eq!(
            choice(Some("application/json;q=0, */*;q=0.5")),
            Some("application/yaml")
        );
        assert_eq!(choice(Some("image/png")), None);
    }
}
