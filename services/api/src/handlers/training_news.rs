//! What the webhooks of an account hear of a training, however it ends.

use serde::Serialize;
use sqlx::PgTransaction;
use stoa_contracts::{models::ModelMetrics, trainings::TrainingStatus, webhooks::WebhookEvent};
use stoa_postgres::{DatabaseError, traced};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::webhooks::{self, Event};

/// The end of a training.
#[derive(Serialize)]
pub(super) struct News<'a> {
    pub(super) training_id: Uuid,
    pub(super) assistant_id: Uuid,
    /// The version of the model that it has made, or was to make.
    pub(super) model: i32,
    pub(super) metrics: Option<&'a ModelMetrics>,
    pub(super) error: Option<&'a str>,
}

impl News<'_> {
    /// Tells the webhooks of the account, with the transaction that ends it.
    pub(super) async fn tell(
        &self,
        transaction: &mut PgTransaction<'_>,
        status: TrainingStatus,
        now: OffsetDateTime,
    ) -> Result<(), DatabaseError> {
        let select = sqlx::query_scalar!(
            "SELECT account_id FROM assistants WHERE id = $1",
            self.assistant_id,
        );
        let account = traced("assistant.account", select.fetch_one(&mut **transaction)).await?;
        let event = match status {
            TrainingStatus::Succeeded => WebhookEvent::TrainingSucceeded,
            _ => WebhookEvent::TrainingFailed,
        };
        webhooks::emit(transaction, account, &Event::now(event, self, now), now).await
    }
}
