//! The platform's own jobs, by the clock: services remove what has had its time, a bounded part with each call.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::upkeep::{PATH, Removed};
use stoa_queue::store::{Missed, NewSchedule, ScheduleError, Store};
use stoa_queue::{Job, JobContext, JobError, Payload};
use uuid::Uuid;

/// Each hour, at minutes at which not everybody's jobs start.
const ACCESS: &str = "17 * * * *";
const CONVERSATIONS: &str = "37 * * * *";

/// A part may take as long as a service has for a request.
pub(crate) const PART_TIMEOUT: Duration = Duration::from_secs(10);

/// The services that are told to remove something.
#[derive(Clone)]
pub(crate) struct Upkeep {
    pub(crate) api: ServiceClient,
    pub(crate) ml: ServiceClient,
    pub(crate) conversation: ServiceClient,
}

/// `api` removes expired sessions and keys that were revoked long ago.
#[derive(Deserialize, Serialize)]
pub(crate) struct RemoveExpiredAccess {}

impl Payload for RemoveExpiredAccess {
    const KIND: &'static str = "remove_expired_access";
    const QUEUE: &'static str = "upkeep";
    const MAX_ATTEMPTS: u16 = 4;
    const TIME_LIMIT: Duration = Duration::from_mins(10);
    const SOFT_TIME_LIMIT: Option<Duration> = Some(Duration::from_mins(9));
}

impl Job<Upkeep> for RemoveExpiredAccess {
    async fn run(self, upkeep: Upkeep, job: JobContext) -> Result<(), JobError> {
        remove(&upkeep.api, &job).await
    }
}

/// `conversation` removes conversations that are older than its retention, and what is left of assistants that were deleted.
#[derive(Deserialize, Serialize)]
pub(crate) struct RemoveOldConversations {}

impl Payload for RemoveOldConversations {
    const KIND: &'static str = "remove_old_conversations";
    const QUEUE: &'static str = "upkeep";
    const MAX_ATTEMPTS: u16 = 4;
    const TIME_LIMIT: Duration = Duration::from_mins(10);
    const SOFT_TIME_LIMIT: Option<Duration> = Some(Duration::from_mins(9));
}

impl Job<Upkeep> for RemoveOldConversations {
    async fn run(self, upkeep: Upkeep, job: JobContext) -> Result<(), JobError> {
        remove(&upkeep.conversation, &job).await
    }
}

/// Makes the schedules, or leaves them as they are: every worker does at its start, and each time fires once.
pub(crate) async fn register(store: &Store) -> Result<(), ScheduleError> {
    schedule(store, ACCESS, RemoveExpiredAccess {}).await?;
    schedule(store, CONVERSATIONS, RemoveOldConversations {}).await
}

async fn schedule<J: Payload>(store: &Store, cron: &str, job: J) -> Result<(), ScheduleError> {
    let schedule = NewSchedule {
        name: &format!("platform.{}", J::KIND),
        account: Uuid::nil(),
        cron,
        time_zone: "UTC",
        missed: Missed::Once,
    };
    store.schedule(&schedule, &job).await
}

/// Lets a service remove everything that has had its time, and gives how much it was.
async fn remove(service: &ServiceClient, job: &JobContext) -> Result<(), JobError> {
    let service = service.clone().with_timeout(PART_TIMEOUT);
    let mut count = 0;
    loop {
        let part: Removed = service.post(PATH, &()).await.map_err(later)?;
        count += part.removed;
        // Told to end: the rest is for the next time.
        if !part.more || job.stop().is_some() {
            break;
        }
    }
    job.give(serde_json::json!({"removed": count}));
    Ok(())
}

/// A service of the release before does not know the route; the next time of the schedule finds another.
fn later(error: ClientError) -> JobError {
    if error.is_not_found() {
        JobError::fail(error)
    } else {
        JobError::retry(error)
    }
}
