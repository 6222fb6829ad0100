//! What our gateway wants to reach, as ratios within one run.

use crate::entrant::Entrant::{
    self, HaproxyFull, Nginx, NginxFull, NginxWithTokens, Ours, OursFull,
};
use crate::latency::Turn;
use crate::proxies::Proxy;
use crate::report::Results;

/// A figure with its bar.
pub(crate) struct Goal {
    pub(crate) what: &'static str,
    pub(crate) bar: String,
    /// `None` where it was not measured.
    figure: Option<f64>,
    most: f64,
}

impl Goal {
    fn new(what: &'static str, most: f64, figure: Option<f64>) -> Self {
        let bar = format!("{most}");
        Self {
            what,
            bar,
            figure,
            most,
        }
    }

    pub(crate) fn reached(&self) -> String {
        self.figure
            .map_or("-".into(), |figure| format!("{figure:.2}"))
    }

    pub(crate) fn verdict(&self) -> &'static str {
        match self.figure {
            None => "not measured",
            Some(figure) if figure <= self.most => "met",
            Some(_) => "missed",
        }
    }
}

/// Every goal, in the order of the table.
pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let cpu = |one, other| Some(results.costs.ratio(one, other)?.median);
    let added = |one, other, value| added(results, one, other, value);
    let p50: fn(&Turn) -> f64 = |turn| turn.p50;
    let p99: fn(&Turn) -> f64 = |turn| turn.p99;
    vec![
        Goal::new("CPU, plain / nginx plain", 0.9, cpu(Ours, Nginx)),
        Goal::new(
            "CPU, full work / nginx plain",
            0.95,
            cpu(OursFull, NginxWithTokens),
        ),
        Goal::new(
            "CPU, full work / nginx with auth_request and limit_req",
            0.5,
            cpu(OursFull, NginxFull),
        ),
        Goal::new(
            "CPU, full work / HAProxy with jwt_verify and a stick table",
            1.0,
            cpu(OursFull, HaproxyFull),
        ),
        Goal::new(
            "added p50, plain / nginx plain",
            1.0,
            added(Ours, Nginx, p50),
        ),
        Goal::new(
            "added p99, plain / nginx plain",
            1.0,
            added(Ours, Nginx, p99),
        ),
        Goal::new(
            "added p50, full work / nginx with auth_request and limit_req",
            1.0,
            added(OursFull, NginxFull, p50),
        ),
        Goal::new(
            "added p99, full work / nginx with auth_request and limit_req",
            1.0,
            added(OursFull, NginxFull, p99),
        ),
        Goal::new("an idle connection, plain, KB", 13.0, idle(results, Ours)),
        Goal::new(
            "an idle connection, full work, KB",
            13.0,
            idle(results, OursFull),
        ),
        Goal::new("restarts: failed requests", 0.0, failed(results)),
    ]
}

/// The median of what is added, by that of another.
fn added(results: &Results, one: Entrant, other: Entrant, value: fn(&Turn) -> f64) -> Option<f64> {
    let one = results.latencies.added(one, value)?.median;
    let other = results.latencies.added(other, value)?.median;
    // Where the other adds nothing that can be seen, there is nothing to compare with.
    (other > 0.0).then_some(one / other)
}

/// With the most connections that were opened.
fn idle(results: &Results, entrant: Entrant) -> Option<f64> {
    let mut all = results.idle.iter();
    let idle = all.find(|idle| idle.entrant == entrant)?;
    let bytes = u32::try_from(*idle.per_connection.last()?).ok()?;
    Some(f64::from(bytes) / 1024.0)
}

fn failed(results: &Results) -> Option<f64> {
    let mut all = results.restarts.iter();
    let (_, open) = all.find(|(proxy, _)| *proxy == Proxy::Ours)?;
    u32::try_from(open.failed).ok().map(f64::from)
}
