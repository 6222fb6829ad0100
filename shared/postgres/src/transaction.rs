//! Transactions that may be dropped at any moment.

use sqlx::{PgPool, Postgres, Transaction};

use crate::{DatabaseError, traced};

/// Begins a transaction. A request whose client is gone and a job whose time is over are dropped wherever they stand:
/// dropped in the middle of a `BEGIN`, sqlx would leave the transaction open on a connection that goes back to the
/// pool, and what the next one writes there would not be committed. So the `BEGIN` goes to its end in a task of its own.
pub async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, DatabaseError> {
    let pool = pool.clone();
    let beginning = tokio::spawn(async move { pool.begin().await });
    traced("transaction.begin", async {
        // A runtime that ends is the only one that cancels the task.
        beginning.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    })
    .await
}
