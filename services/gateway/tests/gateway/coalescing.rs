//! Requests that are the same at the same time.

use crate::support::World;
use crate::support::replica::{Dns, Replica};
use futures_util::future::join_all;
use http::StatusCode;
use std::time::Duration;
use stoa_testing::eventually;
use tokio::task::JoinHandle;

const SOON: Duration = Duration::from_secs(20);
const CLIENTS: usize = 20;

/// The second route says when the file has been read: it takes no GET.
const ROUTES: &str = r#"
openapi = false
[[route]]
path = "/api/v1/open/hold"
methods = ["GET"]
auth = "none"
coalesce = true
to = [{ service = "echo", weight = 1 }]
[[route]]
path = "/api/v1/was-read"
methods = ["DELETE"]
auth = "none"
"#;

#[tokio::test]
async fn they_are_asked_for_once_and_all_are_answered() {
    let replica = Replica::start().await;
    let dns = Dns::default();
    dns.says(&[replica.address]);
    let world = World::with_resolver(&[("ECHO_URL", "http://echo:8080")], dns.resolver()).await;
    std::fs::write(world.route_file("shared"), ROUTES).unwrap();
    eventually(SOON, async || {
        let status = world.get("/api/v1/was-read").await.status();
        (status == StatusCode::METHOD_NOT_ALLOWED).then_some(())
    })
    .await;
    let request = || tokio::spawn(world.http.get(world.url("/api/v1/open/hold")).send());
    let requests: Vec<_> = (0..CLIENTS).map(|_| request()).collect();
    eventually(SOON, async || {
        // Who came after an answer was there is asked for anew, and held again.
        if replica.requests() > 0 {
            replica.release();
        }
        requests.iter().all(JoinHandle::is_finished).then_some(())
    })
    .await;
    for response in join_all(requests).await {
        let response = response.unwrap().unwrap();
        assert_eq!(response.text().await.unwrap(), "held");
    }
    assert!(replica.requests() < CLIENTS, "{}", replica.requests());
}
