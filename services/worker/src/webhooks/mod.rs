//! The job `webhook`: posts an event to an endpoint of an account, and tells `api` what came of it.
//!
//! `api` keeps what is said and to whom; here stands how. An endpoint may be told the same event twice, under the same
//! `webhook-id`, as the scheme of Standard Webhooks expects.

mod announce;
mod sender;
mod signature;

pub(crate) use announce::Announcer;

use rand::RngExt as _;
use sender::{SendError, Sender};
use std::time::{Duration, Instant};
use stoa_client::egress::EgressRules;
use stoa_client::{ClientError, ServiceClient};
use stoa_contracts::jobs::Payload as _;
use stoa_contracts::webhooks::{
    Deliver, DeliveryReport, DeliveryStatus, WebhookAttempt, WebhookMessage,
};
use stoa_queue::store::{DeadJob, StoredJob};
use stoa_queue::{Job, JobContext, JobError, Outcome};
use stoa_service::Clock;
use uuid::Uuid;

use crate::refusals::is_for_now;
use crate::runs::final_failure;

const ATTEMPTS: &str = "worker_webhook_attempts_total";
/// Each pause is so many times the one before ...
const FACTOR: u32 = 4;
/// ... up to this many times the first: with one of 5 s, ten attempts take a day.
const LONGEST: u32 = 5760;

/// What is configured of webhooks.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Where they may lead to.
    pub rules: EgressRules,
    /// The pause after the first attempt.
    pub pause: Duration,
}

/// Delivers events. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Webhooks {
    api: ServiceClient,
    sender: Sender,
    pause: Duration,
    clock: Clock,
}

#[derive(Debug, thiserror::Error)]
enum DeliverError {
    #[error("The delivery has ended, or its webhook is gone or switched off.")]
    Over,
    #[error(transparent)]
    Api(#[from] ClientError),
}

impl DeliverError {
    /// What it means for the job. `api` being away is waited for as an endpoint is: the pauses of the queue would use all
    /// attempts up in a few minutes, without a single message.
    fn after(self, pause: Duration) -> JobError {
        match &self {
            Self::Api(call) if is_for_now(call) => JobError::retry_after(pause, self),
            _ => JobError::fail(self),
        }
    }
}

/// Describes the metrics and lets them begin at 0.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(ATTEMPTS, "Attempts to deliver an event to a webhook");
    for outcome in ["taken", "failed", "forbidden"] {
        metrics::counter!(ATTEMPTS, "outcome" => outcome).absolute(0);
    }
}

impl Job<Webhooks> for Deliver {
    /// Makes one attempt.
    async fn run(self, webhooks: Webhooks, job: JobContext) -> Result<(), JobError> {
        let (id, envelope) = (self.delivery_id, &job.envelope);
        let pause = webhooks.pause(envelope.attempt);
        let message = webhooks.message(id).await;
        let Some(message) = message.map_err(|error| error.after(pause))? else {
            return Ok(());
        };
        let (begun, now) = (Instant::now(), webhooks.clock.now());
        let sent = webhooks.sender.send(id, &message, now).await;
        count(&sent);
        let is_last = envelope.attempt >= envelope.max_attempts;
        let status = match &sent {
            Ok(_) => DeliveryStatus::Succeeded,
            Err(error) if error.is_for_now() && !is_last => DeliveryStatus::Pending,
            Err(_) => DeliveryStatus::Failed,
        };
        let attempt = WebhookAttempt {
            number: envelope.attempt,
            response_status: sent
                .as_ref()
                .map_or_else(SendError::status, |status| Some(*status)),
            error: sent.as_ref().err().map(ToString::to_string),
            milliseconds: u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX),
            attempted_at: now,
        };
        let report = DeliveryReport { attempt, status };
        let told = webhooks.report(id, &report).await;
        told.map_err(|error| error.after(pause))?;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if status == DeliveryStatus::Pending => {
                Err(JobError::retry_after(pause, error))
            }
            Err(error) => Err(JobError::fail(error)),
        }
    }
}

impl Webhooks {
    pub(crate) fn new(api: ServiceClient, settings: WebhookSettings, clock: Clock) -> Self {
        Self {
            api,
            sender: Sender::new(settings.rules),
            pause: settings.pause,
            clock,
        }
    }

    /// What is to be said; nothing if the endpoint has taken it before, by an attempt whose end was lost.
    async fn message(&self, id: Uuid) -> Result<Option<WebhookMessage>, DeliverError> {
        match self.api.get(&path(id)).await {
            Err(error) if error.is_not_found() => Err(DeliverError::Over),
            other => Ok(other?),
        }
    }

    async fn report(&self, id: Uuid, report: &DeliveryReport) -> Result<(), DeliverError> {
        Ok(self.api.put(&path(id), report).await?)
    }

    /// Tells `api` of a delivery whose job was cancelled before it ran; other jobs have none.
    pub(crate) async fn tell_cancelled(&self, job: &StoredJob) {
        let Some(id) = delivery_of(&job.kind, &job.payload) else {
            return;
        };
        if let Err(error) = end(&self.api, id).await {
            tracing::warn!(%error, kind = job.kind, "api was not told of a cancelled job");
        }
    }

    /// Lets the delivery of a job that has ended be tried again in `api`; other jobs have none.
    pub(crate) async fn reopen(&self, job: &DeadJob) -> Result<(), ClientError> {
        let Some(id) = delivery_of(&job.kind, &job.payload) else {
            return Ok(());
        };
        let path = format!("{}/reopening", path(id));
        self.api.put(&path, &serde_json::json!({})).await
    }

    /// How long after an attempt the next one is made, give or take a tenth.
    fn pause(&self, attempt: u16) -> Duration {
        let times = FACTOR
            .saturating_pow(u32::from(attempt.saturating_sub(1)))
            .min(LONGEST);
        (self.pause * times).mul_f64(rand::rng().random_range(0.9..1.1))
    }
}

/// Tells `api` that the job of a delivery has ended without success, if it has.
pub(crate) async fn tell_end(
    api: &ServiceClient,
    job: &JobContext,
    outcome: &Outcome,
) -> Result<(), ClientError> {
    match job.payload::<Deliver>() {
        Ok(deliver) if final_failure(&job.envelope, outcome).is_some() => {
            end(api, deliver.delivery_id).await
        }
        _ => Ok(()),
    }
}

async fn end(api: &ServiceClient, id: Uuid) -> Result<(), ClientError> {
    let path = format!("{}/end", path(id));
    match api.put(&path, &serde_json::json!({})).await {
        // One that is gone needs no more news.
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

fn delivery_of(kind: &str, payload: &[u8]) -> Option<Uuid> {
    let deliver = (kind == Deliver::KIND).then(|| Deliver::decode(Deliver::VERSION, payload));
    Some(deliver?.ok()?.delivery_id)
}

fn path(id: Uuid) -> String {
    format!("/internal/v1/webhook-deliveries/{id}")
}

fn count(sent: &Result<u16, SendError>) {
    let outcome = match sent {
        Ok(_) => "taken",
        Err(error) if error.is_forbidden() => "forbidden",
        Err(_) => "failed",
    };
    metrics::counter!(ATTEMPTS, "outcome" => outcome).increment(1);
}
