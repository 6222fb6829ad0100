//! What a proxy adds to the latency at a fixed rate.

use crate::bench::Bench;
use crate::entrant::Entrant;
use crate::open;
use crate::statistics::Spread;
use std::time::Duration;

/// Who has a turn in each round.
pub(crate) const ENTRANTS: [Entrant; 7] = [
    Entrant::Direct,
    Entrant::Nginx,
    Entrant::Haproxy,
    Entrant::Ours,
    Entrant::NginxFull,
    Entrant::HaproxyFull,
    Entrant::OursFull,
];
/// Until the connections and what they wake up are warm.
const WARM: Duration = Duration::from_millis(300);

/// One turn; latencies in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Requests that failed: it does not stand this rate.
    pub(crate) failed: u64,
}

/// The turns of every entrant, in the order of the rounds.
#[derive(Default)]
pub(crate) struct Latencies(Vec<(Entrant, Vec<Turn>)>);

impl Latencies {
    pub(crate) fn of(&self, entrant: Entrant, value: fn(&Turn) -> f64) -> Option<Spread> {
        Spread::of(self.turns(entrant).iter().map(value))
    }

    /// Requests that failed in all rounds.
    pub(crate) fn failed(&self, entrant: Entrant) -> u64 {
        self.turns(entrant).iter().map(|turn| turn.failed).sum()
    }

    /// What comes on top of an answer without a proxy, in the same round.
    pub(crate) fn added(&self, entrant: Entrant, value: fn(&Turn) -> f64) -> Option<Spread> {
        let rounds = self.turns(entrant).iter().zip(self.turns(Entrant::Direct));
        Spread::of(rounds.map(|(proxied, direct)| value(proxied) - value(direct)))
    }

    fn turns(&self, wanted: Entrant) -> &[Turn] {
        let mut all = self.0.iter();
        let found = all.find(|(entrant, _)| *entrant == wanted);
        found.map_or(&[], |(_, turns)| turns)
    }
}

/// Every entrant has a turn in each round; every other round goes backwards.
pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies(ENTRANTS.map(|entrant| (entrant, Vec::new())).into());
    for round in 0..bench.options.rounds {
        let mut order: Vec<_> = (0..latencies.0.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            let (entrant, turns) = &mut latencies.0[at];
            turns.push(turn(bench, *entrant)?);
        }
    }
    Ok(latencies)
}

fn turn(bench: &Bench, entrant: Entrant) -> anyhow::Result<Turn> {
    let load = bench.load(entrant)?;
    open::run(&load, bench.options.rate, WARM)?;
    let slice = Duration::from_millis(bench.options.slice);
    let it = open::run(&load, bench.options.rate, slice)?;
    Ok(Turn {
        p50: it.quantile(0.5),
        p99: it.quantile(0.99),
        failed: it.failed,
    })
}
