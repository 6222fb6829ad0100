//! `make bench AREA=nlu`: the public data sets, learned and asked through the public door of the running platform.
//!
//! One default configuration, the official splits, nothing tuned for a data set. One request is in flight at a time, the
//! next when it is answered, and each text is asked once, so the cache knows none of them. Other sets that lie beside
//! them are learned and assessed as they are ([`others`]).

#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(
    clippy::cast_precision_loss,
    reason = "times are small, and are printed with two digits"
)]

#[path = "../../../../services/ml/tests/support/datasets.rs"]
mod datasets;
mod others;
#[path = "../../../../services/ml/tests/support/scores.rs"]
mod scores;

use acceptance::Platform;
use anyhow::{Context as _, Result, anyhow};
use datasets::Dataset;
use scores::{calibration_error, share};
use serde_json::json;
use std::time::Instant;
use stoa_contracts::parse::ParseResult;

/// Keys that take turns: a single one may ask no more than 200 times a second by default, so these suffice down to 0.6 ms.
const KEYS: usize = 8;

/// What came back, in the order of the test.
struct Answers {
    answers: Vec<ParseResult>,
    micros: Vec<u128>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let folder = match datasets::folder() {
        Ok(folder) => folder,
        Err(message) => {
            println!("skipped: {message}");
            return Ok(());
        }
    };
    let platform = Platform::sign_in().await?;
    println!(
        "| data set, through the platform | in scope % | out of scope % | ECE % | train s | answer ms p50 / p99 | model MB |"
    );
    println!("|---|---|---|---|---|---|---|");
    for load in [datasets::clinc150, datasets::banking77] {
        let dataset = load(&folder).map_err(|error| anyhow!("{error}"))?;
        measure(&platform, &dataset).await?;
    }
    others::measure(&platform, &folder).await
}

async fn measure(platform: &Platform, dataset: &Dataset) -> Result<()> {
    let assistant = platform.create_assistant(dataset.name).await?;
    let path = format!("/api/v1/assistants/{assistant}");
    let data = serde_json::to_string(&dataset.train)?;
    let place = format!("{path}/training-data");
    let put = platform.put(&place, "application/json", data);
    put.await?.expect(200)?;
    let training = platform.train(&assistant).await?;
    let metrics = &training["metrics"];
    let seconds = metrics["seconds"]
        .as_f64()
        .with_context(|| training.to_string())?;
    let bytes = metrics["bytes"]
        .as_f64()
        .with_context(|| training.to_string())?;
    let Answers { answers, micros } = ask(platform, &assistant, dataset).await?;
    let percentile = |part: usize| micros[(micros.len() - 1) * part / 100] as f64 / 1e3;
    println!(
        "| {} | {} | {} | {:.2} | {seconds:.1} | {:.2} / {:.2} | {:.1} |",
        dataset.name,
        share(dataset, &answers, true),
        share(dataset, &answers, false),
        calibration_error(dataset, &answers),
        percentile(50),
        percentile(99),
        bytes / 1e6,
    );
    let removed = platform.request(reqwest::Method::DELETE, &path);
    acceptance::answer(removed).await?.expect(204)?;
    Ok(())
}

async fn ask(platform: &Platform, assistant: &str, dataset: &Dataset) -> Result<Answers> {
    let askers = askers(platform, assistant).await?;
    let mut answers = Vec::new();
    let mut micros = Vec::new();
    for ((text, _), asker) in dataset.test.iter().zip(askers.iter().cycle()) {
        let started = Instant::now();
        let answer = asker.parse(assistant, text).await?;
        micros.push(started.elapsed().as_micros());
        answers.push(serde_json::from_value(answer)?);
    }
    micros.sort_unstable();
    Ok(Answers { answers, micros })
}

/// Clients with keys of the assistant, which go with it. Each has asked once, so the gateway knows its key.
async fn askers(platform: &Platform, assistant: &str) -> Result<Vec<Platform>> {
    let key = json!({ "name": "Benchmark", "role": "viewer", "assistant_id": assistant });
    let mut askers = Vec::new();
    for number in 0..KEYS {
        let made = platform.post("/api/v1/api-keys", &key).await?.expect(201)?;
        let asker = platform.with_token(made["key"].as_str().context("no key")?);
        asker.parse(assistant, &format!("asker {number}")).await?;
        askers.push(asker);
    }
    Ok(askers)
}
