//! Which address gets a request: the better one of two that are picked at random.
//!
//! To compare two is enough to keep requests from the slow and the busy, and unlike the best one
//! of all it is not the same for everybody who chooses at this moment.

use std::{net::SocketAddr, sync::Arc};

use tokio::time::Instant;

use super::{
    endpoint::{Doubt, Endpoint},
    in_flight::InFlight,
    shared::millis,
};

/// Latencies whose ratio is below this are the same for all that we know: among addresses that
/// are equally busy chance decides, or one of them would get all requests of a quiet time.
const NOISE: f32 = 2.0;

/// Chooses among `endpoints`; those in `tried` come last.
pub(super) fn choose(
    endpoints: &[Arc<Endpoint>],
    tried: &[SocketAddr],
    now: Instant,
) -> Option<InFlight> {
    if let Some(endpoint) = choose_plain(endpoints, tried, now) {
        return Some(InFlight::to(endpoint, endpoints.len(), now, false));
    }
    // A second try has to go well; the first one may be the one that finds out.
    if tried.is_empty()
        && let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.try_trial(now))
    {
        // What it was like before says nothing; it begins as one of many.
        endpoint.restart(median(endpoints, now), now);
        return Some(InFlight::to(endpoint, endpoints.len(), now, true));
    }
    let endpoint = choose_least_doubtful(endpoints, tried, now)?;
    Some(InFlight::to(endpoint, endpoints.len(), now, false))
}

/// The usual case: nothing speaks against any of the two.
fn choose_plain<'a>(
    endpoints: &'a [Arc<Endpoint>],
    tried: &[SocketAddr],
    now: Instant,
) -> Option<&'a Arc<Endpoint>> {
    let good = |endpoint: &Arc<Endpoint>| endpoint.is_plain() && !tried.contains(&endpoint.address);
    match endpoints {
        [] => None,
        [only] => Some(only).filter(|endpoint| good(endpoint)),
        several => {
            let (one, other) = two_of(several);
            (good(one) && good(other)).then(|| better(one, other, now))
        }
    }
}

/// Any two, in any order; there have to be two at least.
fn two_of(endpoints: &[Arc<Endpoint>]) -> (&Arc<Endpoint>, &Arc<Endpoint>) {
    let one = fastrand::usize(..endpoints.len());
    let step = fastrand::usize(1..endpoints.len());
    let other = (one + step) % endpoints.len();
    (&endpoints[one], &endpoints[other])
}

/// Looks at all of them: takes two of those against whom the least speaks, in one pass.
fn choose_least_doubtful<'a>(
    endpoints: &'a [Arc<Endpoint>],
    tried: &[SocketAddr],
    now: Instant,
) -> Option<&'a Arc<Endpoint>> {
    let mut least: Option<(bool, Doubt)> = None;
    let mut picked: [Option<&Arc<Endpoint>>; 2] = [None, None];
    let mut seen = 0;
    for endpoint in endpoints {
        let Some(doubt) = endpoint.doubt() else {
            continue;
        };
        let doubt = (tried.contains(&endpoint.address), doubt);
        if least.is_none_or(|least| doubt < least) {
            (least, seen, picked) = (Some(doubt), 0, [None, None]);
        } else if least.is_some_and(|least| doubt > least) {
            continue;
        }
        // Each pair of them is equally likely to be left at the end.
        let place = if seen < 2 {
            seen
        } else {
            fastrand::usize(..=seen)
        };
        seen += 1;
        if let Some(place) = picked.get_mut(place) {
            *place = Some(endpoint);
        }
    }
    match picked {
        [Some(one), Some(other)] if fastrand::bool() => Some(better(one, other, now)),
        [Some(one), Some(other)] => Some(better(other, one, now)),
        [one, _] => one,
    }
}

/// The one where a request would be answered first, as far as anybody can tell: its latency, times
/// what is in flight there with this request. Who has not answered yet is as fast as the other.
fn better<'a>(one: &'a Arc<Endpoint>, other: &'a Arc<Endpoint>, now: Instant) -> &'a Arc<Endpoint> {
    let now = millis(one.epoch, now);
    let (seconds, others) = match (one.seconds(now), other.seconds(now)) {
        (Some(seconds), Some(others)) => (seconds, others),
        (Some(seconds), None) | (None, Some(seconds)) => (seconds, seconds),
        (None, None) => (1.0, 1.0),
    };
    let (load, others_load) = (one.load(), other.load());
    let is_same = seconds < others * NOISE && others < seconds * NOISE;
    if load == others_load && is_same {
        return one;
    }
    if seconds * weight(load) <= others * weight(others_load) {
        one
    } else {
        other
    }
}

#[expect(clippy::cast_precision_loss, reason = "24 bits are enough to compare")]
fn weight(load: usize) -> f32 {
    load as f32
}

/// The latency in the middle of those that are known.
pub(super) fn median(endpoints: &[Arc<Endpoint>], now: Instant) -> Option<f32> {
    let known = endpoints.iter().filter(|endpoint| endpoint.is_plain());
    let seconds = |endpoint: &Arc<Endpoint>| endpoint.seconds(millis(endpoint.epoch, now));
    let mut known: Vec<_> = known.filter_map(seconds).collect();
    known.sort_unstable_by(f32::total_cmp);
    known.get(known.len() / 2).copied()
}
