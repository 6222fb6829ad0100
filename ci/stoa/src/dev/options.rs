//! What the command line and the environment of the caller say.

use anyhow::{Context as _, ensure};
use std::path::PathBuf;

/// The port of the public door, as in Compose.
const PORT: u16 = 8080;

/// How to run the platform.
#[derive(Clone, Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct DevOptions {
    /// Where the gateway listens, on 127.0.0.1; 0 takes a free port. `STOA_PORT` or 8080 if not given.
    #[arg(long)]
    port: Option<u16>,
    /// Where data, secrets and logs are kept.
    #[arg(long, default_value = ".stoa/dev")]
    pub(super) state: PathBuf,
    /// Where the demo is written for scripts, and remembered for the next run.
    #[arg(long, default_value = ".stoa/demo.env")]
    pub(super) env_file: PathBuf,
    /// Leave the console out; needs no Node then.
    #[arg(long)]
    pub(super) no_web: bool,
    /// Serve the console as it is built for users, in place of its development server.
    #[arg(long, conflicts_with = "no_web")]
    pub(super) built_web: bool,
    /// Do not import the demo.
    #[arg(long)]
    pub(super) no_demo: bool,
    /// Build with optimisations.
    #[arg(long)]
    pub(super) release: bool,
    /// Return once everything is ready, and leave it running.
    #[arg(long, conflicts_with_all = ["stop", "wipe"])]
    pub(super) detach: bool,
    /// Stop the platform that was left running.
    #[arg(long)]
    pub(super) stop: bool,
    /// Stop it, and remove its data and secrets.
    #[arg(long)]
    pub(super) wipe: bool,
}

/// What may come from the environment as well: `make dev STOA_PORT=8090 QUEUE_URL=amqp://...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Where the gateway listens; 0 for a free port.
    pub(super) port: u16,
    /// The queue is the caller's own, not the platform's Redis.
    pub(super) own_queue: bool,
}

impl Settings {
    /// Reads the variables that matter; an empty one says nothing, as in Compose.
    pub(super) fn read(
        options: &DevOptions,
        variable: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let given = |key: &str| variable(key).filter(|value| !value.is_empty());
        let port = match (options.port, given("STOA_PORT")) {
            (Some(port), _) => port,
            (None, Some(text)) => text.parse().context("STOA_PORT is not a port")?,
            (None, None) => PORT,
        };
        let own_queue = given("QUEUE_URL").or(given("QUEUE_URL_FILE")).is_some();
        ensure!(
            own_queue || given("QUEUE").is_none_or(|queue| queue == "redis"),
            "without Docker there is no RabbitMQ to start: name a running one with QUEUE_URL=amqp://..."
        );
        Ok(Self { port, own_queue })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        dev: DevOptions,
    }

    fn settings(arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Settings> {
        let cli = Cli::parse_from([&["stoa"], arguments].concat());
        Settings::read(&cli.dev, |key| {
            let found = variables.iter().find(|(name, _)| *name == key);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_variable_that_is_exported_empty_says_nothing() {
        let empty = ["STOA_PORT", "QUEUE", "QUEUE_URL", "QUEUE_URL_FILE"].map(|key| (key, ""));
        let nothing = Settings {
            port: PORT,
            own_queue: false,
        };
        assert_eq!(settings(&[], &empty).unwrap(), nothing);
        assert_eq!(settings(&[], &[]).unwrap(), nothing);
    }

    #[test]
    fn the_command_line_goes_before_the_environment() {
        let port = |arguments: &[&str]| settings(arguments, &[("STOA_PORT", "8090")]).unwrap().port;
        assert_eq!(port(&[]), 8090);
        assert_eq!(port(&["--port=8091"]), 8091);
        let error = settings(&[], &[("STOA_PORT", "http")]).unwrap_err();
        assert!(error.to_string().contains("STOA_PORT"));
    }

    #[test]
    fn a_rabbitmq_that_nobody_named_is_refused() {
        let rabbitmq = ("QUEUE", "rabbitmq");
        let error = settings(&[], &[rabbitmq]).unwrap_err();
        assert!(error.to_string().contains("QUEUE_URL"));
        let url = ("QUEUE_URL", "amqp://guest:guest@127.0.0.1");
        assert!(settings(&[], &[rabbitmq, url]).unwrap().own_queue);
    }
}
