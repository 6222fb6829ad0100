//! The job `forget_assistant`: has `ml` and `conversation` remove what they keep of an assistant that was deleted, part by
//! part.
//!
//! Twice is the same as once: what is gone is not there any more.

use crate::refusals::is_for_now;
use crate::upkeep::{PART_TIMEOUT, Upkeep};
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::assistants::ForgetAssistant;
use stoa_contracts::upkeep::Removed;
use stoa_queue::{Job, JobContext, JobError};

impl Job<Upkeep> for ForgetAssistant {
    async fn run(self, upkeep: Upkeep, job: JobContext) -> Result<(), JobError> {
        let path = format!("/internal/v1/assistants/{}", self.assistant_id);
        let ml = remove(&upkeep.ml, &path).await.map_err(later)?;
        let conversation = remove(&upkeep.conversation, &path).await.map_err(later)?;
        job.give(serde_json::json!({"removed": ml + conversation}));
        Ok(())
    }
}

/// Lets a service remove all that it has; how many things it was.
async fn remove(service: &ServiceClient, path: &str) -> Result<u64, ClientError> {
    let service = service.clone().with_timeout(PART_TIMEOUT);
    let mut count = 0;
    loop {
        let part: Removed = service.delete(path).await?;
        count += part.removed;
        if !part.more {
            return Ok(count);
        }
    }
}

/// A service of the release before does not know the path.
fn later(error: ClientError) -> JobError {
    if error.is_not_found() || is_for_now(&error) {
        JobError::retry(error)
    } else {
        JobError::fail(error)
    }
}
