//! `stoa history`, `stoa show` and `stoa diff`.

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;
use std::path::Path;

use super::diff::{Change, compare};
use super::{History, StackRecord, changes, live_number, print};
use crate::cluster::Cluster;
use crate::deploy::lock;
use crate::render;

/// Which part of a history.
#[derive(Debug, Args)]
pub(crate) struct HistoryOptions {
    /// The cluster, as in `stacks/clusters/`.
    #[arg(long)]
    cluster: String,
    /// How many attempts, from the newest.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Which release.
#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    /// The cluster, as in `stacks/clusters/`.
    #[arg(long)]
    cluster: String,
    /// The number of the release.
    number: u64,
    /// For programs: with the whole stacks.
    #[arg(long)]
    json: bool,
}

/// Two releases, or two clusters.
#[derive(Debug, Args)]
pub(crate) struct DiffOptions {
    /// The cluster, as in `stacks/clusters/`.
    #[arg(long, required_unless_present = "clusters")]
    cluster: Option<String>,
    /// The number of the release.
    #[arg(required_unless_present = "clusters")]
    number: Option<u64>,
    /// The number of the release to compare with; that before it if not given.
    before: Option<u64>,
    /// How the stacks of two clusters differ at the checkout; fails on what may not differ.
    #[arg(long, num_args = 2, value_names = ["ONE", "OTHER"], conflicts_with_all = ["cluster", "number", "before"])]
    clusters: Option<Vec<String>>,
}

/// Prints the attempts of a cluster.
pub(crate) async fn history(options: &HistoryOptions, root: &Path) -> anyhow::Result<()> {
    let engine = Cluster::load(root, &options.cluster)?.connect().await?;
    let all = History::new(&engine).list().await?;
    let listed = &all[..all.len().min(options.limit)];
    if options.json {
        let live = live_number(&all);
        return say(&json_line(&json!({ "live": live, "releases": listed }))?);
    }
    if all.is_empty() {
        return say(&format!(
            "nothing was deployed to `{}` yet\n",
            options.cluster
        ));
    }
    let is_locked = lock::holder(&engine).await?.is_some();
    say(&print::table(listed, &all, is_locked))
}

/// Prints a release.
pub(crate) async fn show(options: &ShowOptions, root: &Path) -> anyhow::Result<()> {
    let engine = Cluster::load(root, &options.cluster)?.connect().await?;
    let history = History::new(&engine);
    let (release, outcome) = history.get(options.number).await?;
    if options.json {
        return say(&json_line(
            &json!({ "release": release, "outcome": outcome }),
        )?);
    }
    let is_live = live_number(&history.list().await?) == Some(options.number);
    say(&print::whole(&release, outcome.as_ref(), is_live))
}

/// Prints how two releases, or two clusters, differ.
pub(crate) async fn diff(options: &DiffOptions, root: &Path) -> anyhow::Result<()> {
    if let Some([one, other]) = options.clusters.as_deref() {
        return clusters(root, one, other);
    }
    let cluster = options.cluster.as_ref().context("name a --cluster")?;
    let number = options.number.context("name a release")?;
    let engine = Cluster::load(root, cluster)?.connect().await?;
    let history = History::new(&engine);
    let (after, _) = history.get(number).await?;
    let before = match options.before.or(after.previous) {
        Some(before) => history.get(before).await?.0.stacks,
        None => Vec::new(),
    };
    let lines = changes(&before, &after.stacks);
    say(&print::lines(lines.iter().map(String::as_str)))
}

fn clusters(root: &Path, one: &str, other: &str) -> anyhow::Result<()> {
    let one = Cluster::load(root, one)?;
    let other = in_the_places_of(&one, Cluster::load(root, other)?);
    let found = compare(&assembled(root, &one)?, &assembled(root, &other)?);
    say(&print::lines(
        found.iter().map(|change| change.line.as_str()),
    ))?;
    let foreign: Vec<&str> = found
        .iter()
        .filter(|change| !may_differ(change))
        .map(|change| change.line.as_str())
        .collect();
    if !foreign.is_empty() {
        bail!(
            "`{}` and `{}` differ in more than {} of a service:\n  {}",
            one.name,
            other.name,
            render::overlay_keys(),
            foreign.join("\n  ")
        );
    }
    Ok(())
}

/// Where images come from is a place, like the managers, and no difference in what runs. So is where clients come in.
fn in_the_places_of(one: &Cluster, other: Cluster) -> Cluster {
    Cluster {
        registry: one.registry.clone(),
        https: one.https.clone(),
        ..other
    }
}

fn assembled(root: &Path, cluster: &Cluster) -> anyhow::Result<Vec<StackRecord>> {
    let stacks = render::assemble(root, cluster, "checkout")?.into_iter();
    Ok(stacks
        .map(|stack| StackRecord {
            name: stack.name,
            document: stack.document,
        })
        .collect())
}

fn may_differ(change: &Change) -> bool {
    match change.path.as_slice() {
        [_, services, _, part, key, ..] => services == "services" && render::may_differ(part, key),
        _ => false,
    }
}

fn json_line(value: &serde_json::Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// Written whole or, to a reader that has seen enough, not at all.
fn say(text: &str) -> anyhow::Result<()> {
    use std::io::{ErrorKind, Write as _};
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Https, Plain};

    fn change(path: &str) -> Change {
        Change {
            path: path.split('.').map(str::to_owned).collect(),
            line: path.to_owned(),
        }
    }

    #[test]
    fn clusters_may_differ_in_how_many_how_large_and_where() {
        assert!(may_differ(&change("platform.services.api.deploy.replicas")));
        assert!(may_differ(&change(
            "data.services.postgres.deploy.resources.limits.memory"
        )));
        assert!(may_differ(&change(
            "data.services.postgres.deploy.placement"
        )));
        assert!(may_differ(&change(
            "platform.services.api.environment.OPERATOR_ACCOUNT"
        )));
    }

    #[test]
    fn one_cluster_may_have_https_and_another_not() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let staging = || Cluster::load(&root, "staging").unwrap();
        let with = Cluster {
            https: Some(Https {
                port: 443,
                plain_port: None,
                plain: Plain::Redirect,
            }),
            ..staging()
        };
        let stacks = |cluster: &Cluster| assembled(&root, cluster).unwrap();
        assert_ne!(compare(&stacks(&staging()), &stacks(&with)), []);
        let other = in_the_places_of(&with, staging());
        assert_eq!(compare(&stacks(&with), &stacks(&other)), []);
    }

    #[test]
    fn clusters_may_differ_in_nothing_else() {
        assert!(!may_differ(&change(
            "platform.services.api.environment.LOG"
        )));
        assert!(!may_differ(&change(
            "platform.services.api.deploy.update_config.order"
        )));
        assert!(!may_differ(&change("platform.services.api")));
        assert!(!may_differ(&change("platform.networks.x.deploy.replicas")));
    }
}
