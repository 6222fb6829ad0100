//! What can go wrong with a queue, and what a handler can say about its failure.

use std::time::Duration;
use stoa_contracts::{Coded, ErrorCode};

/// An error of anybody's, with its sources.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a job could not be enqueued, or a queue not be read.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// `QUEUE_URL` names no broker that is known here.
    #[error("the queue's URL must start with redis:// or amqp://, and be valid")]
    Url(#[source] Option<BoxError>),
    /// The payload is too large; put it into a database and send its id.
    #[error("the payload has {size} bytes, {limit} are allowed")]
    TooLarge {
        /// The size of the payload in bytes.
        size: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The payload cannot be written as JSON.
    #[error("the payload cannot be written as JSON")]
    Payload(#[from] serde_json::Error),
    /// Redis is away or refused.
    #[error("redis did not take the command")]
    Redis(#[from] redis::RedisError),
    /// RabbitMQ is away or refused.
    #[error("rabbitmq did not take the command")]
    Amqp(#[from] lapin::Error),
    /// The broker has refused a message, again and again.
    #[error("the broker refused the message")]
    Refused,
    /// The broker has not confirmed a message, or did not answer in time.
    #[error("the broker has not confirmed: {0}")]
    Unconfirmed(&'static str),
    /// A job may run longer than RabbitMQ lets a message stay unacknowledged.
    #[error("`{kind}` may take {limit:?}; over RabbitMQ a job must end within {longest:?}")]
    TimeLimit {
        /// The job's kind.
        kind: &'static str,
        /// Its time limit.
        limit: Duration,
        /// The longest that is possible.
        longest: Duration,
    },
    /// The record of the jobs is away, or refused.
    #[error("the record of the jobs cannot be read or written")]
    Database(#[from] sqlx::Error),
    /// The job belongs to another worker by now: whatever this one has done must not be committed.
    #[error("another worker has the job")]
    NotOurs,
    /// What the job does in the transaction of its end has failed.
    #[error("the effects of the job could not be written")]
    Effect(#[source] BoxError),
    /// A job of a flow has a unique key that another job holds, for which the others would wait.
    #[error("a job with the unique key `{key}` has not ended yet")]
    KeyTaken {
        /// The key.
        key: String,
    },
    /// The job stands in no record: its consumer has none.
    #[error("the job stands in no record")]
    NoRecord,
    /// The times of a schedule cannot be told.
    #[error("the times of a schedule cannot be told: {0}")]
    Schedule(String),
    /// A part of the consumer has panicked.
    #[error("the consumer has crashed")]
    Crashed(#[from] tokio::task::JoinError),
}

impl QueueError {
    /// Whether it comes from the broker.
    pub(crate) fn is_of_the_broker(&self) -> bool {
        matches!(
            self,
            Self::Redis(_) | Self::Amqp(_) | Self::Refused | Self::Unconfirmed(_)
        )
    }

    /// Whether it says of what was to be written that it cannot be, however often it is tried.
    pub(crate) fn is_about_the_data(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else {
            return false;
        };
        // Data exceptions, and broken constraints (PostgreSQL, appendix A).
        let classes = ["22", "23"];
        let class = error.code();
        class.is_some_and(|code| classes.iter().any(|class| code.starts_with(class)))
    }
}

/// A NUL character, in a text or in JSON: valid in a request, impossible in a row.
fn is_nul(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    let code = error.code();
    code.is_some_and(|code| code == "22021" || code == "22P05")
}

impl Coded for QueueError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::Database(error) if is_nul(error) => ErrorCode::Invalid,
            Self::Redis(_)
            | Self::Amqp(_)
            | Self::Database(_)
            | Self::Refused
            | Self::Unconfirmed(_) => ErrorCode::Unavailable,
            Self::NotOurs | Self::KeyTaken { .. } => ErrorCode::Conflict,
            Self::Url(_)
            | Self::Payload(_)
            | Self::TimeLimit { .. }
            | Self::Schedule(_)
            | Self::Effect(_)
            | Self::NoRecord
            | Self::Crashed(_) => ErrorCode::Internal,
        }
    }
}

/// What a failed attempt means; the handler knows, the queue does not.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It may succeed later: something is away, or busy.
    #[error(transparent)]
    Retry(BoxError),
    /// It may succeed later, and who says so knows when to try.
    #[error("{error}")]
    RetryAfter {
        /// Why it failed.
        error: BoxError,
        /// The pause until the next attempt.
        pause: Duration,
    },
    /// It can never succeed: the job goes to the dead letters.
    #[error(transparent)]
    Fail(BoxError),
}

impl JobError {
    /// An attempt that may succeed later.
    pub fn retry(error: impl Into<BoxError>) -> Self {
        Self::Retry(error.into())
    }

    /// An attempt that may succeed after a pause, whatever the consumer's own pauses are.
    pub fn retry_after(pause: Duration, error: impl Into<BoxError>) -> Self {
        let error = error.into();
        Self::RetryAfter { error, pause }
    }

    /// An attempt that need not be repeated.
    pub fn fail(error: impl Into<BoxError>) -> Self {
        Self::Fail(error.into())
    }
}
