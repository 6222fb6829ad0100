//! What is too much for a service is not sent to it.

use stoa_client::{ClientError, Shed};
use stoa_contracts::{Coded as _, ErrorCode};
use stoa_testing::eventually;

use crate::replica::{Dns, Mode, Replica, SOON, at};

#[tokio::test]
async fn a_call_beyond_the_bounds_fails_at_once_and_is_not_sent() {
    let replica = Replica::start(Mode::Frozen).await;
    let client = Dns::of(&[&replica]).client().with_limits(2, 0);
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.post::<String>("/thing", &()).await })
        })
        .collect();
    eventually(SOON, || async { (replica.requests() == 2).then_some(()) }).await;
    let error = client.post::<String>("/thing", &()).await.unwrap_err();
    let is_full = matches!(
        error,
        ClientError::Shed {
            source: Shed::Full,
            ..
        }
    );
    assert!(is_full, "{error:?}");
    assert_eq!(
        (error.code(), error.problem().status),
        (ErrorCode::Unavailable, 503)
    );
    assert_eq!(replica.requests(), 2);
    replica.becomes(Mode::Good);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    client.post::<String>("/thing", &()).await.unwrap();
}

#[tokio::test]
async fn a_call_that_waits_is_sent_when_another_has_ended() {
    let replica = Replica::start(Mode::Good).await;
    let client = Dns::of(&[&replica]).client().with_limits(1, 100);
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.post::<String>("/thing", &()).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_client_that_leaves_the_queue_takes_no_place() {
    let endpoints = at([1]).limited(1, 1);
    let turn = endpoints.enter(SOON).await.unwrap();
    let waits = endpoints.enter(SOON);
    let left = tokio::time::timeout(std::time::Duration::from_millis(10), waits).await;
    assert!(left.is_err());
    let (next, ()) = tokio::join!(endpoints.enter(SOON), async { drop(turn) });
    assert!(next.is_ok());
}

#[test]
fn who_does_not_wait_takes_a_place_only_if_there_is_one() {
    let endpoints = at([1]).limited(1, 1);
    let turn = endpoints.try_enter();
    assert!(turn.is_some() && endpoints.try_enter().is_none());
    drop(turn);
    assert!(endpoints.try_enter().is_some());
}

#[tokio::test]
async fn a_service_without_an_address_is_waited_for_and_then_said_to_be_away() {
    let dns = Dns::default();
    let error = dns.client().get::<String>("/thing").await.unwrap_err();
    assert!(matches!(error, ClientError::Absent { .. }), "{error:?}");
    assert_eq!(error.code(), ErrorCode::Unavailable);
    let replica = Replica::start(Mode::Good).await;
    let client = dns.client();
    let (answer, ()) = tokio::join!(client.get::<String>("/thing"), async {
        tokio::task::yield_now().await;
        dns.says([replica.address]);
    });
    assert_eq!(answer.unwrap(), "here");
}
