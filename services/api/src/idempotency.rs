//! `Idempotency-Key`: a POST that is sent twice is done once.
//!
//! The first request with a key takes it; its answer is stored and replayed to the same request,
//! another request with the key is refused, and so is one that comes while the first is running.
//! What has begun goes on when the client leaves, so that its effect is there with its answer.
//! Sessions have no part in it: their answers are secrets, and signing in twice does no harm.

use std::time::Duration as Wait;

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts as _, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, response::Parts};
use stoa_contracts::{Coded as _, ErrorCode};
use stoa_postgres::{DatabaseError, traced};
use stoa_service::{IdempotencyKey, Identity, Problem};
use time::Duration;
use tokio::sync::oneshot;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{media::essence, room::Received, secrets, state::Api};

/// Tells a client that the answer is that of an earlier request.
const REPLAYED: &str = "idempotency-replayed";
/// How long an answer is kept.
pub(crate) const KEPT: Duration = Duration::hours(24);
/// How long a request may hold its key: longer than its work and the storing of its answer may take, so that only a crash,
/// or a database that is away for so long, makes it expire.
const LOCK: Duration = Duration::minutes(1);
/// How long the work of a request may take, whether somebody waits for it or not: a few statements.
const WORK: Wait = Wait::from_secs(30);
/// Before an answer is stored once more because the database was away or busy: each attempt may take 8 seconds.
const PAUSES: [Wait; 2] = [Wait::from_millis(250), Wait::from_secs(1)];
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
    let (body, room) = api.room.receive(limits).await?;
    parts.extensions.insert(Received);
    let headers = parts.headers.clone();
    let request = Once {
        key,
        path: &path,
        headers: &headers,
        body: &body,
    };
    let answer = next.run(Request::from_parts(parts, Body::from(body.clone())));
    let answer = async move {
        let _room = room;
        answer.await
    };
    request.answer(api, &identity, answer).await
}

/// A request that is carried out once.
pub(crate) struct Once<'a> {
    pub(crate) key: &'a str,
    pub(crate) path: &'a str,
    /// Some of them change what it means.
    pub(crate) headers: &'a HeaderMap,
    /// Its body, or something that stands for it.
    pub(crate) body: &'a [u8],
}

impl Once<'_> {
    /// The answer that `carry_out` gives, or that of the first request with the key. Once it has begun it goes on, whether
    /// somebody waits for the answer or not.
    pub(crate) async fn answer(
        &self,
        api: &Api,
        identity: &Identity,
        carry_out: impl Future<Output = Response> + Send + 'static,
    ) -> Result<Response, Problem> {
        let subject = identity.subject.as_bytes();
        let earlier = secrets::digest_of(&[subject, self.path.as_bytes(), self.body]);
        let value = |name| self.headers.get(name).map(HeaderValue::as_bytes);
        let after = value(header::IF_MATCH).unwrap_or_default();
        let kind = value(header::CONTENT_TYPE).unwrap_or_default();
        let kind = essence(&String::from_utf8_lossy(kind));
        let plain = secrets::digest_of(&[&earlier, after, kind.as_bytes()]);
        let lock = Lock {
            api: api.clone(),
            account: identity.account,
            key: self.key.to_owned(),
            hash: api.sealer.seal(&plain),
            earlier: [api.sealer.seal(&earlier), earlier],
        };
        if let Some(answer) = lock.take().await? {
            return Ok(answer);
        }
        let (tell, told) = oneshot::channel();
        let work = async move {
            // Nobody hears of it if the client has left.
            let _ = tell.send(lock.see_through(carry_out).await);
        };
        api.context.spawn(work.in_current_span());
        // Nothing is told of work that has panicked, which was logged where it happened.
        let crashed = || Problem::new(ErrorCode::Internal, ErrorCode::Internal.title());
        told.await.map_err(|_| crashed())?
    }
}

struct Lock {
    api: Api,
    account: Uuid,
    key: String,
    /// Of the request, which may hold a password.
    hash: Vec<u8>,
    /// The same as earlier releases stored it, without its headers, for a day after them.
    earlier: [Vec<u8>; 2],
}

impl Lock {
    /// Does the work and stores its answer.
    async fn see_through(
        &self,
        carry_out: impl Future<Output = Response>,
    ) -> Result<Response, Problem> {
        if let Ok(response) = tokio::time::timeout(WORK, carry_out).await {
            return self.store(response).await;
        }
        // The key stays taken: it is not known how far this has come.
        let detail = "The request took too long; try again.";
        let problem = Problem::new(ErrorCode::Unavailable, detail);
        Err(problem.with_status(StatusCode::GATEWAY_TIMEOUT))
    }

    /// Takes the key; or the answer that there is already.
    async fn take(&self) -> Result<Option<Response>, Problem> {
        let now = self.api.clock.now();
        // A lock that has expired is that of a crashed process: whoever comes next takes it.
        let insert = sqlx::query!(
            "INSERT INTO idempotency_keys AS k
                 (account_id, key, request_hash, locked_until, created_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (account_id, key) DO UPDATE SET locked_until = $4
                 WHERE k.status IS NULL AND k.locked_until < $5 AND k.request_hash IN ($3, $6, $7)",
            self.account,
            self.key,
            self.hash,
            now + LOCK,
            now,
            self.earlier[0],
            self.earlier[1],
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
            self.account,
            self.key,
        );
        let row = traced("idempotency_key.get", select.fetch_optional(&self.api.pool)).await?;
        // Gone: the first request has just failed on our side and given its key back.
        let row = row.ok_or_else(|| {
            let detail = "The first request with this `Idempotency-Key` has failed; try again.";
            Problem::new(ErrorCode::Conflict, detail)
        })?;
        if row.request_hash != self.hash && !self.earlier.contains(&row.request_hash) {
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
            self.account,
            self.key,
            i16::try_from(parts.status.as_u16()).expect("a status has three digits"),
            body,
            told(header::CONTENT_TYPE),
            told(header::LOCATION),
        );
        traced("idempotency_key.store", update.execute(&self.api.pool)).await?;
        Ok(())
    }

    async fn release(&self) -> Result<(), DatabaseError> {
        let delete = sqlx::query!(
            "DELETE FROM idempotency_keys WHERE account_id = $1 AND key = $2",
            self.account,
            self.key,
        );
        traced("idempotency_key.release", delete.execute(&self.api.pool)).await?;
        Ok(())
    }
}
