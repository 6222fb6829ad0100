//! The schedules of an account: what starts by the clock.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use stoa_contracts::identity::Role;
use stoa_contracts::schedules::{
    CreateSchedule, MissedTimes, Schedule, ScheduledJob, UpdateSchedule,
};
use stoa_contracts::{ErrorCode, Page};
use stoa_postgres::{begin, traced};
use stoa_queue::store::{Missed, NewSchedule, ScheduleChange, ScheduleError};
use stoa_service::{Identity, Json, Path, Problem, responses};

use crate::jobs::Jobs;
use crate::retrain::Retrain;
use check::Times;

mod check;
pub(crate) mod show;

/// The most schedules of an account.
const MOST: u16 = 100;

/// List the schedules of the account, by name
#[utoipa::path(
    get, path = "/api/v1/schedules", operation_id = "list_schedules", tag = "schedules",
    responses((status = 200, body = Page<Schedule>, description = "All schedules: a hundred at most"), responses::Read)
)]
pub(crate) async fn list_schedules(
    State(jobs): State<Jobs>,
    identity: Identity,
) -> Result<Json<Page<Schedule>>, Problem> {
    identity.require_whole_account()?;
    let now = jobs.clock.now();
    let found = jobs
        .store
        .schedules_of(identity.account, MOST.into())
        .await?;
    let items = found
        .into_iter()
        .filter_map(|found| show::schedule(found, now));
    Ok(Json(Page {
        items: items.collect(),
        next_cursor: None,
    }))
}

/// Create a schedule
///
/// The same one twice is there once: the second answer is 200. Another one of its name is refused.
#[utoipa::path(
    post, path = "/api/v1/schedules", operation_id = "create_schedule", tag = "schedules",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key twice creates one schedule", min_length = 1, max_length = 255)),
    request_body = CreateSchedule,
    responses(
        (status = 201, body = Schedule, description = "The new schedule"),
        (status = 200, body = Schedule, description = "The schedule that was there already, just like this"),
        responses::Write
    )
)]
pub(crate) async fn create_schedule(
    State(jobs): State<Jobs>,
    identity: Identity,
    Json(input): Json<CreateSchedule>,
) -> Result<impl IntoResponse, Problem> {
    identity.require_whole_account()?;
    identity.require(Role::Editor)?;
    let times = Times::new(&input.cron, &input.time_zone)?;
    times.check(jobs.clock.now())?;
    require_assistant(&jobs, &identity, &input.job).await?;
    let key = key(&identity, &input.name);
    let new = NewSchedule {
        name: &key,
        account: identity.account,
        cron: &input.cron,
        time_zone: &input.time_zone,
        missed: missed(input.missed),
    };
    let job = retrain(&identity, &input.job);
    let is_new = jobs.schedule(&new, input.enabled, &job).await?;
    let found = get(&jobs, &identity, &input.name).await?;
    if !is_new && !is_same(&found, &input) {
        let detail = format!(
            "There is another schedule `{}`; change that one, or take another name.",
            input.name
        );
        return Err(Problem::new(ErrorCode::Conflict, detail));
    }
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let location = format!("/api/v1/schedules/{}", found.name);
    Ok((status, [(header::LOCATION, location)], Json(found)))
}

/// Get a schedule
#[utoipa::path(
    get, path = "/api/v1/schedules/{name}", operation_id = "get_schedule", tag = "schedules",
    params(("name" = String, Path, description = "The schedule", example = "nightly")),
    responses((status = 200, body = Schedule, description = "The schedule"), responses::Read)
)]
pub(crate) async fn get_schedule(
    State(jobs): State<Jobs>,
    identity: Identity,
    Path(name): Path<String>,
) -> Result<Json<Schedule>, Problem> {
    identity.require_whole_account()?;
    get(&jobs, &identity, &name).await.map(Json)
}

/// Change a schedule
///
/// What the body leaves out stays as it is. `enabled` switches it on and off.
#[utoipa::path(
    patch, path = "/api/v1/schedules/{name}", operation_id = "update_schedule", tag = "schedules",
    params(("name" = String, Path, description = "The schedule", example = "nightly")),
    request_body = UpdateSchedule,
    responses((status = 200, body = Schedule, description = "The changed schedule"), responses::Write)
)]
pub(crate) async fn update_schedule(
    State(jobs): State<Jobs>,
    identity: Identity,
    Path(name): Path<String>,
    Json(input): Json<UpdateSchedule>,
) -> Result<Json<Schedule>, Problem> {
    identity.require_whole_account()?;
    identity.require(Role::Editor)?;
    let present = get(&jobs, &identity, &name).await?;
    let cron = input.cron.as_ref().unwrap_or(&present.cron);
    let time_zone = input.time_zone.as_ref().unwrap_or(&present.time_zone);
    if input.cron.is_some() || input.time_zone.is_some() {
        Times::new(cron, time_zone)?.check(jobs.clock.now())?;
    }
    if let Some(job) = &input.job {
        require_assistant(&jobs, &identity, job).await?;
    }
    let change = ScheduleChange {
        cron: input.cron.as_deref(),
        time_zone: input.time_zone.as_deref(),
        missed: input.missed.map(missed),
        is_enabled: input.enabled,
    };
    let job = input.job.as_ref().map(|job| retrain(&identity, job));
    let key = key(&identity, &name);
    let changed = jobs.store.reschedule(&key, &change, job.as_ref()).await;
    if !changed.map_err(refused)? {
        return Err(Problem::not_found("schedule"));
    }
    get(&jobs, &identity, &name).await.map(Json)
}

