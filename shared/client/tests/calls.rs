//! What holds for a call to another service.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use stoa_client::{ClientError, Resolver, ServiceClient};
use stoa_config::InternalToken;
use stoa_contracts::{Coded as _, ErrorCode, Problem};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{bearer_token, body_json, header, header_exists, method, path},
};

async fn server(mock: Mock) -> (MockServer, ServiceClient) {
    let server = MockServer::start().await;
    mock.mount(&server).await;
    let client = ServiceClient::new("other", &server.uri(), InternalToken::new("between-us"));
    (server, client.with_timeout(Duration::from_millis(500)))
}

fn problem(code: ErrorCode) -> ResponseTemplate {
    let problem = Problem::new(code, "Because.");
    ResponseTemplate::new(problem.status).set_body_json(problem)
}

#[tokio::test]
async fn a_call_carries_the_token_and_how_long_it_waits() {
    let mock = Mock::given(bearer_token("between-us"))
        .and(header_exists("x-request-timeout-ms"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"n": 1})));
    let (_server, client) = server(mock).await;
    let answer: serde_json::Value = client.get("/thing").await.unwrap();
    assert_eq!(answer, json!({"n": 1}));
}

#[tokio::test]
async fn a_body_is_sent_and_an_empty_answer_may_be_asked_for() {
    let mock = Mock::given(method("PUT"))
        .and(path("/thing"))
        .and(body_json(json!({"n": 2})))
        .respond_with(ResponseTemplate::new(204));
    let (_server, client) = server(mock).await;
    client.put::<()>("/thing", &json!({"n": 2})).await.unwrap();
}

#[tokio::test]
async fn a_problem_comes_back_with_its_code() {
    let (_server, client) =
        server(Mock::given(method("GET")).respond_with(problem(ErrorCode::NotFound))).await;
    let error = client.get::<()>("/thing").await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.problem().detail, "Because.");
}

#[tokio::test]
async fn a_refused_internal_token_is_our_defect_and_not_the_clients() {
    let mock = Mock::given(method("GET")).respond_with(problem(ErrorCode::Unauthenticated));
    let (_server, client) = server(mock).await;
    let error = client.get::<()>("/thing").await.unwrap_err();
    assert_eq!(
        (error.code(), error.problem().status),
        (ErrorCode::Internal, 500)
    );
}

#[tokio::test]
async fn an_idempotent_call_is_tried_again_while_the_other_side_is_away() {
    let (server, client) = server(
        Mock::given(method("GET"))
            .respond_with(problem(ErrorCode::Unavailable))
            .up_to_n_times(2),
    )
    .await;
    let good = ResponseTemplate::new(200).set_body_json(json!("here"));
    Mock::given(method("GET"))
        .respond_with(good)
        .mount(&server)
        .await;
    assert_eq!(client.get::<String>("/thing").await.unwrap(), "here");
}

#[tokio::test]
async fn a_post_is_sent_once() {
    let mock = Mock::given(method("POST"))
        .respond_with(problem(ErrorCode::Unavailable))
        .expect(1);
    let (_server, client) = server(mock).await;
    let error = client.post::<()>("/thing", &json!({})).await.unwrap_err();
    assert!(error.is_transient());
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_unavailable() {
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(5));
    let (_server, client) = server(Mock::given(method("POST")).respond_with(slow)).await;
    let error = client.post::<()>("/thing", &json!({})).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }));
    assert_eq!(error.code(), ErrorCode::Unavailable);
}

#[tokio::test]
async fn an_answer_out_of_the_contract_is_told_apart() {
    let odd = ResponseTemplate::new(200).set_body_string("<html>");
    let (_server, client) = server(Mock::given(method("GET")).respond_with(odd)).await;
    let error = client.get::<u32>("/thing").await.unwrap_err();
    assert!(matches!(error, ClientError::Unexpected { status: 200, .. }));
}

#[tokio::test]
async fn a_good_answer_that_breaks_off_is_unavailable_and_asked_for_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let half = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n\"here";
            let _ = stream.write_all(half).await;
        }
    });
    let client = ServiceClient::new("other", &url, InternalToken::new("between-us"));
    let error = client.get::<String>("/thing").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert_eq!(error.problem().status, 503);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

/// A client of a service at these addresses.
fn balanced(addresses: Vec<std::net::SocketAddr>) -> ServiceClient {
    let url = "http://other:8080";
    let resolver = Resolver::new(move |_, _| {
        let addresses = addresses.clone();
        async move { Ok(addresses) }
    });
    ServiceClient::new("other", url, InternalToken::new("between-us")).with_resolver(url, resolver)
}

#[tokio::test]
async fn a_call_knows_the_service_by_its_name_whatever_the_address() {
    let mock = Mock::given(header("host", "other:8080"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!("here")));
    let (server, _) = server(mock).await;
    let client = balanced(vec![*server.address()]);
    assert_eq!(client.get::<String>("/thing").await.unwrap(), "here");
}

#[tokio::test]
async fn a_refused_connection_costs_no_call_whatever_its_method() {
    let mock = Mock::given(method("POST")).respond_with(ResponseTemplate::new(204));
    let (server, _) = server(mock).await;
    // Nobody runs the discard service.
    let client = balanced(vec![*server.address(), ([127, 0, 0, 1], 9).into()]);
    for _ in 0..20 {
        client.post::<()>("/thing", &json!({})).await.unwrap();
    }
}
