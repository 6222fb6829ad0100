//! `Idempotency-Key`: a POST that is sent twice is done once.
//!
//! The first request with a key takes it; its answer is stored and replayed to the same request,
//! another request with the key is refused, and so is one that comes while the first is running.
//! Sessions have no part in it: their answers are secrets, and signing in twice does no harm.

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts as _, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, Method, StatusCode, header};
use stoa_contracts::ErrorCode;
use stoa_postgres::{DatabaseError, traced};
use stoa_service::{IdempotencyKey, Identity, Problem};
use time::Duration;

use crate::{room::Received, secrets, state::Api};

/// Tells a client that the answer is that of an earlier request.
const REPLAYED: &str = "idempotency-replayed";
/// How long an answer is kept.
pub(crate) const KEPT: Duration = Duration::hours(24);
/// How long a request may hold its key: longer than a request may take, so that only a crash
/// makes it expire.
const LOCK: Duration = Duration::minutes(1);
/// The largest answer; what creates or starts something answers with less than 10 kB.
const ANSWER_LIMIT: usize = 1 << 20;

/// Marks an answer that holds a secret: it is not stored, so it cannot be replayed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnlyOnce;

/// The middleware.
pub(crate) async fn run(State(api): State<Api>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let key = IdempotencyKey::from_request_parts(&mut parts, &()).await;
    let request = Request::from_parts(parts, body);
    let answer = match key {
        Ok(IdempotencyKey(None)) => return next.run(request).await,
        Ok(IdempotencyKey(Some(key))) => idempotent(&api, &key, request, next).await,
        Err(problem) => Err(problem),
    };
    match answer {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn idempotent(
    api: &Api,
    key: &str,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let identity = Identity::from_request_parts(&mut parts, &()).await?;
    let path = parts.uri.path_and_query();
    let path = path.map_or_else(|| parts.uri.path().to_owned(), ToString::to_string);
    let limits = Request::from_parts(parts.clone(), body);
    let (body, _room) = api.room.receive(limits).await?;
    parts.extensions.insert(Received);
    let request = Once {
        key,
        path: &path,
        body: &body,
    };
    let answer = next.run(Request::from_parts(parts, Body::from(body.clone())));
    request.answer(api, &identity, answer).await
}

/// A request that is carried out once.
pub(crate) struct Once<'a> {
    pub(crate) key: &'a str,
    pub(crate) path: &'a str,
    /// Its body, or something that stands for it.
    pub(crate) body: &'a [u8],
}

impl Once<'_> {
    /// The answer that `carry_out` gives, or that of the first request with the key.
    pub(crate) async fn answer(
        &self,
        api: &Api,
        identity: &Identity,
        carry_out: impl Future<Output = Response>,
    ) -> Result<Response, Problem> {
        let subject = identity.subject.as_bytes();
        let plain = secrets::digest_of(&[subject, self.path.as_bytes(), self.body]);
        let lock = Lock {
            api,
            identity,
            key: self.key,
            hash: &api.sealer.seal(&plain),
            plain: &plain,
        };
        if let Some(answer) = lock.take().await? {
            return Ok(answer);
        }
        lock.store(carry_out.await).await
    }
}

struct Lock<'a> {
    api: &'a Api,
    identity: &'a Identity,
    key: &'a str,
    /// Of the request, which may hold a password.
    hash: &'a [u8],
    /// The same as an earlier release stored it, for a day after that.
    plain: &'a [u8],
}

impl Lock<'_> {
    /// Takes the key; or the answer that there is already.
    async fn take(&self) -> Result<Option<Response>, Problem> {
        let now = self.api.clock.now();
        // A lock that has expired is that of a crashed process: whoever comes next takes it.
        let insert = sqlx::query!(
            "INSERT INTO idempotency_keys AS k
                 (account_id, key, request_hash, locked_until, created_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (account_id, key) DO UPDATE SET locked_until = $4
                 WHERE k.status IS NULL AND k.locked_until < $5 AND k.request_hash IN ($3, $6)",
            self.identity.account,
            self.key,
            self.hash,
            now + LOCK,
            now,
            self.plain,
        );
        let taken = traced("idempotency_key.take", insert.execute(&self.api.pool)).await?;
        if taken.rows_affected() == 1 {
            return Ok(None);
        }
        self.answer().await.map(Some)
    }

    async fn answer(&self) -> Result<Response, Problem> {
        let select = sqlx::query!(
            "SELECT request_hash, status, body, content_type, location FROM idempotency_keys
             WHERE account_id = $1 AND key = $2",
            self.identity.account,
            self.key,
        );
        let row = traced("idempotency_key.get", select.fetch_optional(&self.api.pool)).await?;
        // Gone: the first request has just failed on our side and given its key back.
        let row = row.ok_or_else(|| {
            let detail = "The first request with this `Idempotency-Key` has failed; try again.";
            Problem::new(ErrorCode::Conflict, detail)
        })?;
        if row.request_hash != self.hash && row.request_hash != self.plain {
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
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }

    /// Stores the answer for the next time. What failed on our side, or was refused before it
    /// was tried, may be tried again with the same key.
    async fn store(&self, response: Response) -> Result<Response, Problem> {
        let status = response.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            self.release().await?;
            return Ok(response);
        }
        let secret = response.extensions().get::<OnlyOnce>().is_some();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, ANSWER_LIMIT).await.map_err(|error| {
            tracing::error!(%error, "an answer cannot be stored for its Idempotency-Key");
            Problem::new(ErrorCode::Internal, ErrorCode::Internal.title())
        })?;
        let told = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let update = sqlx::query!(
            "UPDATE idempotency_keys SET status = $3, body = $4, content_type = $5, location = $6
             WHERE account_id = $1 AND key = $2",
            self.identity.account,
            self.key,
            i16::try_from(status.as_u16()).expect("a status has three digits"),
            (!secret).then_some(&body[..]),
            told(header::CONTENT_TYPE),
            told(header::LOCATION),
        );
        traced("idempotency_key.store", update.execute(&self.api.pool)).await?;
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    async fn release(&self) -> Result<(), DatabaseError> {
        let delete = sqlx::query!(
            "DELETE FROM idempotency_keys WHERE account_id = $1 AND key = $2",
            self.identity.account,
            self.key,
        );
        traced("idempotency_key.release", delete.execute(&self.api.pool)).await?;
        Ok(())
    }
}
