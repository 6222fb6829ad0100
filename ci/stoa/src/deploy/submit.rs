//! Hands a stack's document to the cluster, by the Docker CLI.

use bollard::models::Service;
use bollard::query_parameters::ListServicesOptions;
use serde_json::Value;
use std::collections::HashMap;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::cause::{Cause, CauseKind};
use super::site::Site;

/// How often a submission that met another change, or no leader, is tried: managers take up to 20 s to elect one.
const ATTEMPTS: u64 = 9;
/// The longest time between two tries.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a submission may take: hundreds of services over SSH.
const TIMEOUT: Duration = Duration::from_mins(2);
/// What the CLI labels every service of a stack with.
pub(crate) const NAMESPACE: &str = "com.docker.stack.namespace";

/// Whether services that the document lacks are removed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    Keep,
    Remove,
}

/// Submits `document` as the stack `name`.
pub(super) async fn submit(
    site: &Site,
    name: &str,
    document: &Value,
    others: Others,
) -> Result<(), Cause> {
    let mut attempt = 1;
    loop {
        let host = site.engine().host;
        let output = tokio::time::timeout(TIMEOUT, run(&host, name, document, others)).await;
        let complaint = match output {
            Ok(Ok(output)) if output.status.success() => return Ok(()),
            Ok(Ok(output)) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => "no answer".to_owned(),
        };
        if attempt == ATTEMPTS || !is_passing(&complaint) {
            let detail = format!("stack {name}: {complaint}");
            return Err(Cause::new(CauseKind::Refused, detail));
        }
        tokio::time::sleep(Duration::from_secs(attempt).min(PAUSE)).await;
        attempt += 1;
        // Where no manager answers now, one may the next time.
        drop(site.reconnect().await);
    }
}

/// Whether the same submission may succeed in a moment: somebody else changed the service, or the manager is gone.
fn is_passing(complaint: &str) -> bool {
    [
        "update out of sequence",
        "no answer",
        "annot connect",
        "EOF",
        "connection refused",
        "does not have a leader",
        "context deadline exceeded",
        "error during connect",
        "code = Unavailable",
        "code = DeadlineExceeded",
    ]
    .iter()
    .any(|sign| complaint.contains(sign))
}

async fn run(host: &str, name: &str, document: &Value, others: Others) -> anyhow::Result<Output> {
    let mut command = Command::new("docker");
    command
        .args(["--host", host, "stack", "deploy", "--detach=true"])
        .args(["--resolve-image", "never", "--with-registry-auth"])
        .args((others == Others::Remove).then_some("--prune"))
        .args(["-c", "-", name])
        .env_remove("DOCKER_HOST")
        .env_remove("DOCKER_CONTEXT")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A CLI that has gone before it read everything says why on its standard error.
        drop(stdin.write_all(&serde_json::to_vec(document)?).await);
    }
    Ok(child.wait_with_output().await?)
}

/// The services of the stack `name` that there are.
pub(super) async fn services_of(site: &Site, name: &str) -> anyhow::Result<Vec<Service>> {
    let filter = HashMap::from([("label".to_owned(), vec![format!("{NAMESPACE}={name}")])]);
    let options = ListServicesOptions {
        filters: Some(filter),
        ..ListServicesOptions::default()
    };
    Ok(site.engine().docker.list_services(Some(options)).await?)
}

/// Removes every service of the stack `name`; volumes, networks, configs and secrets stay.
pub(super) async fn remove(site: &Site, name: &str) -> anyhow::Result<()> {
    for service in services_of(site, name).await? {
        if let Some(id) = service.id {
            site.engine().docker.delete_service(&id).await?;
        }
    }
    Ok(())
}
