//! What was revoked while access tokens of it may be about: told to the gateways at once.
//!
//! Every revocation is a row, committed with its cause, and a `NOTIFY`. A replica that is told wakes
//! the gateways that wait at it, and they read on from the number that they have seen: so none is
//! missed, whichever replica answers, also while a connection is away.

use std::time::Duration;

use sqlx::{PgConnection, PgPool, postgres::PgListener};
use stoa_contracts::sessions::Revocations;
use stoa_postgres::{DatabaseError, traced};
use stoa_service::BoxError;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::tokens::ACCESS_TTL;

/// How long a revocation is told: longer than any access token lives, and than clocks differ.
pub(crate) const KEPT: time::Duration = ACCESS_TTL.saturating_add(time::Duration::minutes(5));
/// Revocations in an answer; who gets as many asks again at once.
const AT_ONCE: i64 = 10_000;
const CHANNEL: &str = "revocations";
/// Between attempts to listen again when the database was away.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Wakes who waits for revocations; cheap to clone. It says whether it is over: then nobody waits any more, for the
/// process would wait for them.
#[derive(Clone)]
pub(crate) struct Alarm(watch::Sender<bool>);

impl Alarm {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Listens to the database until the token is cancelled.
    pub(crate) async fn run(self, pool: PgPool, token: CancellationToken) -> Result<(), BoxError> {
        let forever = async {
            loop {
                if let Err(error) = self.listen(&pool).await {
                    tracing::warn!(%error, "listening for revocations failed; trying again");
                }
                tokio::time::sleep(RETRY_DELAY).await;
            }
        };
        token.run_until_cancelled(forever).await;
        self.0.send_replace(true);
        Ok(())
    }

    async fn listen(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            // What was said before this moment, or while the connection was away, may have been missed.
            self.0.send_replace(false);
            listener.try_recv().await?;
        }
    }

    /// What was revoked after this number; if nothing was, waits so long for something.
    pub(crate) async fn after(
        &self,
        pool: &PgPool,
        after: i64,
        wait: Duration,
    ) -> Result<Revocations, DatabaseError> {
        // Before the first look: what happens between the look and the wait wakes, too.
        let mut woken = self.0.subscribe();
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let found = read(pool, after).await?;
            if !found.revoked.is_empty() || *woken.borrow_and_update() {
                return Ok(found);
            }
            match tokio::time::timeout_at(deadline, woken.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Ok(found),
            }
        }
    }
}

async fn read(pool: &PgPool, after: i64) -> Result<Revocations, DatabaseError> {
    let select = sqlx::query!(
        "SELECT number, subject FROM revocations WHERE number > $1 ORDER BY number LIMIT $2",
        after,
        AT_ONCE,
    );
    let rows = traced("revocation.list", select.fetch_all(pool)).await?;
    Ok(Revocations {
        next: rows.last().map_or(after, |row| row.number),
        revoked: rows.into_iter().map(|row| row.subject).collect(),
    })
}

/// Tells, once the transaction is committed, that these sessions or keys are no longer good.
pub(crate) async fn tell(
    transaction: &mut PgConnection,
    subjects: &[Uuid],
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    if subjects.is_empty() {
        return Ok(());
    }
    // Numbers are committed in their order, or who reads on from one would miss a lesser one.
    let lock = sqlx::query!("LOCK TABLE revocations IN SHARE ROW EXCLUSIVE MODE");
    traced("revocation.lock", lock.execute(&mut *transaction)).await?;
    let insert = sqlx::query!(
        "INSERT INTO revocations (subject, revoked_at) SELECT unnest($1::uuid[]), $2",
        subjects,
        now,
    );
    traced("revocation.insert", insert.execute(&mut *transaction)).await?;
    let notify = sqlx::query!("SELECT pg_notify($1, 'told')", CHANNEL);
    traced("revocation.notify", notify.execute(transaction)).await?;
    Ok(())
}
