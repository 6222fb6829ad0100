//! A release: everything that a cluster runs, under one number. Every attempt to deploy or to roll back is one.

pub(crate) mod commands;
mod diff;
mod history;
mod print;
mod record;

pub(crate) use diff::changes;
pub(crate) use history::{History, Summary, live_number};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use time::OffsetDateTime;

use crate::render::Migration;

/// The form of the records that this CLI writes and the newest that it reads.
pub(crate) const SCHEMA: u32 = 1;

/// An attempt, as it is recorded before anything is touched. Never changed afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Release {
    /// The form of this record.
    pub(crate) schema: u32,
    /// Counts up from 1 in each cluster.
    pub(crate) number: u64,
    /// What was asked for.
    pub(crate) kind: Kind,
    /// The commit.
    pub(crate) version: String,
    /// When the commit was made, where the deployer knew.
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) committed_at: Option<OffsetDateTime>,
    /// Who asked: the user of the pipeline or of the machine.
    pub(crate) by: String,
    /// The pipeline's address, if it was one.
    pub(crate) pipeline: Option<String>,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) at: OffsetDateTime,
    /// The documents that were submitted, in order, images with digests, everything under its final name.
    pub(crate) stacks: Vec<StackRecord>,
    /// The configs that the stacks use.
    pub(crate) configs: Vec<String>,
    /// The secrets that the stacks use.
    pub(crate) secrets: Vec<String>,
    /// Where the schemas stand, by service.
    pub(crate) migrations: BTreeMap<String, Migration>,
    /// The release that ran before.
    pub(crate) previous: Option<u64>,
    /// What is different from it, a line each.
    pub(crate) changes: Vec<String>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A version was deployed.
    Deploy,
    /// An earlier release was deployed again.
    Rollback {
        /// Its number.
        to: u64,
    },
}

/// A stack as it was submitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StackRecord {
    pub(crate) name: String,
    pub(crate) document: Value,
}

/// How an attempt ended. Written once, at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The form of this record.
    pub(crate) schema: u32,
    pub(crate) result: ResultKind,
    /// Why it did not succeed.
    pub(crate) cause: Option<String>,
    /// From the lock to the end.
    pub(crate) seconds: u64,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResultKind {
    /// Everything runs as recorded.
    Succeeded,
    /// It failed, and the release before it runs again.
    PutBack,
    /// It failed, and so did putting the release before it back.
    Failed,
    /// Its deployer died.
    Abandoned,
}

impl ResultKind {
    const ALL: [Self; 4] = [
        Self::Succeeded,
        Self::PutBack,
        Self::Failed,
        Self::Abandoned,
    ];

    /// As labels and tables say it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::PutBack => "put back",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A release of one small stack.
#[cfg(test)]
pub(crate) fn sample(number: u64, kind: Kind) -> Release {
    let image = format!("registry.test/stoa/api:{number:040x}@sha256:{number:064x}");
    let document = serde_json::json!({ "services": { "api": { "image": image } } });
    Release {
        schema: SCHEMA,
        number,
        kind,
        version: format!("{number:040x}"),
        committed_at: None,
        by: "alice".into(),
        pipeline: None,
        at: time::macros::datetime!(2026-11-24 08:30 UTC),
        stacks: vec![StackRecord {
            name: "platform".into(),
            document,
        }],
        configs: vec![format!("edge-{number:012x}")],
        secrets: vec!["redis_url-0123456789ab".into()],
        migrations: BTreeMap::new(),
        previous: number.checked_sub(1),
        changes: Vec::new(),
    }
}
