//! `stoa dev`: the platform as plain processes, without Docker.
//!
//! Private PostgreSQL and Redis servers, every service's binary and the console's development
//! server, on loopback ports, under `.stoa/dev`; rebuilt and restarted when a source changes.

mod background;
mod build;
mod layout;
mod secrets;
mod servers;
mod supervisor;
mod tools;
mod watch;

use crate::demo::{self, DemoOptions};
use anyhow::Context as _;
use build::Binaries;
use layout::{Layout, Service};
use rustix::process::Signal;
use servers::Servers;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use supervisor::{Spec, keep, say};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tools::Tools;
use watch::Watch;

/// Whom the first migration creates and the demo signs in as.
const EMAIL: &str = "demo@stoa.localhost";
/// Every service is ready within this, or the platform has not started.
const READY_DEADLINE: Duration = Duration::from_secs(90);

/// How to run the platform.
#[derive(Clone, Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct DevOptions {
    /// Where the gateway listens, on 127.0.0.1.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where data, secrets and logs are kept.
    #[arg(long, default_value = ".stoa/dev")]
    state: PathBuf,
    /// Leave the console out; needs no Node then.
    #[arg(long)]
    no_web: bool,
    /// Do not import the demo.
    #[arg(long)]
    no_demo: bool,
    /// Build with optimisations.
    #[arg(long)]
    release: bool,
    /// Return once everything is ready, and leave it running.
    #[arg(long, conflicts_with = "stop")]
    detach: bool,
    /// Stop the platform that was left running.
    #[arg(long)]
    stop: bool,
}

/// Runs the platform until it is told to end, or does what `--detach` and `--stop` say.
pub(crate) async fn run(options: &DevOptions, root: &Path) -> anyhow::Result<()> {
    let state = std::path::absolute(root.join(&options.state))?;
    std::fs::create_dir_all(&state)?;
    if options.stop {
        return background::stop(&state).await;
    }
    background::refuse_second(&state)?;
    if options.detach {
        return background::detach(&state).await;
    }
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

/// Tasks, and the token that ends them.
type Group<'g> = (&'g TaskTracker, &'g CancellationToken);

struct Platform<'o> {
    options: &'o DevOptions,
    layout: Layout,
    servers: Servers,
    web: bool,
}

impl<'o> Platform<'o> {
    async fn prepare(options: &'o DevOptions, root: &Path, state: &Path) -> anyhow::Result<Self> {
        let web = !options.no_web && root.join("services/web/package.json").is_file();
        let tools = Tools::find(web)?;
        let layout = Layout::discover(root, state, options.port)?;
        secrets::prepare(&layout)?;
        let servers = Servers::prepare(&layout, &tools).await?;
        Ok(Self {
            options,
            layout,
            servers,
            web: tools.node,
        })
    }

    async fn run(&self, services: Group<'_>, servers: Group<'_>) -> anyhow::Result<()> {
        let (_, stop) = services;
        for spec in [&self.servers.postgres, &self.servers.redis] {
            servers
                .0
                .spawn(keep(spec.clone(), Arc::default(), servers.1.clone()));
        }
        let restarts = tokio::select! {
            started = self.start(services) => started?,
            () = stop.cancelled() => return Ok(()),
        };
        tokio::select! {
            () = self.follow_changes(&restarts) => Ok(()),
            () = stop.cancelled() => Ok(()),
        }
    }

