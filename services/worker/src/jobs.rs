//! The record of jobs, as their account reads it.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use stoa_contracts::jobs::{Job, JobStatus};
use stoa_contracts::{ErrorCode, Page};
use stoa_postgres::{Cursor, into_page};
use stoa_service::{Identity, Json, Path, Problem, Query, responses};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::records::Records;

/// Which jobs, and which page of them.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct JobFilter {
    /// Only jobs that are so far.
    #[garde(skip)]
    pub status: Option<JobStatus>,
    /// Only this kind of work.
    #[garde(length(chars, min = 1, max = 50))]
    #[param(min_length = 1, max_length = 50, example = "train")]
    pub kind: Option<String>,
    /// The most items of the page.
    #[garde(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: u16,
    /// `next_cursor` of the page before; absent for the first one.
    #[garde(length(max = 500))]
    #[param(max_length = 500)]
    pub cursor: Option<String>,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self {
            status: None,
            kind: None,
            limit: 20,
            cursor: None,
        }
    }
}

/// List the jobs of the account, newest first
#[utoipa::path(
    get, path = "/api/v1/jobs", operation_id = "list_jobs", tag = "jobs",
    params(JobFilter),
    responses((status = 200, body = Page<Job>, description = "A page of jobs"), responses::Read)
)]
pub(crate) async fn list_jobs(
    State(records): State<Records>,
    identity: Identity,
    Query(filter): Query<JobFilter>,
) -> Result<Json<Page<Job>>, Problem> {
    require_whole_account(&identity)?;
    let before = Cursor::<Uuid>::decode(filter.cursor.as_deref())?.map(|cursor| cursor.0);
    let jobs = records.list(identity.account, &filter, before).await?;
    Ok(Json(into_page(jobs, filter.limit.into(), |job| job.id)))
}

/// Get a job
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}", operation_id = "get_job", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job")),
    responses((status = 200, body = Job, description = "The job"), responses::Read)
)]
pub(crate) async fn get_job(
    State(records): State<Records>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<Job>, Problem> {
    require_whole_account(&identity)?;
    let job = records.find(identity.account, id).await?;
    job.map(Json).ok_or_else(|| Problem::not_found("job"))
}

/// A token that is narrowed to one assistant does not read the account's jobs.
fn require_whole_account(identity: &Identity) -> Result<(), Problem> {
    match identity.assistant {
        None => Ok(()),
        Some(_) => Err(Problem::new(
            ErrorCode::Forbidden,
            "This token is good for one assistant only; jobs belong to the account.",
        )),
    }
}
