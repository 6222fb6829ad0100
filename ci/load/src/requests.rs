//! Requests at a fixed rate, whatever becomes of the ones before.

use reqwest::Method;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::report::Recorder;
use crate::target::Target;

/// Requests in flight beyond which the platform has collapsed, and more would only hurt the machine.
const IN_FLIGHT: usize = 2_000;
/// Every so many requests one has a connection of its own.
const FRESH: u64 = 4;

pub(crate) async fn run(
    target: Arc<Target>,
    recorder: Arc<Recorder>,
    stop: CancellationToken,
    rate: u32,
) {
    if rate == 0 {
        return;
    }
    let mut arrivals = tokio::time::interval(Duration::from_secs(1) / rate);
    // A late arrival is not left out: it comes at once, and counts from when it was due.
    arrivals.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut tasks = JoinSet::new();
    let mut number = 0;
    while let Some(due) = stop.run_until_cancelled(arrivals.tick()).await {
        while tasks.try_join_next().is_some() {}
        if tasks.len() >= IN_FLIGHT {
            recorder.failed(format!("{IN_FLIGHT} requests are in flight"));
            continue;
        }
        number += 1;
        let (target, recorder) = (Arc::clone(&target), Arc::clone(&recorder));
        tasks.spawn(async move {
            match send(&target, number).await {
                Ok(()) => recorder.answered(Instant::now().duration_since(due.into_std())),
                Err(why) => recorder.failed(why),
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

async fn send(target: &Target, number: u64) -> Result<(), String> {
    let fresh = number.is_multiple_of(FRESH);
    let request = match number % 3 {
        0 => target.request(number, fresh, Method::GET, "/api/v1/me"),
        1 => {
            let path = format!("/api/v1/assistants/{}", target.assistant);
            target.request(number, fresh, Method::GET, &path)
        }
        _ => {
            let path = format!("/api/v1/assistants/{}/parse", target.assistant);
            // Every text is new, so that no cache answers.
            let text = format!("I would like to report my meter reading {number}");
            target
                .request(number, fresh, Method::POST, &path)
                .json(&json!({ "text": text }))
        }
    };
    let response = request.send().await.map_err(|error| chain(&error))?;
    let status = response.status();
    let body = response.bytes().await.map_err(|error| chain(&error))?;
    if status.is_success() {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&body);
    Err(format!(
        "{status}: {}",
        body.chars().take(300).collect::<String>()
    ))
}

/// An error with its causes, which is where the reason stands.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
