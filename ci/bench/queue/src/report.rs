//! Measures part by part, and prints what came out.

#![expect(clippy::print_stdout, reason = "the tables are the result")]

use crate::bench::{Bench, Part};
use crate::crash::{self, Recovery};
use crate::goals::goals;
use crate::latency::{self, Latency};
use crate::proc;
use crate::robust::Trial;
use crate::system::System;
use crate::throughput::{self, Throughput};

/// What was measured, or why not.
type Measured<T> = Vec<(System, Result<T, String>)>;

/// What was measured of every system.
#[derive(Default)]
pub(crate) struct Results {
    costs: Measured<Throughput>,
    latencies: Measured<Latency>,
}

impl Results {
    pub(crate) fn cost(&self, system: System) -> Option<Throughput> {
        find(&self.costs, system)
    }

    pub(crate) fn latency(&self, system: System) -> Option<Latency> {
        find(&self.latencies, system)
    }
}

fn find<T: Copy>(measured: &Measured<T>, wanted: System) -> Option<T> {
    let mut all = measured.iter();
    let (_, result) = all.find(|(system, _)| *system == wanted)?;
    result.as_ref().ok().copied()
}

/// The whole run.
pub(crate) async fn run(bench: Bench) -> anyhow::Result<()> {
    let parts = bench.options.parts.clone();
    let mut results = Results::default();
    println!(
        "Machine: {}; 200-byte job that does nothing\n",
        proc::machine()?
    );
    if parts.contains(&Part::Cost) {
        results.costs = costs(&bench).await;
        print_costs(&results);
    }
    if parts.contains(&Part::Latency) {
        results.latencies = latencies(&bench).await;
        print_latencies(&results);
    }
    if parts.contains(&Part::Crash) {
        print_recoveries(&bench).await;
    }
    if parts.contains(&Part::Robust) {
        print_trials(&bench).await;
    }
    if parts.contains(&Part::Cost) || parts.contains(&Part::Latency) {
        print_goals(&results);
    }
    Ok(())
}

/// The rounds go over all systems, so that a busy minute of the machine meets each.
async fn costs(bench: &Bench) -> Measured<Throughput> {
    let systems = bench.systems();
    let mut rounds = vec![Vec::new(); systems.len()];
    for round in 1..=bench.options.rounds.max(1) {
        for (system, results) in systems.iter().zip(&mut rounds) {
            note(*system, &format!("cost, round {round}"));
            results.push(
                throughput::measure(bench, *system)
                    .await
                    .map_err(|error| reason(&error)),
            );
        }
    }
    systems
        .into_iter()
        .zip(rounds.into_iter().map(median))
        .collect()
}

/// The round whose CPU is in the middle; a failure where most failed.
fn median(mut rounds: Vec<Result<Throughput, String>>) -> Result<Throughput, String> {
    let cpu = |round: &Result<Throughput, String>| round.as_ref().map_or(f64::MAX, |it| it.cpu());
    rounds.sort_by(|one, other| cpu(one).total_cmp(&cpu(other)));
    rounds.swap_remove((rounds.len() - 1) / 2)
}

async fn latencies(bench: &Bench) -> Measured<Latency> {
    let mut latencies = Vec::new();
    for system in bench.systems() {
        // Their latency is that of the same system with other settings.
        if matches!(
            system,
            System::OursDefault | System::OursOnce | System::ApalisTuned
        ) {
            continue;
        }
        note(system, "latency");
        latencies.push((
            system,
            latency::measure(bench, system)
                .await
                .map_err(|error| reason(&error)),
        ));
    }
    latencies
}

