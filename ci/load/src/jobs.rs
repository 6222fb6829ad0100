//! Somebody who trains an assistant, again and again: each training is a job, which must end well.

use anyhow::{Context as _, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::report::Recorder;
use crate::target::Target;

/// A job that has not ended by then is lost. A worker that dies takes longest: its job is handed on only when its
/// lease has run out.
const LOST: Duration = Duration::from_mins(3);
/// Between two looks, and between two jobs.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn run(
    target: Arc<Target>,
    recorder: Arc<Recorder>,
    stop: CancellationToken,
    number: u64,
) {
    while !stop.is_cancelled() {
        // A job that was accepted is followed to its end even when the load is to stop.
        match begin(&target, number).await {
            Ok(training) => match follow(&target, &recorder, number, &training).await {
                Ok(()) => recorder.job_ended(),
                Err(why) => recorder.job_lost(format!("job {training}: {why:#}")),
            },
            Err(why) => recorder.failed(format!("{why:#}")),
        }
        sleep(PAUSE).await;
    }
}

async fn begin(target: &Target, number: u64) -> Result<String> {
    let assistant = target.trained(number);
    let path = format!("/api/v1/assistants/{assistant}/trainings");
    let training = target.json(number, Method::POST, &path, &json!({})).await?;
    Ok(training["id"].as_str().context("no id")?.to_owned())
}

async fn follow(target: &Target, recorder: &Recorder, number: u64, training: &str) -> Result<()> {
    let started = Instant::now();
    let path = format!("/api/v1/trainings/{training}");
    loop {
        sleep(PAUSE).await;
        let asked = Instant::now();
        let seen = match target.json(number, Method::GET, &path, &Value::Null).await {
            Ok(seen) => {
                recorder.answered(asked.elapsed());
                seen
            }
            Err(why) => {
                recorder.failed(format!("{why:#}"));
                Value::Null
            }
        };
        match seen["status"].as_str() {
            Some("succeeded") => return Ok(()),
            Some("failed") => bail!("it failed: {seen}"),
            _ if started.elapsed() > LOST => bail!("it has not ended in {LOST:?}: {seen}"),
            _ => {}
        }
    }
}
