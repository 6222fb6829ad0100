//! The terms of a route: how often one client may ask, which service answers whom, and which
//! pages may read the answer.

use http::HeaderValue;
use serde::Deserialize;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// How often one client may ask for a route; the budget of all routes counts besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteLimit {
    /// Of the budget: the same for no other route, and for no other limit of this one.
    pub name: Arc<str>,
    /// So many requests come back...
    pub requests: NonZeroU32,
    /// ...in this time.
    pub per: Duration,
    /// How many may come at once.
    pub burst: NonZeroU32,
    /// Who is one client.
    pub by: LimitBy,
}

/// Who is one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitBy {
    /// A user or an API key.
    Identity,
    /// All users and API keys of an account.
    Account,
    /// An address.
    Address,
}

/// Reads `50/s`, `10/m` or `100/h`.
pub(super) fn rate(text: &str) -> Result<(NonZeroU32, Duration), String> {
    let unit = |unit: &str| match unit {
        "s" => Some(Duration::from_secs(1)),
        "m" => Some(Duration::from_mins(1)),
        "h" => Some(Duration::from_hours(1)),
        _ => None,
    };
    text.split_once('/')
        .and_then(|(number, per)| Some((number.parse().ok()?, unit(per)?)))
        .ok_or_else(|| format!("`{text}` is no rate such as `50/s`, `10/m` or `100/h`"))
}

/// A service that answers a share of the clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The service.
    pub service: Arc<str>,
    /// Its share, in parts of the sum of all weights.
    pub weight: u32,
}

/// The service of a client: always the same one, as long as the weights stay.
pub(super) fn choose<'t>(targets: &'t [Target], client: &impl Hash) -> Option<&'t Arc<str>> {
    let sum: u64 = targets.iter().map(|target| u64::from(target.weight)).sum();
    let mut at = place(client).checked_rem(sum)?;
    for target in targets {
        let weight = u64::from(target.weight);
        if at < weight {
            return Some(&target.service);
        }
        at -= weight;
    }
    None
}

/// Checks that the weights say where requests go.
pub(super) fn check_targets(targets: &[Target]) -> Result<(), String> {
    for (at, target) in targets.iter().enumerate() {
        if targets[..at]
            .iter()
            .any(|one| one.service == target.service)
        {
            return Err(format!("`{}` is named twice", target.service));
        }
    }
    if targets.iter().all(|target| target.weight == 0) {
        return Err("the sum of the weights is 0".into());
    }
    Ok(())
}

/// Checks the name of a service: that of its folder, and of its host.
pub(super) fn check_service(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err(format!(
            "`{name}` is no name of a service (lower case, digits and `-`)"
        ));
    }
    Ok(())
}

/// Reads an origin as browsers send it: `https://app.example`.
pub(super) fn origin(text: &str) -> Result<HeaderValue, String> {
    let wrong =
        || format!("`{text}` is no origin such as `https://app.example` (no path, lower case)");
    let authority = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or_else(wrong)?;
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:[]".contains(&byte);
    if authority.is_empty() || !authority.bytes().all(is_plain) {
        return Err(wrong());
    }
    HeaderValue::from_str(text).map_err(|_| wrong())
}

/// A number of a client that is the same in every replica: no key, and well mixed.
fn place(client: &impl Hash) -> u64 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    client.hash(&mut hasher);
    // The last step of MurmurHash3, for FNV mixes its last bytes poorly.
    let mut hash = hasher.finish();
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// FNV-1a, 64 bits.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_stays_on_one_side_and_the_shares_are_those_of_the_weights() {
        let target = |service: &str, weight| Target {
            service: service.into(),
            weight,
        };
        let targets = [target("api", 95), target("off", 0), target("canary", 5)];
        let side = |client: u32| choose(&targets, &client).map(ToString::to_string);
        let canary = (0..10_000).filter(|client| side(*client).as_deref() == Some("canary"));
        let canary: Vec<_> = canary.collect();
        assert!((400..600).contains(&canary.len()), "{}", canary.len());
        assert!(
            canary
                .iter()
                .all(|client| side(*client).as_deref() == Some("canary"))
        );
        assert!((0..10_000).all(|client| side(client).as_deref() != Some("off")));
    }
}