    /// Builds and starts everything, and imports the demo.
    async fn start(&self, (tasks, stop): Group<'_>) -> anyhow::Result<Restarts> {
        let started = Instant::now();
        build::build(&self.layout.root, self.options.release).await?;
        self.servers.provision(&self.layout).await?;
        let binaries = Binaries::look(&self.layout, self.options.release)?;
        let mut restarts = Restarts {
            binaries,
            notify: BTreeMap::new(),
        };
        for service in &self.layout.services {
            self.migrate(service, &restarts.binaries).await?;
            let notify = Arc::new(Notify::new());
            restarts
                .notify
                .insert(service.name.clone(), Arc::clone(&notify));
            let spec = self.spec(service, &restarts.binaries, &[]);
            tasks.spawn(keep(spec, notify, stop.clone()));
        }
        if self.web {
            let spec = build::console(&self.layout).await?;
            tasks.spawn(keep(spec, Arc::default(), stop.clone()));
        }
        self.wait_until_ready().await?;
        if !self.options.no_demo {
            demo::run(&self.demo())
                .await
                .context("the demo cannot be imported")?;
        }
        background::write_ready(&self.layout.state)?;
        let url = format!("http://127.0.0.1:{}", self.options.port);
        say(
            "stoa",
            &format!(
                "ready after {:.0?} at {url}; Ctrl-C stops",
                started.elapsed()
            ),
        );
        Ok(restarts)
    }

    fn spec(&self, service: &Service, binaries: &Binaries, arguments: &[&str]) -> Spec {
        Spec {
            name: service.name.clone(),
            program: binaries.path(&service.name),
            arguments: arguments.iter().map(Into::into).collect(),
            environment: self.layout.environment(service),
            folder: self.layout.root.clone(),
            user: None,
            stop: Signal::TERM,
        }
    }

    async fn migrate(&self, service: &Service, binaries: &Binaries) -> anyhow::Result<()> {
        if !service.owns_database {
            return Ok(());
        }
        self.spec(service, binaries, &["migrate"]).run_once().await
    }

    async fn wait_until_ready(&self) -> anyhow::Result<()> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(2))
            .build()?;
        let deadline = Instant::now() + READY_DEADLINE;
        for service in &self.layout.services {
            let url = format!("http://127.0.0.1:{}/readyz", service.admin_port);
            loop {
                let answer = http.get(&url).send().await;
                if answer.is_ok_and(|response| response.status().is_success()) {
                    break;
                }
                let late = Instant::now() > deadline;
                anyhow::ensure!(
                    !late,
                    "{} is not ready; its lines above say why",
                    service.name
                );
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    fn demo(&self) -> DemoOptions {
        DemoOptions {
            url: format!("http://127.0.0.1:{}", self.options.port),
            public_url: None,
            email: EMAIL.into(),
            password_file: self.layout.secret("demo_password"),
            env_file: self.layout.root.join(".stoa/demo.env"),
            say: demo::GREETING.into(),
        }
    }

    /// Rebuilds after every change and restarts what came out different.
    async fn follow_changes(&self, restarts: &Restarts) {
        let mut watch = Watch::new(&self.layout.root);
        let mut binaries = restarts.binaries.clone();
        loop {
            let files = watch.changed().await;
            say(
                "stoa",
                &format!("{} file(s) changed; building", files.len()),
            );
            match self.rebuild(&files, &mut binaries, restarts).await {
                Ok(count) => say("stoa", &format!("restarted {count} service(s)")),
                Err(error) => say("stoa", &format!("{error:#}; what runs stays as it is")),
            }
        }
    }

    async fn rebuild(
        &self,
        files: &[PathBuf],
        binaries: &mut Binaries,
        restarts: &Restarts,
    ) -> anyhow::Result<usize> {
        build::build(&self.layout.root, self.options.release).await?;
        let now = Binaries::look(&self.layout, self.options.release)?;
        let routes = files.iter().any(|file| file.ends_with("routes.toml"));
        let mut count = 0;
        for service in &self.layout.services {
            let different = now.differs(binaries, &service.name);
            if different {
                self.migrate(service, &now).await?;
            }
            if different || (routes && service.name == "gateway") {
                restarts.notify[&service.name].notify_one();
                count += 1;
            }
        }
        *binaries = now;
        Ok(count)
    }
}

/// How to restart each service, and what it was started from.
struct Restarts {
    binaries: Binaries,
    notify: BTreeMap<String, Arc<Notify>>,
}

async fn cancel_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    say("stoa", "stopping");
    stop.cancel();
}
