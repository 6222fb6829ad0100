//! `stoa gc`: marks what the kept releases and the services of a cluster need, and sweeps what is left of the
//! releases, configs, secrets and images that deploys made. The images on the nodes are left to the engines: only
//! those know what a stopped task would need again.

mod image;
mod plan;
#[cfg(test)]
mod plan_tests;
mod registry;
mod survey;

use anyhow::{Context as _, bail};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::cluster::{self, Cluster, Engine};
use crate::deploy::lock;
use crate::release::{History, Release};
use crate::render::FileKind;
use plan::{Manifest, Needs, OwnFile, Verdict};
use registry::Registry;

/// How long a deploy may go on before this gives up.
const LOCK_WAIT: Duration = Duration::from_mins(10);

/// What stays.
#[derive(Debug, clap::Args)]
pub(crate) struct GcOptions {
    /// The cluster, as in `stacks/clusters/`.
    #[arg(long)]
    cluster: String,
    /// How many releases stay, besides the live one and the one before it.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    keep: u32,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Leave the registry alone. Images of the releases that go stay for good.
    #[arg(long)]
    no_images: bool,
    /// Where the registry answers, if its name does not say so here.
    #[arg(long, env = "STOA_REGISTRY_ADDRESS")]
    registry_address: Option<SocketAddr>,
    /// Who asks, for those who wait for the lock meanwhile.
    #[arg(long, env = "USER", default_value = "stoa gc")]
    by: String,
}

/// What is done, all of it decided before any of it is done.
struct Sweep {
    releases: Vec<Verdict<u64>>,
    files: Vec<Verdict<OwnFile>>,
    manifests: Vec<Verdict<Manifest>>,
}

/// Removes what no kept release of a cluster needs.
pub(crate) async fn run(options: &GcOptions, root: &Path) -> anyhow::Result<()> {
    let cluster = Cluster::load(root, &options.cluster)?;
    let engine = cluster.connect().await?;
    if options.dry_run {
        return decide(options, root, &cluster, &engine).await?.print(true);
    }
    let lock = lock::acquire(&engine, None, &options.by, LOCK_WAIT).await?;
    let lost = lock.lost();
    let swept = tokio::select! {
        swept = sweep(options, root, &cluster, &engine) => swept,
        () = lost.cancelled() => Err(anyhow::anyhow!("the lock was lost; what was removed was not needed")),
    };
    lock.free_after(swept).await
}

async fn sweep(
    options: &GcOptions,
    root: &Path,
    cluster: &Cluster,
    engine: &Engine,
) -> anyhow::Result<()> {
    let sweep = decide(options, root, cluster, engine).await?;
    sweep.print(false)?;
    let registry = options.registry(cluster)?;
    sweep.carry_out(engine, &registry).await
}

async fn decide(
    options: &GcOptions,
    root: &Path,
    cluster: &Cluster,
    engine: &Engine,
) -> anyhow::Result<Sweep> {
    let namespace = cluster.registry.as_str();
    let history = History::new(engine);
    let listed = history.list().await?;
    let releases = plan::releases(&listed, usize::try_from(options.keep)?);
    let numbers = |is_removed| {
        let those = releases
            .iter()
            .filter(move |verdict| verdict.is_removed == is_removed);
        those.map(|verdict| verdict.thing)
    };
    let mut needs = Needs::default();
    for release in survey::records(&history, numbers(false)).await? {
        needs.add_release(&release, "", namespace);
    }
    survey::add_services(engine, &mut needs, "", namespace).await?;
    let files = plan::files(&survey::own_files(engine).await?, &needs);
    let manifests = if options.no_images {
        Vec::new()
    } else {
        let going = survey::records(&history, numbers(true)).await?;
        add_neighbours(root, cluster, &mut needs).await?;
        decide_images(&options.registry(cluster)?, namespace, &going, needs).await?
    };
    Ok(Sweep {
        releases,
        files,
        manifests,
    })
}

async fn decide_images(
    registry: &Registry,
    namespace: &str,
    going: &[Release],
    mut needs: Needs,
) -> anyhow::Result<Vec<Verdict<Manifest>>> {
    let going: BTreeSet<_> = going
        .iter()
        .flat_map(|release| plan::images(release, namespace))
        .collect();
    let mut images = going.clone();
    images.extend(needs.images.keys().cloned());
    survey::add_parts(registry, &mut needs).await?;
    let found = survey::manifests(registry, &images).await?;
    Ok(plan::manifests(&found, &going, &needs))
}