fn print_costs(results: &Results) {
    println!("## CPU of a job in microseconds (client + broker), rates, memory of the worker\n");
    println!("| system | enqueue | process | both | ours is | enqueued/s | done/s | MB |");
    println!("|---|---|---|---|---|---|---|---|");
    let ours = results.cost(System::Ours).map(Throughput::cpu);
    for (system, result) in &results.costs {
        match result {
            Err(why) => println!("| {} | {why} | | | | | | |", system.name()),
            Ok(it) => println!(
                "| {} | {:.1} + {:.1} | {:.1} + {:.1} | {:.1} | {} | {:.0} | {:.0} | {} |",
                system.name(),
                it.enqueue.client,
                it.enqueue.broker,
                it.process.client,
                it.process.broker,
                it.cpu(),
                ours.map_or("-".into(), |ours| fraction(ours / it.cpu())),
                it.enqueue.rate,
                it.process.rate,
                it.resident / 1_000_000,
            ),
        }
    }
    println!();
}

fn print_latencies(results: &Results) {
    println!("## From enqueue to start at 20 jobs a second, in milliseconds\n");
    println!("| system | p50 | p99 |\n|---|---|---|");
    for (system, result) in &results.latencies {
        let ms = |it: std::time::Duration| it.as_secs_f64() * 1000.0;
        match result {
            Err(why) => println!("| {} | {why} | |", system.name()),
            Ok(it) => println!(
                "| {} | {:.2} | {:.1} |",
                system.name(),
                ms(it.p50),
                ms(it.p99)
            ),
        }
    }
    println!();
}

async fn print_recoveries(bench: &Bench) {
    println!(
        "## Worker killed after a third of 2000 jobs of 50 ms, ten at a time; back after 1 s\n"
    );
    println!("| system | running | started twice | ended twice | lost | all done after |");
    println!("|---|---|---|---|---|---|");
    for system in bench.systems() {
        let Some(limit) = system.recovery_limit() else {
            continue;
        };
        if limit > std::time::Duration::from_mins(1) && bench.options.crash == 0 {
            println!("| {} | not tried: `CRASH=1` | | | | |", system.name());
            continue;
        }
        note(system, "crash");
        match crash::measure(bench, system, limit).await {
            Err(error) => println!("| {} | {} | | | | |", system.name(), reason(&error)),
            Ok(it) => println!("| {} | {} |", system.name(), recovery(&it)),
        }
    }
    println!(
        "| {} | not tried: its visibility timeout is an hour | | | | |\n",
        System::Celery.name()
    );
}

fn recovery(it: &Recovery) -> String {
    let Recovery {
        running,
        started_twice,
        ended_twice,
        lost,
        took,
    } = it;
    let more = if *lost > 0 { "> " } else { "" };
    format!(
        "{running} | {started_twice} | {ended_twice} | {lost} | {more}{:.1} s",
        took.as_secs_f64()
    )
}

async fn print_trials(bench: &Bench) {
    println!("## Does the worker go on?\n");
    println!("| trial | system | outcome |\n|---|---|---|");
    for trial in Trial::ALL {
        for system in bench
            .systems()
            .into_iter()
            .filter(|system| trial.fits(*system))
        {
            note(system, &trial.title(bench, system));
            let outcome = match trial.run(bench, system).await {
                Err(error) => format!("no: {}", reason(&error)),
                Ok(it) => {
                    let (jobs, took) = (it.jobs, it.took.as_secs_f64());
                    format!("yes: {jobs} done {took:.0} s after {}", trial.since())
                }
            };
            println!(
                "| {} | {} | {outcome} |",
                trial.title(bench, system),
                system.name()
            );
        }
    }
    println!();
}

fn print_goals(results: &Results) {
    println!("## Goals\n");
    println!("| ours compared with | goal, at most | reached | |\n|---|---|---|---|");
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

/// What a ratio is as a fraction or a multiple.
pub(crate) fn fraction(ratio: f64) -> String {
    if ratio < 0.995 {
        format!("1/{:.1}", 1.0 / ratio)
    } else {
        format!("{ratio:.1} x")
    }
}

/// An error on one line of a table.
fn reason(error: &anyhow::Error) -> String {
    let text = format!("{error:#}").replace(['\n', '|'], " ");
    text.chars().take(300).collect()
}

#[expect(clippy::print_stderr, reason = "the run takes minutes")]
fn note(system: System, what: &str) {
    eprintln!("{}: {what}", system.name());
}
