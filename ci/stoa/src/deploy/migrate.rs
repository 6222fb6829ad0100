//! Runs a stack's jobs, the migrations among them, and reads how they really ended.

use bollard::models::{Task, TaskState};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

use super::cause::{Cause, CauseKind, error_of, failed_task};
use super::facts::{has_failed, newest_first};
use super::jobs;
use super::judge::View;
use super::site::Site;
use super::submit::{Others, submit};

const POLL: Duration = Duration::from_millis(500);

/// Runs the jobs of `document` wave by wave; the first that fails is the end.
pub(super) async fn run(
    site: &Site,
    stack: &str,
    document: &Value,
    deadline: Instant,
) -> Result<(), Cause> {
    for wave in jobs::waves(document)? {
        let names: Vec<_> = jobs::names(&wave)
            .into_iter()
            .map(|name| format!("{stack}_{name}"))
            .collect();
        site.progress.step(&format!("run {}", names.join(", ")));
        remove_left_overs(site, &names).await?;
        submit(site, stack, &wave, Others::Keep).await?;
        wait(site, &wave, stack, deadline).await?;
    }
    Ok(())
}

/// A job that an aborted attempt has left behind would count as done.
async fn remove_left_overs(site: &Site, names: &[String]) -> anyhow::Result<()> {
    let docker = site.engine().docker;
    let view = View::of(&site.engine()).await?;
    for name in names {
        if view.services.contains_key(name) {
            docker.delete_service(name).await?;
        }
    }
    Ok(())
}

async fn wait(site: &Site, wave: &Value, stack: &str, deadline: Instant) -> Result<(), Cause> {
    let mut poll = tokio::time::interval(POLL);
    loop {
        poll.tick().await;
        let mut open = Vec::new();
        match View::of(&site.engine()).await {
            Err(error) => {
                open.push(format!("{error:#}"));
                drop(site.reconnect().await);
            }
            Ok(view) => {
                for name in jobs::names(wave) {
                    let entry = &wave["services"][&name];
                    let name = format!("{stack}_{name}");
                    if !is_done(&name, entry, view.tasks_of(&name))? {
                        open.push(name);
                    }
                }
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(overdue(site, &open).await);
        }
    }
}

/// Whether a job has done its work; an error if it never will.
fn is_done(name: &str, entry: &Value, tasks: &[Task]) -> Result<bool, Cause> {
    let failures: Vec<_> = tasks.iter().filter(|task| has_failed(task)).collect();
    let allowed = match entry["deploy"]["restart_policy"]["condition"].as_str() {
        Some("none") => 0,
        _ => entry["deploy"]["restart_policy"]["max_attempts"]
            .as_u64()
            .unwrap_or_default(),
    };
    if failures.len() as u64 > allowed
        && let Some(task) = failures.iter().min_by(|a, b| newest_first(a, b))
    {
        let mut cause = Cause::new(CauseKind::Migration, format!("{name}: {}", error_of(task)));
        cause.task = failed_task(name, task);
        return Err(cause);
    }
    let done = |task: &&Task| {
        task.status.as_ref().and_then(|status| status.state) == Some(TaskState::COMPLETE)
    };
    let wanted = entry["deploy"]["replicas"].as_u64().unwrap_or(1);
    Ok(tasks.iter().filter(done).count() as u64 >= wanted)
}

async fn overdue(site: &Site, open: &[String]) -> Cause {
    let detail = format!("{} did not end in time", open.join(", "));
    let mut cause = Cause::new(CauseKind::Migration, detail);
    if let Ok(view) = View::of(&site.engine()).await {
        cause.task = open.iter().find_map(|name| {
            let task = view.tasks_of(name).first()?;
            failed_task(name, task)
        });
    }
    cause
}
