//! What a request costs: CPU of the proxy, and how many it answers in a second.

use crate::bench::Bench;
use crate::closed;
use crate::entrant::Entrant;
use crate::proc::{self, Cpu};
use crate::statistics::Spread;
use anyhow::ensure;
use std::time::Duration;

/// One turn of one entrant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// Microseconds of CPU.
    pub(crate) cpu: f64,
    /// Answers per second.
    pub(crate) rate: f64,
}

/// The turns of every entrant, in the order of the rounds.
#[derive(Default)]
pub(crate) struct Costs(Vec<(Entrant, Vec<Turn>)>);

impl Costs {
    pub(crate) fn cpu(&self, entrant: Entrant) -> Option<Spread> {
        Spread::of(self.turns(entrant).iter().map(|turn| turn.cpu))
    }

    pub(crate) fn rate(&self, entrant: Entrant) -> Option<Spread> {
        Spread::of(self.turns(entrant).iter().map(|turn| turn.rate))
    }

    /// CPU of one by CPU of another, in the same round.
    pub(crate) fn ratio(&self, one: Entrant, other: Entrant) -> Option<Spread> {
        let rounds = self.turns(one).iter().zip(self.turns(other));
        Spread::of(rounds.map(|(one, other)| one.cpu / other.cpu))
    }

    fn turns(&self, wanted: Entrant) -> &[Turn] {
        let mut all = self.0.iter();
        let found = all.find(|(entrant, _)| *entrant == wanted);
        found.map_or(&[], |(_, turns)| turns)
    }
}

/// Every entrant has a turn in each round; every other round goes backwards.
pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Costs> {
    let mut costs = Costs(Entrant::PROXIES.map(|entrant| (entrant, Vec::new())).into());
    for round in 0..bench.options.rounds {
        let mut order: Vec<_> = (0..costs.0.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            let (entrant, turns) = &mut costs.0[at];
            turns.push(turn(bench, *entrant)?);
        }
    }
    Ok(costs)
}

fn turn(bench: &Bench, entrant: Entrant) -> anyhow::Result<Turn> {
    let load = bench.load(entrant)?;
    let pids = match entrant.proxy() {
        Some(proxy) => bench.running(proxy)?.process.processes(),
        None => Vec::new(),
    };
    let window = Duration::from_millis(bench.options.slice);
    let it = closed::run(&load, window, || Cpu::of(&pids))?;
    ensure!(
        it.failed == 0,
        "{}: {} of {} requests failed",
        entrant.name(),
        it.failed,
        it.failed + it.answers
    );
    // Counts stay far below 2^52.
    let answers = Duration::from_secs(it.answers.max(1)).as_secs_f64();
    Ok(Turn {
        cpu: it.meters.1.since(&it.meters.0).as_secs_f64() * 1e6 / answers,
        rate: answers / it.took.as_secs_f64(),
    })
}

/// What the whole group of a proxy holds, in bytes.
pub(crate) fn held(bench: &Bench, entrant: Entrant) -> Option<u64> {
    let running = bench.running(entrant.proxy()?).ok()?;
    Some(proc::memory(&running.process.processes()))
}
