//! `make soak`: deploys and rollbacks under load, one after the other, and a line of a table for each.

#![expect(clippy::print_stdout, reason = "the table is the result")]

use anyhow::{Result, ensure};
use clap::Parser;
use delivery::{Platform, Step};
use load::{Phase, Report};
use std::time::{Duration, Instant};

#[derive(Parser)]
#[command(about = "Deploys and rolls back under load, over and over", version)]
struct Cli {
    /// How often.
    #[arg(long, env = "DEPLOYMENTS", default_value_t = 2_000)]
    deployments: u32,
    /// No further one begins after so many minutes.
    #[arg(long, env = "MINUTES", default_value_t = 60)]
    minutes: u64,
    #[arg(long, default_value = "production")]
    cluster: String,
    /// Requests per second.
    #[arg(long, default_value_t = 30)]
    rate: u32,
    /// People who talk.
    #[arg(long, default_value_t = 4)]
    conversations: u32,
    /// Jobs in the queue or worked on.
    #[arg(long, default_value_t = 1)]
    jobs: u32,
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let mut platform = Platform::on(&cli.cluster)?;
    platform.import_demo()?;
    let load = platform.load(cli.rate, cli.conversations, cli.jobs).await?;
    println!(
        "| deployment | what | s | requests | failed | dropped | jobs | lost | p50 ms | p99 ms | managers MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let started = Instant::now();
    let limit = Duration::from_mins(cli.minutes);
    let mut done = 0;
    while done < cli.deployments && started.elapsed() < limit {
        done += 1;
        let step = if done % 2 == 1 {
            Step::Deploy
        } else {
            Step::Rollback
        };
        load.phase(&done.to_string());
        let began = Instant::now();
        step.take(&mut platform)?;
        let seconds = began.elapsed().as_secs();
        let memory = platform.managers_memory()?;
        if let Some(phase) = load.report().phases.last() {
            println!("{}", row(phase, step, seconds, &memory));
        }
    }
    conclude(done, &load.stop().await?)
}

/// A line of the table.
fn row(phase: &Phase, step: Step, seconds: u64, memory: &[u64]) -> String {
    let ms = |share| phase.quantile(share).as_secs_f64() * 1e3;
    let memory: Vec<_> = memory.iter().map(ToString::to_string).collect();
    format!(
        "| {} | {} | {seconds} | {} | {} | {} | {} | {} | {:.1} | {:.1} | {} |",
        phase.name,
        step.name(),
        phase.requests,
        phase.failed,
        phase.dropped,
        phase.jobs,
        phase.jobs_lost,
        ms(0.5),
        ms(0.99),
        memory.join(" ")
    )
}

/// The sum, and what failed, in words.
fn conclude(done: u32, report: &Report) -> Result<()> {
    let (requests, failures) = (report.requests(), report.failures());
    println!("{done} deployments, {requests} requests, {failures} failures");
    for phase in &report.phases {
        for sample in &phase.samples {
            println!("{}: {sample}", phase.name);
        }
    }
    ensure!(failures == 0, "{failures} failures");
    Ok(())
}
