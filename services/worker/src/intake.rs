//! Takes the jobs that other services hand over. They stand in the record when the answer goes out, so that nothing
//! lies between who thought of a job and the record but that one's own outbox.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use std::collections::{BTreeMap, HashMap};
use stoa_contracts::ErrorCode;
use stoa_contracts::hand_over::{HandOver, HandedJob, HandedOver, JOBS_LIMIT, RefusedJob};
use stoa_contracts::jobs::{Payload, UnreadablePayload};
use stoa_queue::store::{NewJob, Store};
use stoa_queue::{BODY_LIMIT, QueueError};
use stoa_service::{Json, Problem, Trusted, body_limit};
use stoa_telemetry::propagation;

/// As many jobs as are taken at a time, each as large as it may be. What is larger comes again in parts.
const BODY: usize = JOBS_LIMIT * BODY_LIMIT;
const JOBS: &str = "worker_handed_jobs_total";

type Read = fn(&HandedJob) -> Result<NewJob, Problem>;

/// What is taken, and where it goes.
#[derive(Clone)]
pub(crate) struct Intake {
    store: Store,
    kinds: BTreeMap<&'static str, Read>,
}

/// Describes the metrics and lets them begin at 0.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(JOBS, "Jobs that other services have handed over");
    for outcome in ["taken", "refused"] {
        metrics::counter!(JOBS, "outcome" => outcome).absolute(0);
    }
}

impl Intake {
    /// Takes no kind yet.
    pub(crate) fn new(store: Store) -> Self {
        let kinds = BTreeMap::new();
        Self { store, kinds }
    }

    /// Takes jobs of this kind too.
    pub(crate) fn takes<J: Payload>(mut self) -> Self {
        self.kinds.insert(J::KIND, read::<J>);
        self
    }

    /// The route for the other services.
    pub(crate) fn routes(self) -> Router {
        let routes = Router::new().route("/internal/v1/jobs", post(take_jobs));
        body_limit(routes, BODY).with_state(self)
    }

    /// The job as it is to stand in the record.
    fn read(&self, job: &HandedJob) -> Result<NewJob, Problem> {
        let Some(read) = self.kinds.get(job.kind.as_str()) else {
            let known = self.kinds.keys().copied().collect::<Vec<_>>().join(", ");
            let detail = format!(
                "There is no job of the kind `{}` here; there is: {known}.",
                job.kind
            );
            return Err(Problem::new(ErrorCode::Invalid, detail));
        };
        read(job)
    }
}

async fn take_jobs(
    State(intake): State<Intake>,
    Trusted(HandOver { jobs }): Trusted<HandOver>,
) -> Result<Json<HandedOver>, Problem> {
    if jobs.len() > JOBS_LIMIT {
        let detail = format!("At most {JOBS_LIMIT} jobs are taken at a time.");
        return Err(Problem::new(ErrorCode::Invalid, detail));
    }
    let (mut read, mut refused) = (Vec::with_capacity(jobs.len()), Vec::new());
    for job in &jobs {
        match intake.read(job) {
            Ok(job) => read.push(job),
            Err(problem) => {
                let (id, problem) = (job.id, problem.body().clone());
                tracing::warn!(job.id = %id, job.kind = job.kind, why = problem.detail, "a job is refused");
                refused.push(RefusedJob { id, problem });
            }
        }
    }
    let taken: Vec<_> = read.iter().map(NewJob::id).collect();
    if !read.is_empty() {
        intake.store.enqueue_many(read).await?;
    }
    metrics::counter!(JOBS, "outcome" => "taken").increment(taken.len() as u64);
    metrics::counter!(JOBS, "outcome" => "refused").increment(refused.len() as u64);
    Ok(Json(HandedOver { taken, refused }))
}

fn read<J: Payload>(job: &HandedJob) -> Result<NewJob, Problem> {
    let payload = serde_json::to_vec(&job.payload).map_err(UnreadablePayload::from);
    let payload = payload.and_then(|payload| J::decode(job.version, &payload));
    let payload = payload.map_err(|error| {
        let reason = std::error::Error::source(&error).map(|why| format!(": {why}"));
        let detail = format!("{error}{}", reason.unwrap_or_default());
        Problem::new(ErrorCode::Invalid, detail)
    })?;
    let span = tracing::info_span!(
        "job.enqueue",
        otel.kind = "producer",
        queue = J::QUEUE,
        job.id = %job.id,
        job.kind = J::KIND,
    );
    let given: HashMap<_, _> = job.trace.clone().into_iter().collect();
    propagation::set_parent(&span, propagation::extract_map(&given));
    let trace: BTreeMap<_, _> = span.in_scope(propagation::inject_map).into_iter().collect();
    let new = NewJob::new(&payload).map_err(refusal)?;
    let new = new.with_id(job.id).for_account(job.account_id);
    // A process that records no spans passes the trace on as it came.
    Ok(new.with_trace(if trace.is_empty() {
        job.trace.clone()
    } else {
        trace
    }))
}

/// A payload that cannot be a job.
fn refusal(error: QueueError) -> Problem {
    match error {
        QueueError::TooLarge { size, limit } => Problem::new(
            ErrorCode::TooLarge,
            format!(
                "The payload has {size} bytes, {limit} are allowed: keep the data, and let the job name it."
            ),
        ),
        other => other.into(),
    }
}
