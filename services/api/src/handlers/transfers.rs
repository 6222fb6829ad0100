//! What imports and exports have in common: how long they are kept.

use sqlx::PgTransaction;
use stoa_contracts::upkeep::Removed;
use stoa_postgres::{DatabaseError, begin, traced};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::trainings::SILENCE;
use crate::{state::Api, transfers::GivenUp};

/// How long an export can be downloaded after its end.
pub(super) const EXPORTS_KEPT: Duration = Duration::days(1);
/// How long it can be read what an import has come to.
const IMPORTS_KEPT: Duration = Duration::days(30);
/// How long the file of an import stays that has failed for other reasons than itself, or was cancelled: so long its job can
/// be retried.
const UPLOADS_KEPT: Duration = Duration::days(1);
/// How old parts are that belong to nothing: no upload takes so long.
const ORPHANED: Duration = Duration::hours(1);
/// After this nobody works on one any more, whatever became of its job.
const LOST: Duration = Duration::days(3);
/// Files that a call removes: each has up to 32 parts of a MiB.
const AT_ONCE: i64 = 50;

/// What is said of one that was silent for so long that it held up the next.
const SILENT: &str = "Nothing was heard of this for two hours.";
/// What is said of one that is lost.
const LOST_ERROR: &str = "Nothing was heard of this for three days.";

/// Gives up what has fallen silent, so that it does not hold up the next one, and tells of it as of every other failure.
pub(super) async fn give_up_silent(
    transaction: &mut PgTransaction<'_>,
    assistant: Uuid,
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    let update = sqlx::query_as!(
        GivenUp,
        "UPDATE transfers t SET status = 'failed', finished_at = $2, updated_at = $2, error = $4
         FROM assistants a
         WHERE a.id = $1 AND t.assistant_id = a.id AND t.status IN ('queued', 'running') AND t.updated_at < $3
         RETURNING t.id, t.direction, t.assistant_id, a.account_id",
        assistant,
        now,
        now - SILENCE,
        SILENT,
    );
    let given_up = update.fetch_all(&mut **transaction);
    for transfer in traced("transfer.give_up_silent", given_up).await? {
        transfer.tell(transaction, SILENT, now).await?;
    }
    Ok(())
}

/// Gives up a part of what nobody works on any more, whatever became of its job, and tells of it; how many they were.
async fn give_up_lost(api: &Api, now: OffsetDateTime) -> Result<usize, DatabaseError> {
    let mut transaction = begin(&api.pool).await?;
    let update = sqlx::query_as!(
        GivenUp,
        "UPDATE transfers t SET status = 'failed', finished_at = $1, updated_at = $1, error = $4
         FROM assistants a
         WHERE a.id = t.assistant_id AND t.id IN (SELECT id FROM transfers
             WHERE status IN ('queued', 'running') AND updated_at < $2 LIMIT $3 FOR UPDATE SKIP LOCKED)
         RETURNING t.id, t.direction, t.assistant_id, a.account_id",
        now,
        now - LOST,
        AT_ONCE,
        LOST_ERROR,
    );
    let given_up = update.fetch_all(&mut *transaction);
    let given_up = traced("transfer.give_up", given_up).await?;
    for transfer in &given_up {
        transfer.tell(&mut transaction, LOST_ERROR, now).await?;
    }
    traced("transaction.commit", transaction.commit()).await?;
    if !given_up.is_empty() {
        api.outbox.notify_one();
    }
    Ok(given_up.len())
}

/// Removes a part of what has been kept long enough.
pub(super) async fn remove_expired(
    api: &Api,
    now: OffsetDateTime,
) -> Result<Removed, DatabaseError> {
    let lost = give_up_lost(api, now).await?;
    let transfers = sqlx::query!(
        "DELETE FROM transfers WHERE id IN (SELECT id FROM transfers
             WHERE finished_at < CASE direction WHEN 'export' THEN $1::timestamptz ELSE $2 END LIMIT $3)",
        now - EXPORTS_KEPT,
        now - IMPORTS_KEPT,
        AT_ONCE,
    );
    let transfers = traced("transfer.remove", transfers.execute(&api.pool)).await?;
    // Those of uploads that broke off, of assistants that are gone, and of what was removed just now.
    let parts = sqlx::query!(
        "DELETE FROM transfer_parts WHERE transfer_id IN (SELECT p.transfer_id FROM transfer_parts p
             LEFT JOIN transfers t ON t.id = p.transfer_id
             WHERE p.created_at < $1 AND p.number = 0
                 AND (t.id IS NULL OR t.direction = 'import' AND t.finished_at < $2) LIMIT $3)",
        now - ORPHANED,
        now - UPLOADS_KEPT,
        AT_ONCE,
    );
    let parts = traced("transfer_part.remove", parts.execute(&api.pool)).await?;
    let enough = AT_ONCE.unsigned_abs();
    Ok(Removed {
        removed: transfers.rows_affected(),
        more: lost as u64 == enough
            || transfers.rows_affected() == enough
            || parts.rows_affected() >= enough,
    })
}
