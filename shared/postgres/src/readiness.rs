//! Whether the database answers, asked on a connection of its own.

use std::{pin::Pin, sync::Arc, time::Duration};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, PgPool};
use tokio::sync::Mutex;

use crate::{DatabaseError, query};

/// How long the readiness check may take, so that a probe with a limit of 1 s gets its answer.
const READY_TIMEOUT: Duration = Duration::from_millis(500);

type Ready = Pin<Box<dyn Future<Output = Result<(), DatabaseError>> + Send>>;

/// The check for `App::ready_when`: whether the database answers, within half a second. Those of the pool may all be in
/// use, and that is load: whoever is taken out of service for it leaves the others with more.
pub fn readiness(pool: &PgPool) -> impl Fn() -> Ready + Send + Sync + 'static {
    let probe = Arc::new(Probe {
        pool: pool.clone(),
        kept: Mutex::default(),
    });
    move || {
        let probe = Arc::clone(&probe);
        Box::pin(async move { probe.ready().await })
    }
}

struct Probe {
    pool: PgPool,
    /// The connection that answered last.
    kept: Mutex<Option<PgConnection>>,
}

impl Probe {
    async fn ready(&self) -> Result<(), DatabaseError> {
        query::record_saturation(&self.pool);
        match tokio::time::timeout(READY_TIMEOUT, self.ask()).await {
            Ok(answer) => answer.map_err(DatabaseError::from),
            Err(_) => Err(DatabaseError::from(sqlx::Error::PoolTimedOut)),
        }
    }

    async fn ask(&self) -> Result<(), sqlx::Error> {
        let mut kept = self.kept.lock().await;
        // Taken out: one that does not answer in time is dropped with the question.
        if let Some(mut connection) = kept.take()
            && connection.ping().await.is_ok()
        {
            *kept = Some(connection);
            return Ok(());
        }
        *kept = Some(self.pool.connect_options().connect().await?);
        Ok(())
    }
}