/// Delete a schedule
///
/// What it has started goes on.
#[utoipa::path(
    delete, path = "/api/v1/schedules/{name}", operation_id = "delete_schedule", tag = "schedules",
    params(("name" = String, Path, description = "The schedule", example = "nightly")),
    responses((status = 204, description = "It is gone"), responses::Write)
)]
pub(crate) async fn delete_schedule(
    State(jobs): State<Jobs>,
    identity: Identity,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    identity.require_whole_account()?;
    identity.require(Role::Editor)?;
    if jobs.store.unschedule(&key(&identity, &name)).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("schedule"))
    }
}

impl Jobs {
    /// Makes a schedule unless it is there, or its account has as many as it may; whether it was made.
    async fn schedule(
        &self,
        new: &NewSchedule<'_>,
        is_enabled: bool,
        job: &Retrain,
    ) -> Result<bool, Problem> {
        // One at a time in this process, so that no more than one connection of the pool waits for the lock ...
        let _turn = self.scheduling.lock().await;
        // ... and one at a time of an account on all workers: between the count and the schedule there is no other.
        let mut transaction = begin(self.store.pool()).await?;
        let lock = sqlx::query!(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
            format!("schedules of {}", new.account)
        );
        traced("schedule.lock", lock.execute(&mut *transaction)).await?;
        let present = self.store.schedules_of(new.account, MOST.into()).await?;
        let is_there = present
            .iter()
            .any(|planned| planned.schedule.name == new.name);
        if present.len() >= usize::from(MOST) && !is_there {
            let detail = format!("An account has at most {MOST} schedules; delete one first.");
            return Err(Problem::new(ErrorCode::Conflict, detail));
        }
        let made = self.store.schedule_once(new, is_enabled, job).await;
        let is_new = made.map_err(refused)?;
        traced("transaction.commit", transaction.commit()).await?;
        Ok(is_new)
    }
}

/// The name in the record, where all accounts are together.
fn key(identity: &Identity, name: &str) -> String {
    format!("{}/{name}", identity.account)
}

async fn get(jobs: &Jobs, identity: &Identity, name: &str) -> Result<Schedule, Problem> {
    let found = jobs.store.find_schedule(&key(identity, name)).await?;
    let found = found.filter(|found| found.schedule.account == identity.account);
    let shown = found.and_then(|found| show::schedule(found, jobs.clock.now()));
    shown.ok_or_else(|| Problem::not_found("schedule"))
}

async fn require_assistant(
    jobs: &Jobs,
    identity: &Identity,
    job: &ScheduledJob,
) -> Result<(), Problem> {
    let assistant = job.assistant_id;
    if jobs.retrainings.has(identity.account, assistant).await? {
        return Ok(());
    }
    Err(Problem::at(
        "/job/assistant_id",
        "the account has no such assistant",
    ))
}

fn retrain(identity: &Identity, job: &ScheduledJob) -> Retrain {
    Retrain {
        assistant_id: job.assistant_id,
        account_id: identity.account,
        created_by: identity.subject,
        activate: job.activate,
    }
}

fn is_same(found: &Schedule, input: &CreateSchedule) -> bool {
    let wanted = (
        &input.cron,
        &input.time_zone,
        input.missed,
        input.enabled,
        &input.job,
    );
    let present = (
        &found.cron,
        &found.time_zone,
        found.missed,
        found.enabled,
        &found.job,
    );
    wanted == present
}

fn missed(policy: MissedTimes) -> Missed {
    match policy {
        MissedTimes::Skip => Missed::Skip,
        MissedTimes::Once => Missed::Once,
        MissedTimes::All => Missed::All,
    }
}

/// The times were looked at before, so what is refused now is ours.
fn refused(error: ScheduleError) -> Problem {
    match error {
        ScheduleError::Queue(error) => error.into(),
        ScheduleError::Cron { .. } => Problem::at("/cron", &error.to_string()),
    }
}
