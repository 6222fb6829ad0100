//! The job `evaluate`: lets `ml` measure how well it understands the utterances that `api` keeps.

use crate::runs::{Run, Runs, State};
use stoa_contracts::evaluations::{EvaluationReport, EvaluationSnapshot};
use stoa_contracts::jobs::Evaluate;
use stoa_contracts::trainings::TrainingStatus;
use stoa_queue::{Job, JobContext, JobError};
use uuid::Uuid;

impl Job<Runs> for Evaluate {
    async fn run(self, runs: Runs, job: JobContext) -> Result<(), JobError> {
        runs.run(self, job).await
    }
}

impl Run for Evaluate {
    const NAME: &'static str = "evaluation";
    type Snapshot = EvaluationSnapshot;
    type Report = EvaluationReport;

    fn id(&self) -> Uuid {
        self.evaluation_id
    }

    fn state(report: &EvaluationReport) -> State<'_> {
        State {
            status: report.status,
            progress: report.progress,
            error: report.error.as_deref(),
        }
    }

    fn failed(error: String) -> EvaluationReport {
        EvaluationReport {
            status: TrainingStatus::Failed,
            progress: 0.0,
            result: None,
            error: Some(error),
        }
    }
}
