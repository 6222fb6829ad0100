//! The environment of a process that enqueues, and of one that works.

use crate::Backoff;
use std::time::Duration;
use stoa_config::{Env, SecretString, Settings};

/// Where the jobs go.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// `redis://host:port/db` or `amqp://user:password@host:port/vhost`.
    pub url: SecretString,
    /// What every name on the broker starts with, so that platforms, and services with a record each, can share one.
    pub namespace: String,
}

impl Settings for QueueSettings {
    fn read(env: &mut Env) -> Option<Self> {
        Self::read_in(env, "stoa")
    }
}

impl QueueSettings {
    /// The settings of a service that has a record of its own. Two records in one namespace would each take the
    /// broker for one that has lost its data, so such a service is in that of its name.
    pub fn read_in(env: &mut Env, namespace: &str) -> Option<Self> {
        let url = env
            .secret("QUEUE_URL", "redis:// or amqp:// URL of the jobs' broker")
            .required();
        let namespace = env
            .text(
                "QUEUE_NAMESPACE",
                "what every name on the broker starts with",
            )
            .default(namespace)
            .read();
        Some(Self {
            url: url?,
            namespace: namespace?,
        })
    }
}

/// How a process works on jobs.
#[derive(Clone, Debug)]
pub struct ConsumerSettings {
    /// How many jobs of one queue run at a time. Over Redis, as many more may wait until their ends are written.
    pub concurrency: usize,
    /// After this long without a heartbeat a worker counts as dead (Redis; RabbitMQ notices itself).
    pub lease: Duration,
    /// How long the running jobs may go on after the signal to stop.
    pub drain: Duration,
    /// The pauses between attempts.
    pub backoff: Backoff,
}

impl Settings for ConsumerSettings {
    fn read(env: &mut Env) -> Option<Self> {
        let concurrency = env
            .parse(
                "JOB_CONCURRENCY",
                "how many jobs of one queue run at a time",
            )
            .default("4")
            .read();
        // Short, so that a killed worker's jobs go on soon: three heartbeats fit in.
        let lease = env
            .duration(
                "JOB_LEASE",
                "a silent worker's jobs go to others after this",
            )
            .default("6s")
            .read();
        let drain = env
            .duration("JOB_DRAIN", "how long running jobs may go on at shutdown")
            .default("12s")
            .read();
        let base = env
            .duration("JOB_BACKOFF", "longest pause after the first failure")
            .default("1s")
            .read();
        let cap = env
            .duration("JOB_BACKOFF_LIMIT", "longest pause after many failures")
            .default("5m")
            .read();
        let backoff = Backoff {
            base: base?,
            cap: cap?,
        };
        let concurrency: usize = concurrency?;
        Some(Self {
            concurrency: concurrency.max(1),
            lease: lease?,
            drain: drain?,
            backoff,
        })
    }
}

/// How long what has ended is kept in the record.
#[derive(Clone, Copy, Debug)]
pub struct RetentionSettings {
    /// The record of a job, after its end.
    pub records: Duration,
    /// What a job has given, after its end.
    pub results: Duration,
}

impl Settings for RetentionSettings {
    fn read(env: &mut Env) -> Option<Self> {
        let records = env.duration("JOB_RECORD_RETENTION", "how long records of jobs are kept");
        let records = records.default("30d").read();
        let results = env.duration("JOB_RESULT_RETENTION", "how long results of jobs are kept");
        let results = results.default("7d").read();
        Some(Self {
            records: records?,
            results: results?,
        })
    }
}
