//! The systems that are compared.

use crate::cli::Role;
use clap::ValueEnum;
use std::time::Duration;

/// A queue, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum System {
    Raw,
    Ours,
    /// Four jobs at a time and a log line for each, the defaults of a service.
    OursDefault,
    OursRabbit,
    /// With the record in PostgreSQL: enqueued in its transaction, claimed once, its end written.
    OursRecorded,
    /// The same, and every job ends itself in the transaction that its effect would be in.
    OursOnce,
    Apalis,
    ApalisTuned,
    BullMq,
    Celery,
}

impl System {
    /// In the order of the tables.
    pub(crate) const ALL: [Self; 10] = [
        Self::Raw,
        Self::Ours,
        Self::OursDefault,
        Self::OursRabbit,
        Self::OursRecorded,
        Self::OursOnce,
        Self::ApalisTuned,
        Self::Apalis,
        Self::BullMq,
        Self::Celery,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Raw => "bare client",
            Self::Ours => "ours",
            Self::OursDefault => "ours, 4 at a time, jobs logged",
            Self::OursRabbit => "ours over RabbitMQ",
            Self::OursRecorded => "ours with the record",
            Self::OursOnce => "ours with the record, ended with an effect",
            Self::Apalis => "apalis, defaults",
            Self::ApalisTuned => "apalis, tuned",
            Self::BullMq => "BullMQ",
            Self::Celery => "Celery, prefork 2",
        }
    }

    /// How many jobs are enqueued and done to know the cost of one: a second of work or more for
    /// those that are quick. More than 7000 that wait at a time end a worker of apalis.
    pub(crate) fn jobs(self) -> u64 {
        match self {
            Self::Raw => 200_000,
            Self::Ours | Self::OursRecorded | Self::OursOnce => 50_000,
            Self::OursDefault | Self::OursRabbit => 20_000,
            Self::Apalis | Self::ApalisTuned => 6_000,
            Self::BullMq => 10_000,
            Self::Celery => 2_500,
        }
    }

    /// How many no-op jobs run at a time.
    pub(crate) fn concurrency(self) -> usize {
        match self {
            Self::Celery => 2,
            Self::OursDefault => 4,
            _ => 100,
        }
    }

    pub(crate) fn on_rabbitmq(self) -> bool {
        self == Self::OursRabbit
    }

    /// Whether `PostgreSQL` works for it too.
    pub(crate) fn is_recorded(self) -> bool {
        matches!(self, Self::OursRecorded | Self::OursOnce)
    }

    /// How long all jobs may take to be done after a worker was killed; `None`: it is not tried,
    /// because it takes an hour (Celery's visibility timeout) or has no recovery.
    pub(crate) fn recovery_limit(self) -> Option<Duration> {
        match self {
            Self::Ours | Self::OursRabbit => Some(Duration::from_mins(1)),
            Self::BullMq => Some(Duration::from_mins(2)),
            Self::Apalis => Some(Duration::from_mins(7)),
            Self::Raw
            | Self::OursDefault
            | Self::OursRecorded
            | Self::OursOnce
            | Self::ApalisTuned
            | Self::Celery => None,
        }
    }

    /// The program of a side, and what it is told by its environment.
    pub(crate) fn command(self, role: Role, peers: &Peers) -> Vec<String> {
        let own = || peers.own.clone();
        let words = match self {
            Self::Raw => vec![own(), "raw".into()],
            Self::Ours
            | Self::OursDefault
            | Self::OursRabbit
            | Self::OursRecorded
            | Self::OursOnce => vec![own(), "ours".into()],
            Self::Apalis | Self::ApalisTuned => vec![peers.apalis.clone()],
            Self::BullMq => vec!["node".into(), peers.bullmq.clone()],
            Self::Celery => vec![peers.python.clone(), peers.celery.clone()],
        };
        words.into_iter().chain([role.name().into()]).collect()
    }

    pub(crate) fn environment(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::ApalisTuned => Some(("BENCH_TUNED", "1")),
            Self::OursDefault => Some(("LOG", "info")),
            Self::OursOnce => Some(("BENCH_ONCE", "1")),
            _ => None,
        }
    }
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Peers {
    pub(crate) own: String,
    pub(crate) apalis: String,
    pub(crate) bullmq: String,
    pub(crate) python: String,
    pub(crate) celery: String,
}
