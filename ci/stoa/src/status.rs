//! `stoa status`: what runs on a cluster, what does not, and who is at work on it.

use bollard::models::{Service, Task, TaskState};
use bollard::query_parameters::{ListServicesOptions, ListTasksOptions};
use std::path::Path;

use crate::cluster::{Cluster, Engine};
use crate::deploy::{lock, short};
use crate::release::History;

/// Of which cluster.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StatusOptions {
    /// One of `stacks/clusters/`.
    #[arg(long)]
    pub(crate) cluster: String,
}

/// Prints the services, the live release and the lock.
#[expect(
    clippy::print_stdout,
    reason = "the table is what standard output is for"
)]
pub(crate) async fn run(options: &StatusOptions, root: &Path) -> anyhow::Result<()> {
    let cluster = Cluster::load(root, &options.cluster)?;
    let engine = cluster.connect().await?;
    match History::new(&engine).live().await? {
        None => println!("no release runs on {}", options.cluster),
        Some(live) => println!(
            "{} runs release {} ({}), deployed by {}",
            options.cluster,
            live.number,
            short(&live.version),
            live.by
        ),
    }
    match lock::holder(&engine).await? {
        None => println!("nobody deploys"),
        Some(holder) => println!("locked: {holder}"),
    }
    if !cluster.addresses.is_empty() {
        println!("clients reach it at {}", cluster.addresses.join(", "));
    }
    let rows = rows(&engine).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let width = rows
        .iter()
        .map(|row| row.name.len())
        .max()
        .unwrap_or_default();
    println!(
        "\n{:<width$}  {:>7}  {:<40}  last error",
        "service", "running", "image"
    );
    for Row {
        name,
        running,
        wanted,
        image,
        error,
    } in rows
    {
        let count = format!("{running}/{wanted}");
        println!(
            "{}",
            format!("{name:<width$}  {count:>7}  {image:<40}  {error}").trim_end()
        );
    }
    Ok(())
}

struct Row {
    name: String,
    running: u64,
    wanted: u64,
    image: String,
    error: String,
}

async fn rows(engine: &Engine) -> anyhow::Result<Vec<Row>> {
    let with_status = ListServicesOptions {
        status: Some(true),
        ..ListServicesOptions::default()
    };
    let (services, tasks) = tokio::try_join!(
        engine.docker.list_services(Some(with_status)),
        engine.docker.list_tasks(None::<ListTasksOptions>),
    )?;
    let mut rows: Vec<_> = services
        .iter()
        .map(|service| row(service, &tasks))
        .collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(rows)
}

fn row(service: &Service, tasks: &[Task]) -> Row {
    let spec = service.spec.clone().unwrap_or_default();
    let container = spec
        .task_template
        .and_then(|template| template.container_spec);
    let image = container
        .and_then(|container| container.image)
        .unwrap_or_default();
    let status = service.service_status.clone().unwrap_or_default();
    let mine = tasks.iter().filter(|task| task.service_id == service.id);
    let failed = mine.filter(|task| {
        let state = task.status.as_ref().and_then(|status| status.state);
        matches!(
            state,
            Some(TaskState::FAILED | TaskState::REJECTED | TaskState::PENDING)
        )
    });
    let last = failed.max_by(|a, b| a.updated_at.cmp(&b.updated_at));
    let error = last.and_then(|task| task.status.as_ref()?.err.clone());
    Row {
        name: spec.name.unwrap_or_default(),
        running: status.running_tasks.unwrap_or_default(),
        wanted: status.desired_tasks.unwrap_or_default(),
        image: short_image(&image),
        error: error.unwrap_or_default(),
    }
}

/// Name, version and digest, shortened.
fn short_image(image: &str) -> String {
    let (name, digest) = image.split_once('@').unwrap_or((image, ""));
    let name = name.rsplit('/').next().unwrap_or(name);
    let (name, version) = name.split_once(':').unwrap_or((name, ""));
    let digest = digest.trim_start_matches("sha256:");
    let digest = digest.get(..12).unwrap_or(digest);
    let at = if digest.is_empty() { "" } else { "@" };
    format!("{name}:{}{at}{digest}", short(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_shortened_to_what_tells_it_apart() {
        let image = format!(
            "r.test:5000/stoa/api:{}@sha256:{}",
            "ab".repeat(20),
            "cd".repeat(32)
        );
        assert_eq!(short_image(&image), "api:abababababab@cdcdcdcdcdcd");
        assert_eq!(short_image("redis"), "redis:");
    }
}
