//! Runs a stack's jobs, the migrations among them, and reads how they really ended.

use bollard::models::{Task, TaskState};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

use super::cause::{Cause, CauseKind, error_of, failed_task, is_pull_error};
use super::facts::{has_failed, newest_first};
use super::jobs;
use super::judge::View;
use super::site::Site;
use super::submit::{Others, submit};

const POLL: Duration = Duration::from_millis(500);
/// How often a job is started whose node does not get the image. The registry has it, as was seen before anything was
/// touched, and may be too busy for a moment; a job that has not begun can begin.
const STARTS: u32 = 3;

/// How far a job is.
enum Progress {
    Open,
    Done,
    /// It has not begun, and never will by itself.
    NotBegun(Cause),
}

/// Runs the jobs of `document` wave by wave; the first that fails is the end.
pub(super) async fn run(
    site: &Site,
    stack: &str,
    document: &Value,
    deadline: Instant,
) -> Result<(), Cause> {
    for wave in jobs::waves(document)? {
        start(site, stack, &wave, "run").await?;
        wait(site, &wave, stack, deadline).await?;
    }
    Ok(())
}

async fn start(site: &Site, stack: &str, wave: &Value, step: &str) -> Result<(), Cause> {
    let names: Vec<_> = jobs::names(wave)
        .into_iter()
        .map(|name| format!("{stack}_{name}"))
        .collect();
    site.progress.step(&format!("{step} {}", names.join(", ")));
    remove_left_overs(site, &names).await?;
    submit(site, stack, wave, Others::Keep).await
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
    let mut starts = BTreeMap::new();
    loop {
        poll.tick().await;
        let mut open = Vec::new();
        match View::of(&site.engine()).await {
            Err(error) => {
                open.push(format!("{error:#}"));
                drop(site.reconnect().await);
            }
            Ok(view) => {
                for job in jobs::names(wave) {
                    let entry = &wave["services"][&job];
                    let name = format!("{stack}_{job}");
                    match progress(&name, entry, view.tasks_of(&name))? {
                        Progress::Done => continue,
                        Progress::Open => {}
                        Progress::NotBegun(cause) => {
                            let starts = starts.entry(job.clone()).or_insert(1);
                            if *starts == STARTS {
                                return Err(cause);
                            }
                            *starts += 1;
                            let again = "its node did not get the image: run again";
                            start(site, stack, &jobs::only(wave, &job), again).await?;
                        }
                    }
                    open.push(name);
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

/// How far a job is; an error if it never will do its work.
fn progress(name: &str, entry: &Value, tasks: &[Task]) -> Result<Progress, Cause> {
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
        let has_begun = failures.iter().any(|task| !is_pull_error(task));
        let kind = if has_begun {
            CauseKind::Migration
        } else {
            CauseKind::NotPulled
        };
        let mut cause = Cause::new(kind, format!("{name}: {}", error_of(task)));
        cause.task = failed_task(name, task);
        return if has_begun {
            Err(cause)
        } else {
            Ok(Progress::NotBegun(cause))
        };
    }
    let done = |task: &&Task| {
        task.status.as_ref().and_then(|status| status.state) == Some(TaskState::COMPLETE)
    };
    let wanted = entry["deploy"]["replicas"].as_u64().unwrap_or(1);
    Ok(if tasks.iter().filter(done).count() as u64 >= wanted {
        Progress::Done
    } else {
        Progress::Open
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What becomes of a migration whose tasks ended so: the state and the error of each.
    fn outcome(tasks: &[(&str, &str)]) -> Result<Progress, Cause> {
        let task = |(state, error): &(&str, &str)| {
            let task = json!({"ID": state, "Status": {"State": state, "Err": error}});
            serde_json::from_value(task).unwrap()
        };
        let tasks: Vec<Task> = tasks.iter().map(task).collect();
        let entry = json!({"deploy": {"restart_policy": {"condition": "none"}}});
        progress("platform_api-migrate", &entry, &tasks)
    }

    #[test]
    fn a_job_that_has_not_begun_for_its_image_may_begin_again_and_one_that_failed_may_not() {
        let not_pulled = ("rejected", "No such image: r/api:2@sha256:bb");
        let failed = ("failed", "task: non-zero exit (1)");
        assert!(matches!(outcome(&[]), Ok(Progress::Open)));
        assert!(matches!(outcome(&[("complete", "")]), Ok(Progress::Done)));
        assert!(matches!(outcome(&[not_pulled]), Ok(Progress::NotBegun(_))));
        assert!(outcome(&[failed]).is_err());
        assert!(outcome(&[not_pulled, failed]).is_err());
    }
}
