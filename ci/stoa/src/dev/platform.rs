//! The platform: its servers, its services and its console, from the build to the demo.

use super::build::{self, Binaries};
use super::layout::{Layout, Service};
use super::options::{DevOptions, Settings};
use super::reload::Restarts;
use super::servers::Servers;
use super::supervisor::{Spec, keep, say};
use super::tools::Tools;
use super::watch::Watch;
use super::{EMAIL, background, secrets};
use crate::demo::{self, DemoOptions};
use anyhow::Context as _;
use rustix::process::Signal;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Every service is ready within this, or the platform has not started.
const READY_DEADLINE: Duration = Duration::from_secs(90);

/// Tasks, and the token that ends them.
type Group<'g> = (&'g TaskTracker, &'g CancellationToken);

/// Everything that runs, as it was prepared.
pub(super) struct Platform<'o> {
    options: &'o DevOptions,
    pub(super) layout: Layout,
    servers: Servers,
    web: bool,
}

impl<'o> Platform<'o> {
    /// Makes ports, secrets and the servers' data, or says what the machine lacks.
    pub(super) async fn prepare(
        options: &'o DevOptions,
        root: &Path,
        state: &Path,
    ) -> anyhow::Result<Self> {
        let web = !options.no_web && root.join("services/web/package.json").is_file();
        let tools = Tools::find(web)?;
        let settings = Settings::read(options, |key| std::env::var(key).ok())?;
        let layout = Layout::discover(root, state, settings)?;
        secrets::prepare(&layout)?;
        std::fs::write(state.join("admin.env"), layout.admin_addresses())?;
        let servers = Servers::prepare(&layout, &tools).await?;
        Ok(Self {
            options,
            layout,
            servers,
            web: tools.node,
        })
    }

    /// Runs it until `stop` of the services.
    pub(super) async fn run(&self, services: Group<'_>, servers: Group<'_>) -> anyhow::Result<()> {
        let (_, stop) = services;
        for spec in [&self.servers.postgres, &self.servers.redis] {
            servers
                .0
                .spawn(keep(spec.clone(), Arc::default(), servers.1.clone()));
        }
        // From before the build: what changes meanwhile is built again.
        let watch = Watch::new(&self.layout.root);
        let restarts = tokio::select! {
            started = self.start(services) => started?,
            () = stop.cancelled() => return Ok(()),
        };
        tokio::select! {
            () = self.follow_changes(watch, restarts) => Ok(()),
            () = stop.cancelled() => Ok(()),
        }
    }

    /// Builds and starts everything, and imports the demo.
    async fn start(&self, (tasks, stop): Group<'_>) -> anyhow::Result<Restarts> {
        let started = Instant::now();
        say("stoa", "building; the first time takes minutes");
        let binaries = self.build().await?;
        self.servers.provision(&self.layout).await?;
        let mut restarts = Restarts::new(binaries);
        for service in &self.layout.services {
            self.migrate(service, &restarts.binaries).await?;
            let spec = self.spec(service, &restarts.binaries, &[]);
            let notify = Arc::new(Notify::new());
            tasks.spawn(keep(spec, Arc::clone(&notify), stop.clone()));
            restarts.notify.insert(service.name.clone(), notify);
        }
        if self.web {
            let spec = build::console(&self.layout, self.options.built_web).await?;
            tasks.spawn(keep(spec, Arc::default(), stop.clone()));
        }
        self.wait_until_ready().await?;
        if !self.options.no_demo {
            demo::run(&self.demo())
                .await
                .context("the demo cannot be imported")?;
        }
        let (time, url) = (started.elapsed(), self.layout.url());
        background::write_ready(&self.layout.state, &url)?;
        say(
            "stoa",
            &format!("ready after {time:.0?} at {url}; Ctrl-C stops"),
        );
        Ok(restarts)
    }

    /// Builds everything and looks at what came out.
    pub(super) async fn build(&self) -> anyhow::Result<Binaries> {
        build::build(&self.layout.root, self.options.release).await?;
        Binaries::look(&self.layout, self.options.release)
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

    /// Migrates the service's database, if it owns one.
    pub(super) async fn migrate(
        &self,
        service: &Service,
        binaries: &Binaries,
    ) -> anyhow::Result<()> {
        if !service.owns_database {
            return Ok(());
        }
        self.spec(service, binaries, &["migrate"]).run_once().await
    }

    async fn wait_until_ready(&self) -> anyhow::Result<()> {
        let mut places: Vec<_> = self
            .layout
            .services
            .iter()
            .map(|service| (service.name.as_str(), service.admin_port, "/readyz"))
            .collect();
        if self.web {
            places.push(("web", self.layout.web_port, "/"));
        }
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(2))
            .build()?;
        let deadline = Instant::now() + READY_DEADLINE;
        for (name, port, path) in places {
            let url = format!("http://127.0.0.1:{port}{path}");
            loop {
                let answer = http.get(&url).send().await;
                if answer.is_ok_and(|response| response.status().is_success()) {
                    break;
                }
                let late = Instant::now() > deadline;
                anyhow::ensure!(!late, "{name} is not ready; its lines above say why");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    fn demo(&self) -> DemoOptions {
        let env_file = self.layout.root.join(&self.options.env_file);
        // As the user would name it.
        let here = std::env::current_dir().unwrap_or_default();
        let env_file = env_file.strip_prefix(here).unwrap_or(&env_file);
        DemoOptions {
            url: self.layout.url(),
            public_url: None,
            email: EMAIL.into(),
            password_file: self.layout.secret("demo_password"),
            env_file: env_file.to_owned(),
            say: demo::GREETING.into(),
        }
    }
}
