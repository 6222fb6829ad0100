//! The job `train`: lets `ml` make a model of what `api` keeps.

use crate::runs::{Run, Runs, State};
use stoa_contracts::jobs::Train;
use stoa_contracts::trainings::{TrainingReport, TrainingSnapshot, TrainingStatus};
use stoa_queue::{Job, JobContext, JobError};
use uuid::Uuid;

impl Job<Runs> for Train {
    async fn run(self, runs: Runs, job: JobContext) -> Result<(), JobError> {
        runs.run(self, job).await
    }
}

impl Run for Train {
    const NAME: &'static str = "training";
    type Snapshot = TrainingSnapshot;
    type Report = TrainingReport;

    fn id(&self) -> Uuid {
        self.training_id
    }

    fn state(report: &TrainingReport) -> State<'_> {
        State {
            status: report.status,
            progress: report.progress,
            error: report.error.as_deref(),
        }
    }

    fn failed(error: String) -> TrainingReport {
        TrainingReport {
            status: TrainingStatus::Failed,
            progress: 0.0,
            metrics: None,
            error: Some(error),
        }
    }
}
