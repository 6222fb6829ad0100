//! A kind of work in one place: what it carries, its limits, and what is done.

use crate::{JobContext, JobError, Payload};

/// A payload that knows its work. `State` is what the work needs of its service: a pool, clients.
///
/// A service declares its job so in one file, and registers it with [`Consumer::job`](crate::Consumer::job):
///
/// ```
/// # use stoa_queue::{Consumer, Job, JobContext, JobError, Payload};
/// # use serde::{Deserialize, Serialize};
/// # use std::time::Duration;
/// # #[derive(Clone)] struct Mail;
/// # impl Mail { async fn send(&self, _: &str) -> Result<(), std::io::Error> { Ok(()) } }
/// #[derive(Serialize, Deserialize)]
/// struct Greet {
///     name: String,
/// }
///
/// impl Payload for Greet {
///     const KIND: &'static str = "greet";
///     const QUEUE: &'static str = "greetings";
///     const TIME_LIMIT: Duration = Duration::from_secs(10);
/// }
///
/// impl Job<Mail> for Greet {
///     async fn run(self, mail: Mail, _: JobContext) -> Result<(), JobError> {
///         mail.send(&self.name).await.map_err(JobError::retry)
///     }
/// }
///
/// # fn register(consumer: Consumer, mail: Mail) -> Consumer {
/// consumer.job::<Greet, _>(&mail)
/// # }
/// ```
pub trait Job<State>: Payload {
    /// Makes one attempt. It may be made twice, and be dropped wherever it stands.
    fn run(
        self,
        state: State,
        job: JobContext,
    ) -> impl Future<Output = Result<(), JobError>> + Send;
}
