//! The job `announce`: has `api` tell an account's webhooks of what has happened in another service.
//!
//! Twice is the same as once: the event has the id of the job, and `api` tells each webhook of it once.

use stoa_client::ServiceClient;
use stoa_contracts::webhooks::Announce;
use stoa_queue::{Job, JobContext, JobError};

use crate::refusals::is_for_now;

/// Announces events to `api`. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Announcer(pub(crate) ServiceClient);

impl Job<Announcer> for Announce {
    async fn run(self, announcer: Announcer, context: JobContext) -> Result<(), JobError> {
        let path = format!("/internal/v1/webhook-events/{}", context.envelope.id);
        match announcer.0.put::<()>(&path, &self).await {
            Ok(()) => Ok(()),
            // An `api` of the release before does not know the path.
            Err(error) if error.is_not_found() || is_for_now(&error) => Err(JobError::retry(error)),
            Err(error) => Err(JobError::fail(error)),
        }
    }
}
