//! The edge as a cluster runs it, with HTTPS and without.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod task;

use futures_util::future::join_all;
use futures_util::stream;
use rcgen::{CertificateParams, CertifiedKey, KeyPair};
use reqwest::redirect::Policy;
use reqwest::tls::Version as Tls;
use reqwest::{Body, Client, Method, StatusCode, Version};
use std::cell::Cell;
use stoa_testing::eventually;
use task::{DEADLINE, Edge, NAME, certificate};

#[tokio::test]
async fn clients_speak_tls_1_3_alone_and_the_gateway_hears_how_they_came() {
    let edge = Edge::encrypted("yes").await;
    let answer = edge.get(edge.client(), "https").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.version(), Version::HTTP_2);
    let answer = edge.get(edge.client().http1_only(), "https").await;
    assert_eq!(answer.version(), Version::HTTP_11);
    for request in edge.gateway.received_requests().await.unwrap() {
        assert_eq!(request.headers["x-forwarded-proto"], "https");
        assert_eq!(request.headers["x-forwarded-for"], "127.0.0.1");
        let host = format!("{NAME}:{}", edge.ports.encrypted);
        assert_eq!(request.headers["host"], host.as_str());
    }
    let old = edge.client().tls_version_max(Tls::TLS_1_2).build().unwrap();
    let refused = old.get(edge.url("https", "/")).send().await;
    assert!(refused.unwrap_err().is_connect());
}

#[tokio::test]
async fn what_comes_without_tls_is_told_where_https_is_but_for_the_health_check() {
    let edge = Edge::encrypted("yes").await;
    let client = edge.client().build().unwrap();
    let sent = client
        .post(edge.url("http", "/x?y=1"))
        .body("a")
        .send()
        .await;
    let told = sent.unwrap();
    assert_eq!(told.status(), StatusCode::PERMANENT_REDIRECT);
    let location = edge.url("https", "/x?y=1");
    assert_eq!(told.headers()["location"], location.as_str());
    assert!(edge.gateway.received_requests().await.unwrap().is_empty());
    let health = client.get(edge.url("http", "/edge/healthz")).send().await;
    assert_eq!(health.unwrap().text().await.unwrap(), "ok\n");
    let followed = edge
        .get(edge.client().redirect(Policy::default()), "http")
        .await;
    assert_eq!(followed.version(), Version::HTTP_2);
    assert_eq!(edge.arrived().await.url.path(), "/x");
}

