//! The answers that are kept, and who carries out the request of one that is not there yet.

use std::time::Duration as Wait;

use axum::{
    body::{Body, to_bytes},
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header, response::Parts};
use sqlx::PgPool;
use stoa_contracts::{Coded as _, ErrorCode};
use stoa_postgres::{DatabaseError, traced};
use stoa_service::{BoxError, Context, IdempotencyKey, Problem};
use time::Duration;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

/// How long an answer is kept.
const KEPT: Duration = Duration::hours(24);
/// How long a request may hold its key: longer than its work and the storing of its answer may take, so that only a crash,
/// or a database that is away for so long, makes it expire.
const LOCK: Duration = Duration::minutes(1);
/// How long the work of a request may take, whether somebody waits for it or not: a few statements.
const WORK: Wait = Wait::from_secs(30);
/// Before an answer is stored once more because the database was away or busy: each attempt may take 8 seconds.
const PAUSES: [Wait; 2] = [Wait::from_millis(250), Wait::from_secs(1)];
/// The largest answer; what creates or starts something answers with less than 10 kB.
const ANSWER_LIMIT: usize = 1 << 20;
/// How often old answers are forgotten.
const EVERY: Wait = Wait::from_mins(15);

/// Marks an answer that holds a secret: it is not stored, so it cannot be replayed.
#[derive(Debug, Clone, Copy)]
pub struct OnlyOnce;

/// The keys of a service, in its own database; cheap to clone.
#[derive(Clone)]
pub struct Keys {
    pool: PgPool,
    context: Context,
}

/// A request that is carried out once.
#[derive(Debug)]
pub struct Once {
    /// Whose key it is.
    pub account: Uuid,
    /// The key.
    pub key: String,
    /// Stands for the request ([`Asked`](crate::Asked)).
    pub digest: Vec<u8>,
    /// What earlier releases stored in place of it, for a day after them.
    pub earlier: Vec<Vec<u8>>,
}

impl Keys {
    /// The table is one of the service's own. What has begun goes on with the process of this context.
    pub fn new(pool: PgPool, context: &Context) -> Self {
        let context = context.clone();
        Self { pool, context }
    }

    /// The answer that `carry_out` gives, or that of the first request with the key. Once it has begun it goes on, whether
    /// somebody waits for the answer or not.
    pub async fn once(
        &self,
        request: Once,
        carry_out: impl Future<Output = Response> + Send + 'static,
    ) -> Result<Response, Problem> {
        let keys = self.clone();
        let lock = Lock { keys, request };
        if let Some(answer) = lock.take().await? {
            return Ok(answer);
        }
        let (tell, told) = oneshot::channel();
        let work = async move {
            // Nobody hears of it if the client has left.
            let _ = tell.send(lock.see_through(carry_out).await);
        };
        self.context.spawn(work.in_current_span());
        // Nothing is told of work that has panicked, which was logged where it happened.
        let crashed = || Problem::new(ErrorCode::Internal, ErrorCode::Internal.title());
        told.await.map_err(|_| crashed())?
    }

    /// Forgets answers that are older than a day.
    pub async fn forget_old(&self) -> Result<(), DatabaseError> {
        let old = self.context.clock.now() - KEPT;
        let delete = sqlx::query!("DELETE FROM idempotency_keys WHERE created_at < $1", old);
        traced("idempotency_key.forget", delete.execute(&self.pool)).await?;
        Ok(())
    }

