//! What comes through, what does not, and what the gateway says itself.

use crate::support::{World, json};
use futures_util::StreamExt as _;
use http::{Method, StatusCode};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_page_of_another_origin_may_call_the_routes_that_name_it() {
    let world = World::start().await;
    let ask = async |method: Method, path: &str, origin: &str| {
        let request = world.http.request(method, world.url(path));
        let request = request.header("origin", origin);
        let request = request.header("access-control-request-method", "PUT");
        request.send().await.expect("an answer")
    };
    let allows = "access-control-allow-origin";
    let page = "https://shop.example";
    let preflight = ask(Method::OPTIONS, "/api/v1/pages", page).await;
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert_eq!(preflight.headers()[allows], page);
    assert_eq!(
        preflight.headers()["access-control-allow-methods"],
        "GET, PUT"
    );
    assert_eq!(world.upstream.requests(), 0);
    let answer = ask(Method::PUT, "/api/v1/pages", page).await;
    assert_eq!(
        (answer.status(), &answer.headers()[allows]),
        (StatusCode::OK, &page.parse().unwrap())
    );
    let stranger = ask(Method::PUT, "/api/v1/pages", "https://evil.example").await;
    assert!(!stranger.headers().contains_key(allows));
    let closed = ask(Method::OPTIONS, "/api/v1/things/1", page).await;
    assert_eq!(closed.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(!closed.headers().contains_key(allows));
}

#[tokio::test]
async fn a_request_arrives_as_it_was_sent() {
    let world = World::start().await;
    let request = world.http.patch(world.url("/api/v1/open/a%20b?x=1&x=2&y"));
    let request = request
        .header("x-own", "1")
        .header("x-own", "2")
        .body(vec![7; 100_000]);
    let told = json(request.send().await.unwrap()).await;
    assert_eq!(told["method"], "PATCH");
    assert_eq!(told["uri"], "/api/v1/open/a%20b?x=1&x=2&y");
    assert_eq!(told["headers"]["x-own"], "1|2");
    assert_eq!(told["length"], 100_000);
}

#[tokio::test]
async fn the_service_learns_who_asks_and_by_which_request() {
    let world = World::start().await;
    let request = world.http.get(world.url("/api/v1/open/x"));
    let request = request
        .header("x-forwarded-for", "10.0.0.1")
        .header("forwarded", "for=10.0.0.1")
        .header("x-real-ip", "10.0.0.1")
        .header("x-request-id", "mine")
        .header("connection", "keep-alive, x-private")
        .header("x-private", "1")
        .header("te", "trailers");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "mine");
    let told = json(response).await;
    let headers = &told["headers"];
    assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["x-forwarded-host"], world.authority());
    assert_eq!(headers["x-request-id"], "mine");
    let left: u64 = headers["x-request-timeout-ms"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        (9_000..=10_000).contains(&left),
        "{left} of the route's ten seconds"
    );
    for name in ["forwarded", "x-real-ip", "x-private", "te", "connection"] {
        assert!(headers[name].is_null(), "{name}");
    }
}

#[tokio::test]
async fn the_answer_is_clean_and_secured() {
    let world = World::start().await;
    let response = world.get("/api/v1/open/chatty").await;
    let headers = response.headers();
    assert!(!headers.contains_key("x-hop") && !headers.contains_key("server"));
    assert_eq!(headers["x-frame-options"], "SAMEORIGIN");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(response.text().await.unwrap(), "hello");
}

#[tokio::test]
async fn events_come_through_one_by_one() {
    let world = World::start().await;
    let response = world.get("/api/v1/open/stream").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut pieces = response.bytes_stream();
    let first = tokio::time::timeout(Duration::from_secs(5), pieces.next())
        .await
        .unwrap();
    assert_eq!(first.unwrap().unwrap(), "data: 1\n\n");
}

