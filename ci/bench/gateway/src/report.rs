//! Measures part by part, and prints what came out.

#![expect(clippy::print_stdout, reason = "the tables are the result")]

use crate::bench::{Bench, Part};
use crate::cost::{self, Costs};
use crate::entrant::Entrant;
use crate::goals::goals;
use crate::idle::{self, Idle};
use crate::latency::{self, Latencies, Turn};
use crate::proc;
use crate::restarts::{self, Restarts};
use crate::statistics::Spread;

/// What was measured.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) costs: Costs,
    pub(crate) latencies: Latencies,
    pub(crate) idle: Vec<Idle>,
    pub(crate) restarts: Restarts,
}

/// The whole run.
pub(crate) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let parts = bench.options.parts.clone();
    let mut results = Results::default();
    println!(
        "Machine: one core for the proxies, one for the rest, {}\n",
        proc::machine()?
    );
    if parts.contains(&Part::Cost) {
        note("cost");
        results.costs = cost::measure(bench)?;
        print_costs(&results.costs);
    }
    if parts.contains(&Part::Latency) {
        note("latency");
        results.latencies = latency::measure(bench)?;
        print_latencies(&results.latencies, bench.options.rate);
    }
    if parts.contains(&Part::Idle) {
        note("idle connections");
        results.idle = idle::measure(bench)?;
        print_idle(&results.idle, &bench.options.idle);
    }
    if parts.contains(&Part::Restarts) {
        note("restarts");
        results.restarts = restarts::measure(bench)?;
        print_restarts(&results.restarts);
    }
    print_goals(&results);
    Ok(())
}

fn print_costs(costs: &Costs) {
    println!(
        "## CPU of a request in the proxy's processes, 64 connections; medians [and quartiles] of rounds\n"
    );
    println!("| proxy | CPU, us | / nginx plain | / nginx full | requests/s |");
    println!("|---|---|---|---|---|");
    for entrant in Entrant::PROXIES {
        let base = if matches!(entrant.proxy(), Some(proxy) if proxy.is_full()) {
            Entrant::NginxWithTokens
        } else {
            Entrant::Nginx
        };
        println!(
            "| {} | {} | {} | {} | {} |",
            entrant.name(),
            spread(costs.cpu(entrant), 1),
            spread(costs.ratio(entrant, base), 2),
            spread(costs.ratio(entrant, Entrant::NginxFull), 2),
            median(costs.rate(entrant), 0),
        );
    }
    println!();
}

fn print_latencies(latencies: &Latencies, rate: u32) {
    println!("## Latency at {rate} requests a second, from when they were due, in microseconds\n");
    println!("| proxy | p50 | p99 | added p50 | added p99 | failed |\n|---|---|---|---|---|---|");
    let p50: fn(&Turn) -> f64 = |turn| turn.p50;
    let p99: fn(&Turn) -> f64 = |turn| turn.p99;
    for entrant in latency::ENTRANTS {
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            entrant.name(),
            median(latencies.of(entrant, p50), 0),
            spread(latencies.of(entrant, p99), 0),
            spread(latencies.added(entrant, p50), 0),
            spread(latencies.added(entrant, p99), 0),
            latencies.failed(entrant),
        );
    }
    println!();
}

fn print_idle(idle: &[Idle], counts: &[usize]) {
    println!("## Memory that an idle connection adds, after one request each, in bytes (PSS)\n");
    let head: Vec<_> = counts
        .iter()
        .map(|count| format!(" {count} connections |"))
        .collect();
    println!("| proxy | before, MB |{}", head.concat());
    println!("|---|---|{}", "---|".repeat(counts.len()));
    for it in idle {
        let cells: Vec<_> = it
            .per_connection
            .iter()
            .map(|bytes| format!(" {bytes} |"))
            .collect();
        println!(
            "| {} | {} |{}",
            it.entrant.name(),
            it.base / 1_000_000,
            cells.concat()
        );
    }
    println!();
}

fn print_restarts(restarts: &Restarts) {
    println!(
        "## Each of two upstreams killed for a second, under 2000 requests a second for 7 s\n"
    );
    println!(
        "| proxy | requests | failed | of them unanswered | p50, ms | p99, ms | longest, ms |\n|---|---|---|---|---|---|---|"
    );
    for (proxy, open) in restarts {
        println!(
            "| {} | {} | {} | {} | {:.2} | {:.1} | {:.0} |",
            proxy.name(),
            open.sent,
            open.failed,
            open.unanswered,
            open.quantile(0.5) / 1e3,
            open.quantile(0.99) / 1e3,
            open.quantile(1.0) / 1e3,
        );
    }
    println!();
}

fn print_goals(results: &Results) {
    println!("## Goals\n");
    println!("| ours | goal, at most | reached | |\n|---|---|---|---|");
    for goal in goals(results) {
        println!(
            "| {} | {} | {} | {} |",
            goal.what,
            goal.bar,
            goal.reached(),
            goal.verdict()
        );
    }
}

fn spread(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or("-".into(), |it| {
        let (low, median, high) = (it.low, it.median, it.high);
        format!("{median:.digits$} [{low:.digits$}-{high:.digits$}]")
    })
}

fn median(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or("-".into(), |it| format!("{:.digits$}", it.median))
}

#[expect(clippy::print_stderr, reason = "the run takes minutes")]
fn note(what: &str) {
    eprintln!("{what}");
}
