//! What a failed attempt says: its cause, the last lines of the task that shows it, and what to do.

use super::cause::Cause;
use super::prepare::short;
use super::site::Site;
use crate::logs;
use crate::release::{Kind, Release};

/// How many lines of a failed task are shown.
const LINES: u32 = 20;

/// Prints the cause and the log of the task that shows it.
pub(super) async fn failure(site: &Site, release: &Release, cause: &Cause) {
    site.progress.clear();
    site.progress
        .line(&format!("{} FAILED", title(site, release)));
    eprintln!("cause: {cause}");
    if let Some(task) = &cause.task {
        match logs::of_task(&site.engine().docker, &task.id, LINES).await {
            Ok(lines) if lines.is_empty() => eprintln!("{} wrote nothing", task.name),
            Ok(lines) => {
                eprintln!("the last {} lines of {}:", lines.len(), task.name);
                for line in lines {
                    eprintln!("    {line}");
                }
            }
            Err(error) => eprintln!("the log of {} cannot be had: {error:#}", task.name),
        }
    }
    eprintln!("what to do: {}", cause.kind.advice());
}

/// What an attempt is called.
pub(super) fn title(site: &Site, release: &Release) -> String {
    let cluster = &site.cluster.name;
    let (number, version) = (release.number, short(&release.version));
    match release.kind {
        Kind::Deploy => format!("release {number}: deploy {version} to {cluster}"),
        Kind::Rollback { to } => {
            format!("release {number}: roll {cluster} back to release {to} ({version})")
        }
    }
}
