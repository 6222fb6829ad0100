//! One answer for all who ask the same at the same time, on routes that say `coalesce = true`.
//!
//! The first one asks the service; who comes while it waits gets a copy. Shared is only a whole
//! 200 of a known and small size that does not forbid it; anything else goes to the first one as
//! it comes, and the others ask for themselves. Nothing is kept once the answer is there.

use crate::body::{Given, Received};
use crate::headers::X_FORWARDED_HOST;
use crate::routes::Route;
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, COOKIE,
    HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, RANGE, SET_COOKIE, VARY,
};
use http::{Method, Request, Response, StatusCode, response};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use stoa_contracts::ErrorCode;
use stoa_service::Problem;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// A list of a hundred items is a tenth of this; every copy of it is the same memory.
const LARGEST: u64 = 256 * 1024;
/// What must be the same for two requests to be the same.
const TOLD_APART_BY: [HeaderName; 8] = [
    X_FORWARDED_HOST,
    AUTHORIZATION,
    ACCEPT,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    COOKIE,
    ORIGIN,
    RANGE,
];
const SHARED: &str = "gateway_coalesced_total";

/// What makes two requests the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    service: Arc<str>,
    /// The path and the query that the service is asked for.
    target: String,
    headers: Vec<Option<HeaderValue>>,
}

impl Key {
    /// The key of a request that may go to its service; `None` if it is to be asked alone.
    pub(crate) fn of(
        route: &Route,
        service: &Arc<str>,
        request: &Request<Received>,
        is_upgrade: bool,
    ) -> Option<Self> {
        let headers = request.headers();
        let is_plain = request.method() == Method::GET && request.body().is_empty() && !is_upgrade;
        if !route.coalesce || !is_plain {
            return None;
        }
        // The service hears the host by another name.
        let said = |name| if name == X_FORWARDED_HOST { HOST } else { name };
        let told_apart_by = TOLD_APART_BY.map(said);
        let is_twice = |name: &HeaderName| headers.get_all(name).iter().nth(1).is_some();
        if told_apart_by.iter().any(is_twice) {
            return None;
        }
        let value = |name: &HeaderName| headers.get(name).cloned();
        Some(Self {
            service: Arc::clone(service),
            target: request.uri().path_and_query()?.as_str().to_owned(),
            headers: told_apart_by.iter().map(value).collect(),
        })
    }
}

/// What the first one has found out.
#[derive(Clone)]
enum Outcome {
    /// An answer for everybody.
    Shared(response::Parts, Bytes),
    /// An answer that only the first one may have.
    Own,
}

type Waiting = watch::Receiver<Option<Outcome>>;

/// The requests that are under way.
#[derive(Default)]
pub(crate) struct Coalescer {
    flights: Mutex<HashMap<Key, Waiting>>,
}

impl Coalescer {
    /// Nobody asks yet.
    pub(crate) fn new() -> Self {
        metrics::describe_counter!(SHARED, "Requests that got the answer to another one");
        metrics::counter!(SHARED).absolute(0);
        Self::default()
    }

    /// Asks, or waits for the answer to somebody who asks the same already, until `deadline`: then it asks, and hears that
    /// it is late.
    pub(crate) async fn share(
        &self,
        key: Key,
        deadline: Instant,
        ask: impl AsyncFnOnce() -> Response<Given>,
    ) -> Response<Given> {
        loop {
            let mut waiting = match self.join(&key) {
                Ok(flight) => return flight.land(ask().await).await,
                Err(waiting) => waiting,
            };
            let outcome = async {
                let outcome = waiting.wait_for(Option::is_some).await;
                outcome.map(|outcome| outcome.clone())
            };
            match timeout_at(deadline, outcome).await {
                Ok(Ok(Some(Outcome::Shared(parts, bytes)))) => {
                    metrics::counter!(SHARED).increment(1);
                    return Response::from_parts(parts, Given::whole(bytes));
                }
                Ok(Ok(_)) | Err(_) => return ask().await,
                // The first one has left without an answer: somebody else is the first now.
                Ok(Err(_)) => {}
            }
        }
    }