/// Adds all that the other clusters of the same registry ever deployed: it is theirs to let go of.
async fn add_neighbours(root: &Path, cluster: &Cluster, needs: &mut Needs) -> anyhow::Result<()> {
    for name in cluster::names(root)? {
        let other = Cluster::load(root, &name)?;
        if name == cluster.name || other.registry != cluster.registry {
            continue;
        }
        let place = || {
            format!(
                "`{name}` has the same registry, and what it needs is not known; see --no-images"
            )
        };
        let engine = other.connect().await.with_context(place)?;
        let history = History::new(&engine);
        let numbers = history
            .list()
            .await
            .with_context(place)?
            .into_iter()
            .map(|summary| summary.number);
        // Not its configs and secrets: those are in its own managers.
        let mut theirs = Needs::default();
        for release in survey::records(&history, numbers)
            .await
            .with_context(place)?
        {
            theirs.add_release(&release, &format!("{name}: "), &cluster.registry);
        }
        survey::add_services(
            &engine,
            &mut theirs,
            &format!("{name}: "),
            &cluster.registry,
        )
        .await?;
        for (image, who) in theirs.images {
            needs.images.entry(image).or_insert(who);
        }
    }
    Ok(())
}

impl GcOptions {
    fn registry(&self, cluster: &Cluster) -> anyhow::Result<Registry> {
        let host = cluster.registry.split('/').next().unwrap_or_default();
        Registry::new(host, self.registry_address)
    }
}

impl Sweep {
    fn print(&self, is_dry: bool) -> anyhow::Result<()> {
        let mut lines = Vec::new();
        for verdict in &self.releases {
            lines.push(line(verdict, is_dry, &format!("release {}", verdict.thing)));
        }
        for verdict in &self.files {
            lines.push(line(verdict, is_dry, &verdict.thing.to_string()));
        }
        for verdict in &self.manifests {
            lines.push(line(verdict, is_dry, &verdict.thing.to_string()));
        }
        let removed = lines.iter().filter(|(is_removed, _)| *is_removed).count();
        let mut out = std::io::stdout().lock();
        for (_, line) in &lines {
            writeln!(out, "{line}")?;
        }
        let kept = lines.len() - removed;
        writeln!(
            out,
            "{removed} to remove, {kept} to keep; images on the nodes are left to the engines"
        )?;
        Ok(())
    }

    /// Images before the releases that name them, so that an interrupted sweep is finished by the next.
    async fn carry_out(&self, engine: &Engine, registry: &Registry) -> anyhow::Result<()> {
        let mut refusals = Vec::new();
        for manifest in removed(&self.manifests) {
            let deleted = registry
                .delete(&manifest.repository, &manifest.digest)
                .await;
            deleted.with_context(|| manifest.to_string())?;
        }
        let history = History::new(engine);
        for number in removed(&self.releases) {
            history.forget(*number).await?;
        }
        for file in removed(&self.files) {
            let deleted = match file.kind {
                FileKind::Config => engine.docker.delete_config(&file.name).await,
                FileKind::Secret => engine.docker.delete_secret(&file.name).await,
            };
            if let Err(error) = deleted {
                refusals.push(format!("{file}: {error}"));
            }
        }
        if !refusals.is_empty() {
            bail!("the engine refused:\n  {}", refusals.join("\n  "));
        }
        Ok(())
    }
}

fn removed<T>(verdicts: &[Verdict<T>]) -> impl Iterator<Item = &T> {
    verdicts
        .iter()
        .filter(|verdict| verdict.is_removed)
        .map(|verdict| &verdict.thing)
}

fn line<T>(verdict: &Verdict<T>, is_dry: bool, thing: &str) -> (bool, String) {
    let verb = match (verdict.is_removed, is_dry) {
        (true, true) => "would remove",
        (true, false) => "remove",
        (false, _) => "keep",
    };
    (
        verdict.is_removed,
        format!("{verb} {thing}: {}", verdict.why),
    )
}
