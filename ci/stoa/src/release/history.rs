//! The history of a cluster: Swarm configs, three per attempt. `stoa-release-000013` says by its labels what was
//! begun, `stoa-content-000013` holds the record itself, `stoa-result-000013` comes at the end. They lie in the Raft
//! log of the managers, so they outlive any of them. The engine lists no config without its content: apart from
//! the contents, thousands of releases are listed in a moment.

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bollard::Docker;
use bollard::models::{Config, ConfigSpec};
use bollard::query_parameters::ListConfigsOptions;
use serde::Serialize;
use std::collections::HashMap;

use super::record::{self, CONTENT, Labels, OUTCOME, RELEASE, Sealed};
use super::{Outcome, Release, ResultKind};
use crate::cluster::{Engine, status};

/// What the names of the records begin with.
const PREFIX: &str = "stoa";

/// The attempts that a cluster remembers.
#[derive(Clone)]
pub(crate) struct History {
    docker: Docker,
    prefix: String,
}

/// What a listing shows of an attempt. From labels, which only `get` compares with the content.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) number: u64,
    /// RFC 3339.
    pub(crate) at: String,
    /// `deploy` or `rollback to 7`.
    pub(crate) what: String,
    /// The commit.
    pub(crate) version: String,
    pub(crate) by: String,
    /// Nothing while it runs, or if its deployer died.
    pub(crate) result: Option<ResultKind>,
    pub(crate) seconds: Option<u64>,
}