    fn join(&self, key: &Key) -> Result<Flight<'_>, Waiting> {
        let mut flights = self.flights();
        if let Some(waiting) = flights.get(key) {
            return Err(waiting.clone());
        }
        let (tell, waiting) = watch::channel(None);
        flights.insert(key.clone(), waiting);
        Ok(Flight {
            coalescer: self,
            key: key.clone(),
            tell,
        })
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Key, Waiting>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that others wait for, until it has its answer or is given up.
struct Flight<'c> {
    coalescer: &'c Coalescer,
    key: Key,
    tell: watch::Sender<Option<Outcome>>,
}

impl Flight<'_> {
    async fn land(self, response: Response<Given>) -> Response<Given> {
        if !may_be_shared(&response) {
            // Who waits asks now; this answer may be a long one.
            self.tell.send_replace(Some(Outcome::Own));
            return response;
        }
        let (parts, body) = response.into_parts();
        let Ok(body) = body.collect().await else {
            // The body has said so in the log.
            let problem = Problem::new(ErrorCode::Unavailable, ErrorCode::Unavailable.title());
            let problem = problem.with_status(StatusCode::BAD_GATEWAY);
            return problem.into_response().map(Given::made);
        };
        let bytes = body.to_bytes();
        let outcome = Outcome::Shared(parts.clone(), bytes.clone());
        self.tell.send_replace(Some(outcome));
        Response::from_parts(parts, Given::whole(bytes))
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        // Before `tell` goes: who then hears that nobody asks must not find this flight again.
        self.coalescer.flights().remove(&self.key);
    }
}

fn may_be_shared(response: &Response<Given>) -> bool {
    let headers = response.headers();
    // A body that streams through does not know its size; its head does, and is kept to.
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    let length = length.and_then(|length| length.parse().ok());
    let size = response.body().size_hint().exact().or(length);
    response.status() == StatusCode::OK
        && size.is_some_and(|size| size <= LARGEST)
        && !headers.contains_key(SET_COOKIE)
        && !words(headers, &CACHE_CONTROL).any(|word| word.eq_ignore_ascii_case("no-store"))
        && words(headers, &VARY).all(|name| TOLD_APART_BY.iter().any(|known| known == name))
}

