//! Requests that try to reach what is not public, or to be read in two ways.

use crate::support::World;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: stoa\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn the_internal_tree_cannot_be_reached_in_any_spelling() {
    let world = World::start().await;
    let spellings = [
        "/internal",
        "/internal/",
        "/internal/v1/key-tokens",
        "/Internal/v1/key-tokens",
        "/%69nternal/v1/key-tokens",
        "/%49NTERNAL/v1/key-tokens",
        "//internal/v1/key-tokens",
        "/./internal/v1/key-tokens",
        "/api/../internal/v1/key-tokens",
        "/api/v1/open/../../../internal/v1/key-tokens",
        "/api/%2e%2e/internal/v1/key-tokens",
        "/api/..%2finternal/v1/key-tokens",
        "/api/v1/open/%2e%2e%2f%2e%2e/internal",
        "/api\\..\\internal",
        "/api/%5c../internal",
        "/%2finternal",
        "/internal%2fv1",
        "/%2569nternal/..",
        "/internal;x/../internal",
        "http://stoa/internal/v1/key-tokens",
    ];
    for path in spellings {
        let status = world.raw(&get(path)).await;
        assert!(
            status.contains(" 400 ") || status.contains(" 404 "),
            "{path}: {status}"
        );
    }
    assert_eq!(
        (world.upstream.requests(), world.upstream.exchanges()),
        (0, 0)
    );
}

#[tokio::test]
async fn what_is_doubly_encoded_stays_data() {
    let world = World::start().await;
    let told = world.get("/%2569nternal").await.text().await.unwrap();
    assert!(told.contains("\"uri\":\"/%2569nternal\""), "{told}");
}

#[tokio::test]
async fn doubtful_framing_is_refused_and_never_forwarded() {
    let world = World::start().await;
    let post = "POST /api/v1/open/x HTTP/1.1\r\nHost: stoa\r\n";
    let doubtful = [
        format!("{post}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        format!("{post}Content-Length: +3\r\n\r\nabc"),
        format!("{post}Content-Length: -1\r\n\r\n"),
        format!("{post}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        format!("{post}Transfer-Encoding: chunked\r\nX: y\r\n z\r\n\r\n0\r\n\r\n"),
        format!("{post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        format!("{post}Content-Length: 1\r\nBad Name: x\r\n\r\na"),
        "GET /api/v1/open/x HTTP/9.9\r\nHost: stoa\r\n\r\n".to_owned(),
        "GET  /api/v1/open/x HTTP/1.1\r\nHost: stoa\r\n\r\n".to_owned(),
        "GET /api/v1/open/x\r\n\r\n".to_owned(),
        "G\0T /api/v1/open/x HTTP/1.1\r\nHost: stoa\r\n\r\n".to_owned(),
    ];
    for request in doubtful {
        let status = world.raw(&request).await;
        assert!(
            status.is_empty() || status.contains(" 400 "),
            "{request:?}: {status}"
        );
    }
    assert_eq!(world.upstream.requests(), 0);
}

#[tokio::test]
async fn a_body_that_breaks_its_own_framing_is_a_problem_of_the_client() {
    let world = World::start().await;
    let request =
        "POST /api/v1/open/x HTTP/1.1\r\nHost: stoa\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    let status = world.raw(request).await;
    assert!(status.contains(" 400 "), "{status}");
}