impl History {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self::with_prefix(engine, PREFIX)
    }

    /// A history beside that of the platform, for tests.
    pub(crate) fn with_prefix(engine: &Engine, prefix: &str) -> Self {
        Self {
            docker: engine.docker.clone(),
            prefix: prefix.to_owned(),
        }
    }

    /// The number of the next attempt. It is taken by `begin`, and by whoever is first.
    pub(crate) async fn next_number(&self) -> anyhow::Result<u64> {
        let newest = self.list().await?.first().map_or(0, |newest| newest.number);
        Ok(newest + 1)
    }

    /// Records that an attempt begins. The caller holds the cluster's lock.
    pub(crate) async fn begin(&self, release: &Release) -> anyhow::Result<()> {
        let number = release.number;
        let taken =
            format!("release {number} exists already: somebody else deploys at the same time");
        if self.read(RELEASE, number).await?.is_some() {
            bail!("{taken}");
        }
        // What a deployer left that died between the two.
        self.remove(CONTENT, number).await?;
        let sealed = record::seal_release(release)?;
        let content = Sealed {
            labels: Labels::from([(record::KIND.to_owned(), CONTENT.to_owned())]),
            content: sealed.content,
        };
        ensure!(self.create(CONTENT, number, content).await?, "{taken}");
        let head = Sealed {
            labels: sealed.labels,
            content: self.name(CONTENT, number).into_bytes(),
        };
        ensure!(self.create(RELEASE, number, head).await?, "{taken}");
        Ok(())
    }

    /// Records how an attempt ended; false if another end is recorded. Done again, because the answer got lost, it
    /// changes nothing.
    pub(crate) async fn end(&self, number: u64, outcome: &Outcome) -> anyhow::Result<bool> {
        let sealed = record::seal_outcome(number, outcome)?;
        if self.create(OUTCOME, number, sealed).await? {
            return Ok(true);
        }
        let recorded = self.read(OUTCOME, number).await?;
        let recorded = recorded.map(|sealed| record::open_outcome(number, &sealed));
        Ok(recorded.transpose()?.as_ref() == Some(outcome))
    }

    /// Every attempt, the newest first.
    pub(crate) async fn list(&self) -> anyhow::Result<Vec<Summary>> {
        let (releases, outcomes) = tokio::try_join!(self.labels(RELEASE), self.labels(OUTCOME))?;
        Ok(summaries(&releases, &outcomes.into_iter().collect()))
    }

    /// An attempt and how it ended, each checked against its labels.
    pub(crate) async fn get(&self, number: u64) -> anyhow::Result<(Release, Option<Outcome>)> {
        let Some(head) = self.read(RELEASE, number).await? else {
            bail!("there is no release {number}; `stoa history` lists those there are");
        };
        let content = self.read(CONTENT, number).await?;
        let content = content.with_context(|| format!("release {number} has lost its content"))?;
        let sealed = Sealed {
            labels: head.labels,
            content: content.content,
        };
        let release = record::open_release(number, &sealed);
        let release = release.with_context(|| format!("the record of release {number}"))?;
        let outcome = match self.read(OUTCOME, number).await? {
            Some(sealed) => Some(
                record::open_outcome(number, &sealed)
                    .with_context(|| format!("the result of release {number}"))?,
            ),
            None => None,
        };
        Ok((release, outcome))
    }

    /// What should be running: the newest release that succeeded. An attempt that was put back changed nothing.
    pub(crate) async fn live(&self) -> anyhow::Result<Option<Release>> {
        match live_number(&self.list().await?) {
            Some(number) => Ok(Some(self.get(number).await?.0)),
            None => Ok(None),
        }
    }

    /// Forgets an attempt. Its result first: what is left, should this be interrupted, is forgotten the next time.
    pub(crate) async fn forget(&self, number: u64) -> anyhow::Result<()> {
        for kind in [OUTCOME, RELEASE, CONTENT] {
            self.remove(kind, number).await?;
        }
        Ok(())
    }

    async fn remove(&self, kind: &str, number: u64) -> anyhow::Result<()> {
        match self.docker.delete_config(&self.name(kind, number)).await {
            Err(error) if status::of(&error) != Some(status::NOT_FOUND) => {
                Err(error).with_context(|| format!("cannot forget release {number}"))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn name(&self, kind: &str, number: u64) -> String {
        format!("{}-{kind}-{number:06}", self.prefix)
    }

    /// False if the name is taken.
    async fn create(&self, kind: &str, number: u64, sealed: Sealed) -> anyhow::Result<bool> {
        let spec = ConfigSpec {
            name: Some(self.name(kind, number)),
            labels: Some(sealed.labels),
            data: Some(BASE64_STANDARD.encode(&sealed.content)),
            ..ConfigSpec::default()
        };
        match self.docker.create_config(spec).await {
            Ok(_) => Ok(true),
            Err(error) if status::of(&error) == Some(status::CONFLICT) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("cannot record release {number}")),
        }
    }

    async fn read(&self, kind: &str, number: u64) -> anyhow::Result<Option<Sealed>> {
        let config = match self.docker.inspect_config(&self.name(kind, number)).await {
            Ok(config) => config,
            Err(error) if status::of(&error) == Some(status::NOT_FOUND) => return Ok(None),
            Err(error) => return Err(error).context("cannot read the history"),
        };
        let spec = config.spec.unwrap_or_default();
        Ok(Some(Sealed {
            labels: spec.labels.unwrap_or_default(),
            content: BASE64_STANDARD.decode(spec.data.unwrap_or_default())?,
        }))
    }

    /// Numbers and labels of all records of a kind.
    async fn labels(&self, kind: &str) -> anyhow::Result<Vec<(u64, Labels)>> {
        let start = format!("{}-{kind}-", self.prefix);
        let filters = HashMap::from([
            ("name".to_owned(), vec![start.clone()]),
            ("label".to_owned(), vec![format!("{}={kind}", record::KIND)]),
        ]);
        let options = ListConfigsOptions {
            filters: Some(filters),
        };
        let configs = self.docker.list_configs(Some(options)).await;
        let configs = configs.context("cannot list the history")?;
        Ok(configs
            .into_iter()
            .filter_map(|config| numbered(config, &start))
            .collect())
    }
}

fn numbered(config: Config, start: &str) -> Option<(u64, Labels)> {
    let spec = config.spec?;
    let number = spec.name?.strip_prefix(start)?.parse().ok()?;
    Some((number, spec.labels.unwrap_or_default()))
}

fn summaries(releases: &[(u64, Labels)], outcomes: &HashMap<u64, Labels>) -> Vec<Summary> {
    let mut summaries: Vec<Summary> = releases
        .iter()
        .map(|(number, labels)| summary(*number, labels, outcomes.get(number)))
        .collect();
    summaries.sort_by_key(|summary| std::cmp::Reverse(summary.number));
    summaries
}

fn summary(number: u64, labels: &Labels, outcome: Option<&Labels>) -> Summary {
    let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
    let end = |key: &str| outcome.and_then(|labels| labels.get(key));
    Summary {
        number,
        at: label(record::AT),
        what: label(record::WHAT),
        version: label(record::VERSION),
        by: label(record::BY),
        result: end(record::RESULT).and_then(|name| ResultKind::from_name(name)),
        seconds: end(record::SECONDS).and_then(|seconds| seconds.parse().ok()),
    }
}

/// The number of the live release in a listing.
pub(crate) fn live_number(newest_first: &[Summary]) -> Option<u64> {
    let succeeded = |summary: &&Summary| summary.result == Some(ResultKind::Succeeded);
    newest_first.iter().find(succeeded).map(|live| live.number)
}

#[cfg(test)]
mod tests;
