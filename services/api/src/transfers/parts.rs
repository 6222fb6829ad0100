//! Files in the database, in parts: nobody has to hold more than one of them to take a file in or give it out.

use sqlx::{PgExecutor, PgPool};
use stoa_postgres::{DatabaseError, traced};
use time::OffsetDateTime;
use uuid::Uuid;

/// The size of every part but the last, in bytes.
pub(crate) const PART: usize = 1 << 20;

/// Adds a part.
pub(crate) async fn put(
    executor: impl PgExecutor<'_>,
    id: Uuid,
    number: i32,
    content: &[u8],
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    let insert = sqlx::query!(
        "INSERT INTO transfer_parts (transfer_id, number, content, created_at) VALUES ($1, $2, $3, $4)",
        id,
        number,
        content,
        now,
    );
    traced("transfer_part.insert", insert.execute(executor)).await?;
    Ok(())
}

/// One part; none after the last.
pub(crate) async fn get(
    pool: &PgPool,
    id: Uuid,
    number: i32,
) -> Result<Option<Vec<u8>>, DatabaseError> {
    let select = sqlx::query_scalar!(
        "SELECT content FROM transfer_parts WHERE transfer_id = $1 AND number = $2",
        id,
        number,
    );
    traced("transfer_part.get", select.fetch_optional(pool)).await
}

/// The whole file.
pub(crate) async fn whole(pool: &PgPool, id: Uuid, bytes: i64) -> Result<Vec<u8>, DatabaseError> {
    let mut file = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    let mut number = 0;
    while let Some(part) = get(pool, id, number).await? {
        file.extend_from_slice(&part);
        number += 1;
    }
    Ok(file)
}

/// Forgets a file.
pub(crate) async fn forget(executor: impl PgExecutor<'_>, id: Uuid) -> Result<(), DatabaseError> {
    let delete = sqlx::query!("DELETE FROM transfer_parts WHERE transfer_id = $1", id);
    traced("transfer_part.forget", delete.execute(executor)).await?;
    Ok(())
}
