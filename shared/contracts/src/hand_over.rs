//! Internal: jobs that a service hands to `worker`, which keeps their record.

use crate::Problem;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The most jobs of one hand-over.
pub const JOBS_LIMIT: usize = 100;

/// Jobs, oldest first. To hand a job over twice is the same as once.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct HandOver {
    /// At most [`JOBS_LIMIT`].
    pub jobs: Vec<HandedJob>,
}

/// A job as who has thought of it knows it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct HandedJob {
    /// By which it is known as the same.
    pub id: Uuid,
    /// The account on whose behalf it runs; nil for the platform itself.
    pub account_id: Uuid,
    /// The name of the work: [`Payload::KIND`](crate::jobs::Payload::KIND).
    pub kind: String,
    /// The version of the payload's form.
    pub version: u16,
    /// What the kind says.
    pub payload: serde_json::Value,
    /// The trace that it continues, as W3C headers.
    #[serde(default)]
    pub trace: BTreeMap<String, String>,
}

/// What became of the jobs of a hand-over.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct HandedOver {
    /// They stand in the record, some perhaps since before.
    pub taken: Vec<Uuid>,
    /// They do not, and will not while the job and `worker` stay as they are.
    pub refused: Vec<RefusedJob>,
}

/// A job that `worker` cannot take.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct RefusedJob {
    /// The job.
    pub id: Uuid,
    /// Why.
    pub problem: Problem,
}
