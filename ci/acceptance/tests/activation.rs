//! What users notice when another version of a model is activated: nothing but its answers.

use acceptance::Platform;
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const DATA: &str = include_str!("../data/training.csv");

/// Who asks at a time.
const ASKERS: usize = 4;
/// How long each waits after an answer: together they stay far below what the gateway lets one account ask for.
const PAUSE: Duration = Duration::from_millis(40);
/// Activations to and fro.
const ACTIVATIONS: usize = 8;
/// After this long every replica answers with the version that was activated: a second, and room for a busy machine.
const SPREAD: Duration = Duration::from_secs(2);

/// The same utterances under other names: what a version has learned shows in its answers.
fn renamed(prefix: &str) -> String {
    let mut lines = DATA.lines();
    let head = lines.next().into_iter().map(str::to_owned);
    let line = |line: &str| match line.rsplit_once(',') {
        Some((text, intent)) if is_name(intent) => format!("{text},{prefix}{intent}"),
        _ => line.to_owned(),
    };
    let all: Vec<String> = head.chain(lines.map(line)).collect();
    all.join("\n")
}

fn is_name(intent: &str) -> bool {
    !intent.is_empty() && intent.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// An answer, when it was asked for, and when it came.
struct Answered {
    asked: Instant,
    told: Instant,
    version: i64,
}

/// An assistant with two versions; the intents of the first begin with `a_`, those of the second with `b_`.
async fn two_versions(platform: &Platform) -> Result<String> {
    let assistant = platform.create_assistant("Activation").await?;
    let path = format!("/api/v1/assistants/{assistant}");
    for (prefix, activate) in [("a_", true), ("b_", false)] {
        let data = format!("{path}/training-data");
        platform
            .put(&data, "text/csv", renamed(prefix))
            .await?
            .expect(200)?;
        let trainings = format!("{path}/trainings");
        let started = platform
            .post(&trainings, &json!({"activate": activate}))
            .await?;
        let started = started.expect(202)?;
        let training = platform.finished_training(started["id"].as_str().context("no id")?);
        let training = training.await?;
        ensure!(training["status"] == "succeeded", "{training}");
    }
    Ok(assistant)
}

/// Asks until it is told to stop, in turn what is learned and what is new to it, so that answers come out of cache and
/// engine; every answer must be that of the version that it names.
async fn ask(
    platform: Platform,
    assistant: String,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Answered>> {
    let texts: Vec<&str> = DATA
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    let mut answers = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = answers.len();
        let known = texts[number % texts.len()];
        let text = if number % 2 == 0 {
            known.to_owned()
        } else {
            format!("{known} {number}")
        };
        let asked = Instant::now();
        let answer = platform.parse(&assistant, &text).await?;
        answers.push(Answered {
            asked,
            told: Instant::now(),
            version: version(&answer)?,
        });
        tokio::time::sleep(PAUSE).await;
    }
    Ok(answers)
}

/// The version that an answer names, whose own intents it must have.
fn version(answer: &Value) -> Result<i64> {
    let version = answer["model_version"].as_i64().context("no version")?;
    let own = if version == 1 { "a_" } else { "b_" };
    let ranking = answer["intent_ranking"].as_array().context("no ranking")?;
    let names = ranking
        .iter()
        .chain([&answer["intent"]])
        .filter_map(|line| line["name"].as_str());
    for name in names {
        ensure!(
            name.starts_with(own),
            "version {version} answered {name}: {answer}"
        );
    }
    Ok(version)
}

#[tokio::test]
async fn an_activation_reaches_everybody_without_a_wrong_or_failed_answer() -> Result<()> {
    let platform = Platform::sign_in().await?;
    let assistant = two_versions(&platform).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut askers = JoinSet::new();
    for _ in 0..ASKERS {
        askers.spawn(ask(platform.clone(), assistant.clone(), stop.clone()));
    }
    // Version, since when everybody has it, until when.
    let mut settled: Vec<(i64, Instant, Instant)> = Vec::new();
    for number in 0..ACTIVATIONS {
        let version = if number % 2 == 0 { 2 } else { 1 };
        let path = format!("/api/v1/assistants/{assistant}/models/{version}/activate");
        platform.post(&path, &json!({})).await?.expect(200)?;
        let since = Instant::now() + SPREAD;
        tokio::time::sleep(SPREAD + Duration::from_millis(500)).await;
        settled.push((version, since, Instant::now()));
    }
    stop.store(true, Ordering::Relaxed);
    let mut answers = Vec::new();
    while let Some(asker) = askers.join_next().await {
        answers.extend(asker??);
    }
    for (version, since, until) in settled {
        let then = answers
            .iter()
            .filter(|one| one.asked >= since && one.told <= until);
        let versions: Vec<i64> = then.map(|one| one.version).collect();
        ensure!(
            !versions.is_empty(),
            "nobody asked while version {version} was active"
        );
        ensure!(
            versions.iter().all(|one| *one == version),
            "version {version} was active: {versions:?}"
        );
    }
    Ok(())
}