#[tokio::test]
async fn what_comes_without_tls_is_served_where_the_cluster_wants_that() {
    let edge = Edge::encrypted("no").await;
    assert_eq!(
        edge.get(edge.client(), "http").await.status(),
        StatusCode::OK
    );
    assert_eq!(edge.arrived().await.headers["x-forwarded-proto"], "http");
    assert_eq!(
        edge.get(edge.client(), "https").await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn without_a_certificate_there_is_the_plain_port_alone() {
    let edge = Edge::start(certificate(), None).await.listening().await;
    assert_eq!(
        edge.get(edge.client(), "http").await.status(),
        StatusCode::OK
    );
    let client = edge.client().build().unwrap();
    let refused = client.get(edge.url("https", "/")).send().await;
    assert!(refused.unwrap_err().is_connect());
    let metrics = edge.metrics().await;
    assert!(
        metrics.contains("build_info{service=\"edge\"} 1\n"),
        "{metrics}"
    );
    assert!(!metrics.contains("certificate"), "{metrics}");
}

#[tokio::test]
async fn an_edge_that_ends_says_so_over_tls_too() {
    let mut edge = Edge::encrypted("yes").await;
    let kept = edge.client().build().unwrap();
    let ask = async || kept.get(edge.url("https", "/")).send().await.unwrap();
    assert_eq!(ask().await.version(), Version::HTTP_2);
    edge.tell_to_end().await;
    assert_eq!(ask().await.status(), StatusCode::OK);
    for scheme in ["https", "http"] {
        let answer = edge.get(edge.client().http1_only(), scheme).await;
        assert_eq!(answer.headers()["connection"], "close", "{scheme}");
    }
    assert_eq!(edge.end().await, Some(0), "{}", edge.log());
}

/// When nginx quits it says which requests it has seen, and those that it has not the client sends elsewhere.
#[tokio::test]
async fn what_is_asked_over_http2_while_an_edge_ends_is_answered_and_never_twice() {
    const AT_A_TIME: usize = 16;
    let (mut ends, other) = (Edge::encrypted("yes").await, Edge::encrypted("yes").await);
    let client = Client::builder()
        .no_proxy()
        .tls_certs_only([ends.root(), other.root()])
        .resolve_to_addrs(NAME, &[ends.encrypted_at(), other.encrypted_at()])
        .build()
        .unwrap();
    ends.tell_to_end().await;
    let has_ended = Cell::new(false);
    let ask = async || {
        let mut answered = 0;
        while !has_ended.get() {
            let sent = client.post(format!("https://{NAME}/")).body("a").send();
            match sent.await {
                // One that waits when the port is closed is reset, before anything could be asked on it.
                Err(error) if error.is_connect() => continue,
                answer => {
                    let answer = answer.unwrap();
                    assert_eq!(answer.version(), Version::HTTP_2);
                    assert_eq!(answer.status(), StatusCode::OK);
                }
            }
            answered += 1;
        }
        answered
    };
    let asked = join_all((0..AT_A_TIME).map(|_| ask()));
    let end = async {
        let gateway = &ends.gateway;
        let received = async || gateway.received_requests().await.unwrap().len();
        eventually(DEADLINE, async || (received().await > 100).then_some(())).await;
        assert_eq!(ends.end().await, Some(0), "{}", ends.log());
        has_ended.set(true);
    };
    let (answered, ()) = tokio::join!(asked, end);
    let [before, after] = [&ends, &other].map(|edge| edge.gateway.received_requests());
    let (before, after) = (before.await.unwrap().len(), after.await.unwrap().len());
    assert!(after > 0, "nobody was sent elsewhere");
    assert_eq!(before + after, answered.iter().sum::<usize>());
}

#[tokio::test]
async fn an_edge_whose_nginx_is_gone_before_the_time_has_passed_ends_as_that_did() {
    let mut edge = Edge::encrypted("yes").await;
    edge.tell_to_end().await;
    edge.end_nginx().await;
    assert_eq!(edge.end().await, Some(0), "{}", edge.log());
}

#[tokio::test]
async fn bodies_come_through_http2_and_one_that_nobody_expects_takes_no_room() {
    const LARGE: usize = 200_000;
    const KEPT: &str = "temporary file";
    let edge = Edge::encrypted("yes").await;
    let unsized_body = |size: usize| {
        let pieces = std::iter::repeat_n(Ok::<_, String>(vec![0; 1000]), size / 1000);
        Body::wrap_stream(stream::iter(pieces))
    };
    for (method, body, length) in [
        (Method::POST, Body::from("abc"), 3),
        (Method::POST, Body::from(vec![0; LARGE]), LARGE),
        (Method::PUT, unsized_body(LARGE), LARGE),
        (Method::DELETE, unsized_body(1000), 1000),
        (Method::DELETE, Body::default(), 0),
    ] {
        // On a connection of its own: a body may come with its first bytes.
        let client = edge.client().build().unwrap();
        let sent = client
            .request(method.clone(), edge.url("https", "/"))
            .body(body)
            .send()
            .await;
        assert_eq!(sent.unwrap().status(), StatusCode::OK, "{method} {length}");
        assert_eq!(edge.arrived().await.body.len(), length, "{method}");
    }
    assert!(!edge.log().contains(KEPT), "{}", edge.log());
    let client = edge.client().build().unwrap();
    let unexpected = client.get(edge.url("https", "/")).body(unsized_body(LARGE));
    assert_eq!(
        unexpected.send().await.unwrap().status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn it_says_when_the_certificate_expires() {
    let edge = Edge::encrypted("yes").await;
    let end = edge.certificate.cert.der();
    let (_, read) = x509_parser::parse_x509_certificate(end).unwrap();
    let expires = read.validity().not_after.timestamp();
    let line = format!("edge_certificate_expires_seconds {expires}\n");
    let metrics = edge.metrics().await;
    assert!(metrics.ends_with(&line), "{metrics}");
}

#[tokio::test]
async fn a_key_of_another_certificate_is_named_in_the_log_of_a_task_that_does_not_start() {
    let other = certificate().signing_key.serialize_pem();
    let mut edge = Edge::start(certificate(), Some((&other, "yes"))).await;
    assert!(!edge.ended().await.success());
    let log = edge.log();
    assert!(
        log.contains("edge_key") && log.contains("mismatch"),
        "{log}"
    );
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_shown_all_the_same() {
    let mut expired = CertificateParams::new([NAME.to_owned()]).unwrap();
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let signing_key = KeyPair::generate().unwrap();
    let cert = expired.self_signed(&signing_key).unwrap();
    let key = signing_key.serialize_pem();
    let certificate = CertifiedKey { cert, signing_key };
    let edge = Edge::start(certificate, Some((&key, "yes"))).await;
    let edge = edge.listening().await;
    let careless = edge.client().tls_danger_accept_invalid_certs(true);
    assert_eq!(edge.get(careless, "https").await.status(), StatusCode::OK);
    let metrics = edge.metrics().await;
    assert!(
        metrics.ends_with("expires_seconds 1577836800\n"),
        "{metrics}"
    );
}