    /// Does so now and then, until the token is cancelled; a failure is for the next time.
    pub async fn tidy(self, token: CancellationToken) -> Result<(), BoxError> {
        loop {
            if let Err(error) = self.forget_old().await {
                tracing::warn!(%error, "old answers to requests with an Idempotency-Key were not forgotten");
            }
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
}

/// A key that is asked for.
struct Lock {
    keys: Keys,
    request: Once,
}

impl Lock {
    /// Does the work and stores its answer.
    async fn see_through(
        &self,
        carry_out: impl Future<Output = Response>,
    ) -> Result<Response, Problem> {
        let Ok(response) = tokio::time::timeout(WORK, carry_out).await else {
            // The key stays taken: it is not known how far this has come.
            let detail = "The request took too long; try again.";
            let problem = Problem::new(ErrorCode::Unavailable, detail);
            return Err(problem.with_status(StatusCode::GATEWAY_TIMEOUT));
        };
        self.store(response).await
    }

    /// Takes the key; or the answer that there is already.
    async fn take(&self) -> Result<Option<Response>, Problem> {
        let now = self.keys.context.clock.now();
        // A lock that has expired is that of a crashed process: whoever comes next takes it.
        let insert = sqlx::query!(
            "INSERT INTO idempotency_keys AS k
                 (account_id, key, request_hash, locked_until, created_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (account_id, key) DO UPDATE SET locked_until = $4
                 WHERE k.status IS NULL AND k.locked_until < $5
                   AND (k.request_hash = $3 OR k.request_hash = ANY($6))",
            self.request.account,
            self.request.key,
            self.request.digest,
            now + LOCK,
            now,
            &self.request.earlier,
        );
        let taken = traced("idempotency_key.take", insert.execute(&self.keys.pool)).await?;
        if taken.rows_affected() == 1 {
            return Ok(None);
        }
        self.answer().await.map(Some)
    }

    async fn answer(&self) -> Result<Response, Problem> {
        let select = sqlx::query!(
            "SELECT request_hash, status, body, content_type, location FROM idempotency_keys
             WHERE account_id = $1 AND key = $2",
            self.request.account,
            self.request.key,
        );
        let row = traced(
            "idempotency_key.get",
            select.fetch_optional(&self.keys.pool),
        )
        .await?;
        // Gone: the first request has just failed on our side and given its key back.
        let row = row.ok_or_else(|| {
            let detail = "The first request with this `Idempotency-Key` has failed; try again.";
            Problem::new(ErrorCode::Conflict, detail)
        })?;
        let is_same = row.request_hash == self.request.digest
            || self.request.earlier.contains(&row.request_hash);
        if !is_same {
            let detail = "This `Idempotency-Key` was used for another request; use a new one.";
            return Err(Problem::new(ErrorCode::Invalid, detail));
        }
        let Some(status) = row.status else {
            let detail = "The first request with this `Idempotency-Key` is still running.";
            return Err(Problem::new(ErrorCode::Conflict, detail));
        };
        let Some(body) = row.body else {
            let detail =
                "This request was carried out; its answer held a secret that is shown once.";
            return Err(Problem::new(ErrorCode::Conflict, detail));
        };
        let status = u16::try_from(status).unwrap_or_default();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        let stored = [
            (header::CONTENT_TYPE, row.content_type),
            (header::LOCATION, row.location),
        ];
        for (name, value) in stored {
            let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
            headers.extend(value.map(|value| (name, value)));
        }
        headers.insert(IdempotencyKey::REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }

    /// Stores the answer for the next time. What failed on our side, was refused before it was tried, or was in conflict with
    /// a state that may pass, had no effect and may be tried again with the same key.
    async fn store(&self, response: Response) -> Result<Response, Problem> {
        let status = response.status();
        let refused = [StatusCode::TOO_MANY_REQUESTS, StatusCode::CONFLICT].contains(&status);
        if status.is_server_error() || refused {
            self.release().await?;
            return Ok(response);
        }
        let secret = response.extensions().get::<OnlyOnce>().is_some();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, ANSWER_LIMIT).await.map_err(|error| {
            tracing::error!(%error, "an answer cannot be stored for its Idempotency-Key");
            Problem::new(ErrorCode::Internal, ErrorCode::Internal.title())
        })?;
        let kept = (!secret).then_some(&body[..]);
        let mut pauses = PAUSES.into_iter();
        while let Err(error) = self.write(&parts, kept).await {
            let pause = pauses
                .next()
                .filter(|_| error.code() == ErrorCode::Unavailable);
            let Some(pause) = pause else {
                // Its effect is there, so the client gets it all the same.
                tracing::error!(%error, "an answer was not stored: the same request would be carried out once more");
                break;
            };
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    async fn write(&self, parts: &Parts, body: Option<&[u8]>) -> Result<(), DatabaseError> {
        let told = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let update = sqlx::query!(
            "UPDATE idempotency_keys SET status = $3, body = $4, content_type = $5, location = $6
             WHERE account_id = $1 AND key = $2",
            self.request.account,
            self.request.key,
            i16::try_from(parts.status.as_u16()).expect("a status has three digits"),
            body,
            told(header::CONTENT_TYPE),
            told(header::LOCATION),
        );
        traced("idempotency_key.store", update.execute(&self.keys.pool)).await?;
        Ok(())
    }

    async fn release(&self) -> Result<(), DatabaseError> {
        let delete = sqlx::query!(
            "DELETE FROM idempotency_keys WHERE account_id = $1 AND key = $2",
            self.request.account,
            self.request.key,
        );
        traced("idempotency_key.release", delete.execute(&self.keys.pool)).await?;
        Ok(())
    }
}
