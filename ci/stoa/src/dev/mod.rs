//! `stoa dev`: the platform as plain processes, without Docker.
//!
//! Private PostgreSQL and Redis servers, every service's binary and the console's development
//! server, on loopback ports, under `.stoa/dev`; rebuilt and restarted when a source changes.

mod background;
mod build;
mod layout;
mod options;
mod platform;
mod reload;
mod secrets;
mod servers;
mod supervisor;
mod tools;
mod watch;

pub(crate) use options::DevOptions;
use platform::Platform;
use std::path::Path;
use supervisor::say;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Whom the first migration creates and the demo signs in as.
const EMAIL: &str = "demo@stoa.localhost";
/// The account of that user, which operates the queues.
const ACCOUNT: &str = "01941f29-7c00-7000-8000-000000000001";

/// Runs the platform until it is told to end, or does what `--detach`, `--stop` and `--wipe` say.
pub(crate) async fn run(options: &DevOptions, root: &Path) -> anyhow::Result<()> {
    let state = std::path::absolute(root.join(&options.state))?;
    if options.stop || options.wipe {
        background::stop(&state).await?;
        return if options.wipe {
            servers::wipe(root, &state)
        } else {
            Ok(())
        };
    }
    std::fs::create_dir_all(&state)?;
    if options.detach {
        return background::detach(&state).await;
    }
    background::refuse_second(&state)?;
    let _claim = background::Claim::new(&state)?;
    let stop = CancellationToken::new();
    tokio::spawn(cancel_on_signal(stop.clone()));
    let servers_stop = CancellationToken::new();
    let (services, servers) = (TaskTracker::new(), TaskTracker::new());
    let platform = Platform::prepare(options, root, &state).await?;
    let outcome = platform
        .run((&services, &stop), (&servers, &servers_stop))
        .await;
    stop.cancel();
    services.close();
    services.wait().await;
    servers_stop.cancel();
    servers.close();
    servers.wait().await;
    say("stoa", "stopped");
    outcome
}

async fn cancel_on_signal(stop: CancellationToken) {
    supervisor::told_to_end().await;
    say("stoa", "stopping");
    stop.cancel();
}
