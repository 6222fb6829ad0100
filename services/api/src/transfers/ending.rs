//! How imports and exports end: once, whoever says so first.

use serde::Serialize;
use sqlx::{PgTransaction, types::Json as Stored};
use stoa_contracts::{
    FieldError,
    training_data::Hint,
    transfers::{ImportCounts, TransferStatus},
    webhooks::WebhookEvent,
};
use stoa_postgres::{DatabaseError, begin, traced};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    state::Api,
    webhooks::{self, Event},
};

/// What came of one.
pub(crate) struct Ending {
    pub(crate) status: TransferStatus,
    /// The revision that an import has made.
    pub(crate) version: Option<i32>,
    pub(crate) counts: Option<ImportCounts>,
    pub(crate) hints: Vec<Hint>,
    pub(crate) error: Option<String>,
    pub(crate) errors: Vec<FieldError>,
    /// The size of the file that an export has written.
    pub(crate) bytes: Option<i64>,
}

impl Ending {
    pub(crate) fn succeeded() -> Self {
        Self {
            status: TransferStatus::Succeeded,
            version: None,
            counts: None,
            hints: Vec::new(),
            error: None,
            errors: Vec::new(),
            bytes: None,
        }
    }

    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Self {
            status: TransferStatus::Failed,
            error: Some(why.into()),
            ..Self::succeeded()
        }
    }

    /// Writes it down, and tells webhooks of an import; false if it has ended before.
    pub(crate) async fn write(
        &self,
        transaction: &mut PgTransaction<'_>,
        id: Uuid,
        now: OffsetDateTime,
    ) -> Result<bool, DatabaseError> {
        let update = sqlx::query!(
            "UPDATE transfers t SET status = $2, version = $3, counts = $4, hints = $5, error = $6, errors = $7,
                 bytes = coalesce($8, bytes), claimed_until = NULL, updated_at = $9, finished_at = $9
             FROM assistants a
             WHERE t.id = $1 AND a.id = t.assistant_id AND t.status IN ('queued', 'running')
             RETURNING t.direction, t.assistant_id, a.account_id",
            id,
            self.status.as_str(),
            self.version,
            self.counts.map(Stored) as _,
            Stored(&self.hints) as _,
            self.error,
            Stored(&self.errors) as _,
            self.bytes,
            now,
        );
        let ended = traced("transfer.end", update.fetch_optional(&mut **transaction)).await?;
        let Some(row) = ended else {
            return Ok(false);
        };
        if row.direction == "import" {
            let news = News {
                import_id: id,
                assistant_id: row.assistant_id,
                version: self.version,
                counts: self.counts,
                error: self.error.as_deref(),
            };
            let event = match self.status {
                TransferStatus::Succeeded => WebhookEvent::ImportSucceeded,
                _ => WebhookEvent::ImportFailed,
            };
            news.tell(transaction, row.account_id, event, now).await?;
        }
        Ok(true)
    }

    /// Writes it down by itself.
    pub(crate) async fn end(&self, api: &Api, id: Uuid) -> Result<(), DatabaseError> {
        let mut transaction = begin(&api.pool).await?;
        self.write(&mut transaction, id, api.clock.now()).await?;
        traced("transaction.commit", transaction.commit()).await?;
        api.outbox.notify_one();
        Ok(())
    }
}

/// One that was given up, as the database tells it.
pub(crate) struct GivenUp {
    pub(crate) id: Uuid,
    pub(crate) direction: String,
    pub(crate) assistant_id: Uuid,
    pub(crate) account_id: Uuid,
}

impl GivenUp {
    /// Tells webhooks of it if it was an import, with the transaction that gave it up for this reason.
    pub(crate) async fn tell(
        &self,
        transaction: &mut PgTransaction<'_>,
        why: &str,
        now: OffsetDateTime,
    ) -> Result<(), DatabaseError> {
        if self.direction != "import" {
            return Ok(());
        }
        let news = News {
            import_id: self.id,
            assistant_id: self.assistant_id,
            version: None,
            counts: None,
            error: Some(why),
        };
        let event = WebhookEvent::ImportFailed;
        news.tell(transaction, self.account_id, event, now).await
    }
}

/// What webhooks hear of the end of an import.
#[derive(Serialize)]
struct News<'a> {
    import_id: Uuid,
    assistant_id: Uuid,
    /// The revision of the training data that it has made.
    version: Option<i32>,
    counts: Option<ImportCounts>,
    error: Option<&'a str>,
}

impl News<'_> {
    async fn tell(
        &self,
        transaction: &mut PgTransaction<'_>,
        account: Uuid,
        event: WebhookEvent,
        now: OffsetDateTime,
    ) -> Result<(), DatabaseError> {
        webhooks::emit(transaction, account, &Event::now(event, self, now), now).await
    }
}
