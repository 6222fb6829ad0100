//! Queues as a whole: how they are, and what holds for them.

use garde::Validate;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The queues, as far as the asker may see them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Queues {
    /// Whose jobs are counted. Who reads `platform` may pause queues, too.
    pub scope: QueueScope,
    /// The queues, by name.
    pub items: Vec<Queue>,
}

/// Whose jobs are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueueScope {
    /// Those of the asker's account.
    Account,
    /// Those of all accounts.
    Platform,
}

/// How a queue is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Queue {
    /// Its name.
    #[schema(example = "trainings")]
    pub name: String,
    /// When it was paused; null while it runs. A paused queue starts nothing; what runs goes on.
    #[serde(with = "time::serde::rfc3339::option")]
    pub paused_at: Option<OffsetDateTime>,
    /// What holds for it, for all accounts together.
    pub limits: QueueLimits,
    /// Its jobs that have not ended, and those that have failed.
    pub jobs: QueueDepth,
    /// Since when the one has waited for its turn that has waited longest; null if none waits.
    #[serde(with = "time::serde::rfc3339::option")]
    pub oldest_waits_since: Option<OffsetDateTime>,
    /// What ended in the last minute.
    pub last_minute: QueueThroughput,
}

/// Jobs of a queue by how far they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct QueueDepth {
    /// Wait for their time, or for other jobs.
    pub scheduled: u64,
    /// Wait for their turn.
    pub queued: u64,
    /// Run.
    pub running: u64,
    /// Have failed for good and can be retried.
    pub failed: u64,
}

/// Jobs that have ended in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct QueueThroughput {
    /// Are done.
    pub succeeded: u64,
    /// Have failed for good.
    pub failed: u64,
    /// Were cancelled.
    pub cancelled: u64,
}

/// What holds for a queue as a whole; what is null has no limit.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, Validate, ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct QueueLimits {
    /// The most jobs that run at a time, on all workers together.
    #[garde(range(min = 1))]
    #[schema(minimum = 1, maximum = 65535)]
    #[serde(default)]
    pub max_running: Option<u16>,
    /// The most that are started in a time.
    #[garde(dive)]
    #[serde(default)]
    pub rate: Option<QueueRate>,
}

/// So many jobs in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueRate {
    /// How many jobs.
    #[garde(range(min = 1))]
    #[schema(minimum = 1, maximum = 65535)]
    pub jobs: u16,
    /// In how many seconds, a day at most.
    #[garde(range(min = 1, max = 86_400))]
    #[schema(minimum = 1, maximum = 86_400)]
    pub seconds: u32,
}