/// The words of a list in a header; one that cannot be read counts as one.
fn words<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).iter();
    values.flat_map(|value| value.to_str().unwrap_or("*").split(',').map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::{Table, parse};
    use futures_util::future::join_all;
    use http::header::UPGRADE;
    use std::cell::Cell;
    use std::time::Duration;
    use tokio::sync::Notify;

    const ROUTE: &str =
        "[[route]]\npath = \"/a\"\nmethods = [\"GET\"]\nauth = \"none\"\ncoalesce = true\n";

    fn key(target: &str, header: Option<(&'static str, &'static str)>) -> Option<Key> {
        let file = parse("echo", "routes".as_ref(), ROUTE).unwrap();
        let route = Arc::clone(&Table::new(vec![file]).unwrap().routes()[0]);
        let mut request = Request::new(Received::Nothing);
        *request.uri_mut() = target.parse().unwrap();
        if let Some((name, value)) = header {
            let headers = request.headers_mut();
            headers.insert(name, HeaderValue::from_static(value));
        }
        let is_upgrade = request.headers().contains_key(UPGRADE);
        Key::of(&route, &route.service, &request, is_upgrade)
    }

    fn answer(headers: &[(&'static str, &'static str)], body: Given) -> Response<Given> {
        let mut response = Response::new(body);
        for (name, value) in headers {
            response
                .headers_mut()
                .insert(*name, HeaderValue::from_static(value));
        }
        response
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    /// Five ask the same while the answer is held back: how often the service was asked, and
    /// what each got.
    async fn five(make: impl Fn() -> Response<Given>) -> (usize, Vec<Bytes>) {
        let (coalescer, gate, asked) = (Coalescer::new(), Notify::new(), Cell::new(0));
        let ask = async || {
            asked.set(asked.get() + 1);
            gate.notified().await;
            gate.notify_one();
            make()
        };
        let one = || async {
            let key = key("/a", None).unwrap();
            let response = coalescer.share(key, soon(), ask).await;
            response.into_body().collect().await.unwrap().to_bytes()
        };
        // Polled in this order: all five are there before the gate opens.
        let (bodies, ()) = tokio::join!(join_all((0..5).map(|_| one())), async {
            gate.notify_one();
        });
        assert!(coalescer.flights().is_empty());
        (asked.get(), bodies)
    }

    #[tokio::test]
    async fn who_asks_the_same_at_the_same_time_gets_the_same_answer() {
        let (asked, bodies) =
            five(|| answer(&[("vary", "Accept")], Given::whole("one".into()))).await;
        assert_eq!(asked, 1);
        assert_eq!(bodies, vec![Bytes::from("one"); 5]);
    }

    #[tokio::test]
    async fn what_is_no_plain_small_answer_is_asked_for_by_each() {
        let large = vec![b'x'; usize::try_from(LARGEST).unwrap() + 1];
        let stream = || {
            Given::made(axum::body::Body::from_stream(futures_util::stream::iter([
                Ok::<_, axum::Error>("x"),
            ])))
        };
        let small = || Some(b"x".to_vec());
        for (headers, body) in [
            (vec![("cache-control", "private, No-Store")], small()),
            (vec![("set-cookie", "a=b")], small()),
            (vec![("vary", "accept, x-other")], small()),
            (vec![("vary", "*")], small()),
            (vec![], Some(large)),
            (vec![], None),
        ] {
            let make = || {
                answer(
                    &headers,
                    body.clone()
                        .map_or_else(stream, |bytes| Given::whole(bytes.into())),
                )
            };
            assert_eq!(five(make).await.0, 5, "{headers:?}");
        }
        let missing = || {
            (StatusCode::NOT_FOUND, "x")
                .into_response()
                .map(Given::made)
        };
        assert_eq!(five(missing).await.0, 5);
    }

    #[tokio::test]
    async fn when_the_first_one_leaves_another_one_asks() {
        let coalescer = Coalescer::new();
        let key = key("/a", None).unwrap();
        let never = coalescer.share(key.clone(), soon(), std::future::pending::<Response<Given>>);
        let next = coalescer.share(key, soon(), async || {
            answer(&[], Given::whole("two".into()))
        });
        // It leaves when the other one has begun to wait.
        let leaves = async {
            tokio::select! {
                biased;
                _ = never => {}
                () = tokio::task::yield_now() => {}
            }
        };
        let ((), response) = tokio::join!(leaves, next);
        assert_eq!(response.status(), StatusCode::OK);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_another_one_longer_than_for_its_own_answer() {
        let coalescer = Coalescer::new();
        let key = key("/a", None).unwrap();
        let later = soon() + Duration::from_secs(1);
        let never = coalescer.share(key.clone(), later, std::future::pending::<Response<Given>>);
        let next = coalescer.share(key, soon(), async || {
            answer(&[], Given::whole("two".into()))
        });
        let response = tokio::select! {
            biased;
            _ = never => panic!("it has no answer"),
            response = tokio::time::timeout_at(later, next) => response,
        };
        assert_eq!(response.expect("in time").status(), StatusCode::OK);
    }

    #[test]
    fn requests_of_different_people_or_for_different_things_are_not_the_same() {
        let is_same = |one: Option<Key>, other| one.is_some() && one == other;
        assert!(is_same(key("/a?b=c", None), key("/a?b=c", None)));
        assert!(!is_same(key("/a?b=c", None), key("/a?b=d", None)));
        let who = |value| key("/a", Some(("authorization", value)));
        assert!(is_same(who("Bearer a"), who("Bearer a")));
        assert!(!is_same(who("Bearer a"), who("Bearer b")));
        assert!(!is_same(who("Bearer a"), key("/a", None)));
        assert!(key("/a", Some(("upgrade", "websocket"))).is_none());
    }
}
