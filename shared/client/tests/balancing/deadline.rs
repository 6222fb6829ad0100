//! Nobody works for a caller that has gone.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Json, Router, http::HeaderMap, routing::get};
use stoa_client::{ClientError, ServiceClient};
use stoa_config::InternalToken;
use stoa_contracts::{
    Coded as _, ErrorCode,
    deadline::{Deadline, TIMEOUT_HEADER},
};

use crate::replica::{Dns, Mode, Replica};

/// The milliseconds that each hop was given, the last one first.
type Given = Json<Vec<u64>>;

fn given(headers: &HeaderMap) -> u64 {
    headers[TIMEOUT_HEADER].to_str().unwrap().parse().unwrap()
}

async fn serve(router: Router) -> ServiceClient {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    ServiceClient::new("other", &url, InternalToken::new("between-us"))
}

/// The last hop.
async fn last(headers: HeaderMap) -> Given {
    Json(vec![given(&headers)])
}

/// A hop that does what the service kit does around a handler, takes a while, and asks the next.
async fn between(headers: HeaderMap, next: ServiceClient) -> Given {
    let given = given(&headers);
    let handler = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        next.get::<Vec<u64>>("/").await.unwrap()
    };
    let limit = Duration::from_millis(given);
    let mut all = Deadline::within(limit).around(handler).await;
    all.push(given);
    Json(all)
}

#[tokio::test]
async fn what_is_left_shrinks_from_hop_to_hop() {
    let last = serve(Router::new().route("/", get(last))).await;
    let middle = serve(Router::new().route("/", get(move |headers| between(headers, last)))).await;
    let first = serve(Router::new().route("/", get(move |headers| between(headers, middle)))).await;
    let first = first.with_timeout(Duration::from_secs(2));
    let given = first.get::<Vec<u64>>("/").await.unwrap();
    let [third, second, first] = given[..] else {
        panic!("{given:?}");
    };
    assert_eq!(first, 2000);
    assert!(second <= 1950 && third <= second - 50, "{given:?}");
}

#[tokio::test]
async fn a_call_ends_with_the_time_of_the_one_it_is_made_for() {
    let replica = Replica::start(Mode::Frozen).await;
    let client = Dns::of(&[&replica]).client();
    let start = Instant::now();
    let deadline = Deadline::within(Duration::from_millis(300));
    let error = deadline.around(client.get::<String>("/thing")).await;
    assert_eq!(error.unwrap_err().code(), ErrorCode::Unavailable);
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn where_no_time_is_left_nothing_is_sent() {
    let replica = Replica::start(Mode::Good).await;
    let client = Dns::of(&[&replica]).client();
    let deadline = Deadline::within(Duration::from_millis(3));
    let error = deadline
        .around(client.get::<String>("/thing"))
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Late { .. }), "{error:?}");
    assert_eq!(
        (error.code(), error.problem().status),
        (ErrorCode::Unavailable, 504)
    );
    assert_eq!(replica.requests(), 0);
}

#[tokio::test]
async fn work_that_nobody_waits_for_has_the_time_of_its_client() {
    let limits = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&limits);
    let route = get(move |headers: HeaderMap| async move {
        seen.lock().unwrap().push(given(&headers));
        Json(())
    });
    let client = serve(Router::new().route("/", route)).await;
    let job = async { tokio::spawn(async move { client.get::<()>("/").await }).await };
    let job = Deadline::within(Duration::from_millis(100)).around(job);
    job.await.unwrap().unwrap();
    assert_eq!(*limits.lock().unwrap(), [5000]);
}
