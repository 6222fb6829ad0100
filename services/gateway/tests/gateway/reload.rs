//! Route files that change while the gateway serves.

use crate::support::{World, json, route_files};
use futures_util::future::join_all;
use gateway::routes::{Lookup, Routes};
use http::{HeaderMap, Method, StatusCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use stoa_testing::eventually;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(20);

/// A route of this path, open to everybody.
fn route(path: &str) -> String {
    format!("[[route]]\npath = \"{path}\"\nauth = \"none\"\n")
}

/// Waits until a path is answered so.
async fn answers(world: &World, path: &str, status: StatusCode) {
    let is_so = async || (world.get(path).await.status() == status).then_some(());
    eventually(SOON, is_so).await;
}

/// Asks in turn, until it is stopped; how often, and what was no success.
async fn load(world: &World, stop: &CancellationToken) -> (usize, Vec<String>) {
    let (mut count, mut failed) = (0, Vec::new());
    while !stop.is_cancelled() {
        count += 1;
        let response = world.http.get(world.url("/api/v1/open/x")).send().await;
        match response {
            Ok(response) if response.status() == StatusCode::OK => {}
            other => failed.push(format!("{other:?}")),
        }
    }
    (count, failed)
}

#[tokio::test]
async fn fifty_reloads_under_load_fail_no_request() {
    let free = [
        ("RATE_LIMIT_PER_SECOND", "1000000"),
        ("RATE_LIMIT_BURST", "1000000"),
    ];
    let world = World::with(&free).await;
    let stop = CancellationToken::new();
    let reloads = async {
        for round in 0..50 {
            let path = format!("/api/v1/round/{round}");
            std::fs::write(world.route_file("web"), route(&path)).unwrap();
            answers(&world, &path, StatusCode::OK).await;
        }
        stop.cancel();
    };
    let workers = join_all((0..6).map(|_| load(&world, &stop)));
    let (workers, ()) = tokio::join!(workers, reloads);
    let count: usize = workers.iter().map(|(count, _)| count).sum();
    let failed: Vec<_> = workers.into_iter().flat_map(|(_, failed)| failed).collect();
    assert!(count > 100, "{count} requests are no load");
    assert!(failed.is_empty(), "{} of {count}: {failed:?}", failed.len());
}

#[tokio::test]
async fn a_route_that_comes_later_for_a_host_answers_for_that_host_only() {
    let world = World::start().await;
    let ask = async |host: &str| {
        let head = format!("GET /api/v1/new HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        world.raw(&head).await
    };
    let of_host = format!("{}host = \"shop.example\"\n", route("/api/v1/new"));
    std::fs::write(world.route_file("web"), of_host).unwrap();
    let is_there = async || (ask("shop.example").await == "HTTP/1.1 200 OK").then_some(());
    eventually(SOON, is_there).await;
    assert_eq!(ask("stoa.example").await, "HTTP/1.1 404 Not Found");
}

#[tokio::test]
async fn a_wrong_file_changes_nothing_until_it_is_right() {
    let world = World::start().await;
    let half = "[[route]]\npath = \"/api/v1/new\"\nau";
    std::fs::write(world.route_file("web"), half).unwrap();
    // Another file is read at the same time, and waits until all are right.
    std::fs::write(world.route_file("other"), route("/api/v1/other")).unwrap();
    let looks = AtomicUsize::new(0);
    let still = async || {
        assert_eq!(world.get("/console").await.status(), StatusCode::OK);
        let new = world.get("/api/v1/new").await.status();
        assert_eq!(new, StatusCode::NOT_FOUND);
        (looks.fetch_add(1, Ordering::Relaxed) > 30).then_some(())
    };
    eventually(SOON, still).await;
    std::fs::write(world.route_file("web"), route("/api/v1/new")).unwrap();
    answers(&world, "/api/v1/new", StatusCode::OK).await;
    answers(&world, "/console", StatusCode::NOT_FOUND).await;
}

#[test]
fn a_refusal_says_file_line_and_reason_and_the_old_table_stays() {
    let folder = route_files(&[("nlu", &route("/a"))]);
    let routes = Routes::load(folder.path()).unwrap();
    let file = folder.path().join("nlu.toml");
    std::fs::write(&file, route("/b") + "timeuot = \"1s\"\n").unwrap();
    let said = routes.reload(|_| Ok(())).unwrap_err().to_string();
    assert!(
        said.contains("nlu.toml:4: unknown field `timeuot`"),
        "{said}"
    );
    std::fs::write(&file, route("/b")).unwrap();
    let said = routes.reload(|_| Err("no URL".into())).unwrap_err();
    assert_eq!(said.to_string(), "no URL");
    let is_there = |path: &str| {
        let found = routes
            .current()
            .lookup(&Method::GET, None, path, &HeaderMap::new());
        matches!(found, Lookup::Found(_))
    };
    assert!(is_there("/a") && !is_there("/b"));
    routes.reload(|_| Ok(())).unwrap();
    assert!(is_there("/b") && !is_there("/a"));
}

#[tokio::test]
async fn a_new_file_brings_its_service_and_takes_it_away_again() {
    let other = crate::support::upstream::Upstream::start().await;
    let world = World::with(&[("BILLING_PLUS_URL", &other.url)]).await;
    assert_eq!(
        world.get("/api/v1/bills").await.status(),
        StatusCode::NOT_FOUND
    );
    let file = world.route_file("billing-plus");
    std::fs::write(&file, route("/api/v1/bills")).unwrap();
    answers(&world, "/api/v1/bills", StatusCode::OK).await;
    assert!(other.requests() > 0);
    std::fs::remove_file(&file).unwrap();
    answers(&world, "/api/v1/bills", StatusCode::NOT_FOUND).await;
    assert_eq!(world.get("/api/v1/open/x").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_new_service_that_is_not_there_is_unavailable_and_the_others_are_not() {
    // Port 9 is the discard service, which nobody runs.
    let world = World::with(&[("BILLING_URL", "http://127.0.0.1:9")]).await;
    std::fs::write(world.route_file("billing"), route("/api/v1/bills")).unwrap();
    answers(&world, "/api/v1/bills", StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(world.get("/api/v1/open/x").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_service_is_asked_for_the_rewritten_path_with_the_query_of_the_request() {
    let world = World::start().await;
    let text = route("/api/v1/old/{id}/{*rest}") + "rewrite = \"/new/{*rest}\"\n";
    std::fs::write(world.route_file("echo"), text).unwrap();
    answers(&world, "/api/v1/old/1/x", StatusCode::OK).await;
    let told = json(world.get("/api/v1/old/1/x/y?z=%20").await).await;
    assert_eq!(told["uri"], "/new/x/y?z=%20");
}

#[tokio::test]
async fn a_share_of_the_clients_goes_to_the_canary_and_each_stays_on_its_side() {
    let canary = crate::support::upstream::Upstream::start().await;
    let settings = [
        ("CANARY_URL", &*canary.url),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
    ];
    let world = World::with(&settings).await;
    let shares =
        "to = [{ service = \"echo\", weight = 1 }, { service = \"canary\", weight = 1 }]\n";
    let text = route("/api/v1/shared") + shares;
    std::fs::write(world.route_file("shared"), text).unwrap();
    answers(&world, "/api/v1/shared", StatusCode::OK).await;
    let mut sides = [0, 0];
    for client in 0..60 {
        let before = canary.requests();
        for _ in 0..2 {
            let request = world.http.get(world.url("/api/v1/shared"));
            let from = format!("10.0.0.{client}");
            let response = request.header("x-forwarded-for", from).send().await;
            assert_eq!(response.unwrap().status(), StatusCode::OK);
        }
        match canary.requests() - before {
            0 => sides[0] += 1,
            2 => sides[1] += 1,
            _ => panic!("10.0.0.{client} was on both sides"),
        }
    }
    assert!(sides.iter().all(|side| *side > 10), "{sides:?}");
}