#[tokio::test]
async fn long_json_is_compressed_for_who_accepts_it() {
    let world = World::start().await;
    let ask = |accepted: &'static str| {
        let request = world.http.get(world.url("/api/v1/open/long"));
        request.header("accept-encoding", accepted).send()
    };
    let plain = ask("identity").await.unwrap();
    assert!(!plain.headers().contains_key("content-encoding"));
    assert_eq!(plain.headers()["etag"], "\"7.json\"");
    let whole = plain.bytes().await.unwrap().len();
    let packed = ask("gzip").await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["etag"], "W/\"7.json\"", "of other bytes");
    assert!(packed.bytes().await.unwrap().len() * 10 < whole);
}

#[tokio::test]
async fn the_console_answers_what_no_service_does_but_nothing_below_api() {
    let world = World::start().await;
    assert_eq!(
        json(world.get("/assistants/1").await).await["uri"],
        "/assistants/1"
    );
    assert_eq!(json(world.get("/").await).await["uri"], "/");
    for path in [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/nothing",
        "/api/v1/small/x",
    ] {
        let response = world.get(path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(json(response).await["code"], "not_found");
    }
}

#[tokio::test]
async fn a_method_that_the_path_does_not_take_is_named_with_those_it_does() {
    let world = World::start().await;
    let response = world
        .http
        .delete(world.url("/api/v1/things/1"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET, PUT");
    let head = world
        .http
        .head(world.url("/api/v1/things/1"))
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_service_that_is_away_is_a_problem_with_a_time_to_come_back() {
    let world = World::start().await;
    let response = world.get("/api/v1/gone").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(json(response).await["code"], "unavailable");
}

#[tokio::test]
async fn a_service_that_is_late_is_a_problem_after_the_routes_own_limit() {
    let world = World::start().await;
    let response = world.get("/api/v1/slow").await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(json(response).await["code"], "unavailable");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_counted_for_its_service() {
    let (url, _service) = breaking_off().await;
    let world = World::with(&[("ECHO_URL", &url)]).await;
    let metric = "gateway_upstream_broken_bodies_total";
    let count = async |upstream: &str| {
        let label = format!("upstream=\"{upstream}\"");
        world.counted(metric, &[&label]).await
    };
    assert_eq!((count("echo").await, count("web").await), (0, 0));
    let request = world.http.get(world.url("/api/v1/open/x"));
    // Whether the client sees the head depends on how soon its body breaks off.
    let body = async { request.send().await?.bytes().await };
    assert!(body.await.is_err());
    assert_eq!((count("echo").await, count("web").await), (1, 0));
}

/// A service whose answers end before they should, until it is dropped.
async fn breaking_off() -> (String, JoinSet<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mut service = JoinSet::new();
    service.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = stream.read(&mut [0; 4096]).await;
            assert!(asked.is_ok_and(|length| length > 0));
            let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun";
            stream.write_all(begun).await.expect("it is open");
        }
    });
    (url, service)
}

#[tokio::test]
async fn a_body_above_the_routes_limit_is_refused_whether_announced_or_not() {
    let world = World::start().await;
    let post = || world.http.post(world.url("/api/v1/small"));
    let fits = post().body(vec![0; 1024]).send().await.unwrap();
    assert_eq!(fits.status(), StatusCode::OK);
    let announced = post().body(vec![0; 10 << 20]).send().await.unwrap();
    assert_eq!(announced.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(json(announced).await["code"], "too_large");
    let pieces =
        futures_util::stream::iter([0_u8; 2].map(|byte| std::io::Result::Ok(vec![byte; 600])));
    let chunked = post()
        .body(reqwest::Body::wrap_stream(pieces))
        .send()
        .await
        .unwrap();
    assert_eq!(chunked.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(json(chunked).await["code"], "too_large");
}

#[tokio::test]
async fn what_is_in_hand_is_finished_before_the_gateway_ends() {
    let world = World::start().await;
    let in_hand = tokio::spawn(world.http.get(world.url("/api/v1/slow")).send());
    let arrived = async || (world.upstream.requests() == 1).then_some(());
    stoa_testing::eventually(Duration::from_secs(5), arrived).await;
    world.stop().await;
    assert_eq!(
        in_hand.await.unwrap().unwrap().status(),
        StatusCode::GATEWAY_TIMEOUT
    );
}
