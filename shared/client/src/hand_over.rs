//! Jobs for `worker`, which has them in its record when it answers.

use crate::{ClientError, ServiceClient};
use stoa_contracts::hand_over::{HandOver, HandedJob, HandedOver, JOBS_LIMIT, RefusedJob};
use stoa_contracts::{Coded as _, ErrorCode};

/// What `worker` says to jobs; and why it did not say it to all of them.
///
/// They are offered as many at a time as it takes. Jobs that it cannot even read together are offered in smaller parts,
/// until the one that it is about stands alone. To hand a job over twice is the same as once.
pub async fn hand_over(
    worker: &ServiceClient,
    jobs: Vec<HandedJob>,
) -> (HandedOver, Option<ClientError>) {
    let mut all = HandedOver::default();
    let mut parts: Vec<_> = jobs.chunks(JOBS_LIMIT).map(<[_]>::to_vec).collect();
    parts.reverse();
    while let Some(jobs) = parts.pop() {
        let mut part = HandOver { jobs };
        match worker.post("/internal/v1/jobs", &part).await {
            Ok(HandedOver { taken, refused }) => {
                all.taken.extend(taken);
                all.refused.extend(refused);
            }
            Err(error) if is_about_jobs(&error) && part.jobs.len() == 1 => {
                let (id, problem) = (part.jobs[0].id, error.problem());
                all.refused.push(RefusedJob { id, problem });
            }
            Err(error) if is_about_jobs(&error) => {
                let later = part.jobs.split_off(part.jobs.len() / 2);
                parts.extend([later, part.jobs]);
            }
            Err(error) => return (all, Some(error)),
        }
    }
    (all, None)
}

/// Whether it is what the jobs are that was refused: the same would be refused again.
fn is_about_jobs(error: &ClientError) -> bool {
    matches!(error.code(), ErrorCode::Invalid | ErrorCode::TooLarge)
}
