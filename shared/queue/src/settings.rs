//! The environment of a process that enqueues, and of one that works.

use crate::{Backoff, backend::Backend};
use std::time::Duration;
use stoa_config::{Env, ExposeSecret as _, SecretString, Settings};

/// Three heartbeats must fit into it, beside the answers of a busy broker.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

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
        // Nothing of the URL is told: it holds a password.
        if url
            .as_ref()
            .is_some_and(|url| !Backend::is_url(url.expose_secret()))
        {
            env.refuse(
                "QUEUE_URL",
                "must start with redis:// or amqp://, and be valid",
            );
        }
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
        let (lease, drain) = (lease?, drain?);
        refuse_unfit(env, lease, drain);
        Some(Self {
            concurrency: concurrency.max(1),
            lease,
            drain,
            backoff,
        })
    }
}

/// A worker that is never heard of in time loses all its jobs, and one that is killed while it drains hands none back.
fn refuse_unfit(env: &mut Env, lease: Duration, drain: Duration) {
    if lease < SHORTEST_LEASE {
        env.refuse("JOB_LEASE", "must be `1s` or longer");
    }
    let deadline = env.declared("SHUTDOWN_DEADLINE");
    let deadline = deadline.and_then(|text| stoa_config::parse_duration(text).ok());
    if deadline.is_some_and(|deadline| drain >= deadline) {
        env.refuse("JOB_DRAIN", "must be shorter than SHUTDOWN_DEADLINE");
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As a service reads them: how long it may take to end, and how it works on jobs.
    struct Process;

    impl Settings for Process {
        fn read(env: &mut Env) -> Option<Self> {
            let deadline = env.duration("SHUTDOWN_DEADLINE", "longest time to end");
            let deadline = deadline.default("20s").read();
            let consumer = ConsumerSettings::read(env);
            deadline.zip(consumer).map(|_| Self)
        }
    }

    fn refused(pairs: &[(&str, &str)]) -> Vec<String> {
        let read = Env::from_pairs(pairs.iter().copied()).load::<Process>();
        read.err()
            .map_or_else(Vec::new, |told| told.lines().to_vec())
    }

    #[test]
    fn a_url_that_is_none_of_a_broker_is_refused_by_name_and_not_told() {
        let refused = |url| {
            Env::from_pairs([("QUEUE_URL", url)])
                .load::<QueueSettings>()
                .err()
        };
        for url in ["redis://redis:6379/0", "amqp://me:secret@rabbitmq:5672/%2f"] {
            assert!(refused(url).is_none(), "{url}");
        }
        for url in [
            "secret",
            "rabbitmq:5672/secret",
            "kafka://me:secret@kafka",
            "redis://:secret@redis:port",
            "redis://redis/secret",
            "amqp://me:secret@rabbitmq:port",
            "amqp://me:secret@rabbitmq?heartbeat=often",
        ] {
            let told = refused(url).expect(url).to_string();
            assert!(told.contains("QUEUE_URL is not valid"), "{told}");
            assert!(!told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn a_lease_and_a_drain_with_which_jobs_are_lost_or_killed_are_refused_by_name() {
        assert!(refused(&[]).is_empty(), "the defaults fit");
        let told = refused(&[("JOB_LEASE", "0s"), ("JOB_DRAIN", "20s")]);
        assert!(told[0].starts_with("JOB_LEASE "), "{told:?}");
        assert!(told[1].starts_with("JOB_DRAIN "), "{told:?}");
        let told = refused(&[("SHUTDOWN_DEADLINE", "12s")]);
        assert!(told[0].starts_with("JOB_DRAIN "), "{told:?}");
        let longer = [("SHUTDOWN_DEADLINE", "30s"), ("JOB_DRAIN", "29s")];
        assert!(refused(&longer).is_empty());
    }
}
