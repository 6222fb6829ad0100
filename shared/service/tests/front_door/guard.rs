//! What the middleware refuses, cuts short or catches.

use std::{io::Read as _, net::TcpStream, thread, time::Duration};

use reqwest::Method;
use stoa_contracts::ErrorCode;
use stoa_service::HttpSettings;
use tokio::sync::oneshot;

use crate::routes::{ask, problem, refused, start};

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    let (status, code, _) = refused(Method::GET, "/nowhere", |r| r).await;
    assert_eq!((status, code), (404, ErrorCode::NotFound));
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_names_the_right_ones() {
    let (running, http) = start(HttpSettings::loopback()).await;
    let response = http
        .delete(format!("{}/orders", running.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["allow"], "POST");
    let problem = problem(response).await;
    assert_eq!((problem.status, problem.code), (405, ErrorCode::Invalid));
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing_and_the_service_lives_on() {
    let (running, http) = start(HttpSettings::loopback()).await;
    for _ in 0..2 {
        let response = http
            .get(format!("{}/panic", running.url()))
            .send()
            .await
            .unwrap();
        let problem = problem(response).await;
        assert_eq!((problem.status, problem.code), (500, ErrorCode::Internal));
        assert!(!problem.detail.contains("purpose"));
    }
}

#[tokio::test]
async fn a_refusal_by_a_library_becomes_a_problem() {
    let (status, code, _) = refused(Method::GET, "/plain", |r| r).await;
    assert_eq!((status, code), (409, ErrorCode::Conflict));
}

#[tokio::test]
async fn a_request_that_takes_too_long_ends_in_a_problem() {
    let short = Duration::from_millis(50);
    let settings = HttpSettings {
        request_timeout: short,
        ..HttpSettings::loopback()
    };
    let (running, http) = start(settings).await;
    let response = http
        .get(format!("{}/slow", running.url()))
        .send()
        .await
        .unwrap();
    let problem = problem(response).await;
    assert_eq!(
        (problem.status, problem.code),
        (504, ErrorCode::Unavailable)
    );
}

#[tokio::test]
async fn a_caller_may_have_less_patience_than_the_service() {
    let hurry = |r: reqwest::RequestBuilder| r.header("x-request-timeout-ms", "50");
    let (status, code, _) = refused(Method::GET, "/slow", hurry).await;
    assert_eq!((status, code), (504, ErrorCode::Unavailable));
}

#[tokio::test]
async fn a_handler_knows_how_long_its_caller_waits() {
    let hurry = |r: reqwest::RequestBuilder| r.header("x-request-timeout-ms", "2000");
    for (with, at_most) in [(hurry as fn(_) -> _, 2000), (|r| r, 10_000)] {
        let (status, left) = ask(Method::GET, "/left", with).await;
        let left: u64 = left.parse().unwrap();
        assert_eq!(status, 200);
        assert!((at_most - 1000..=at_most).contains(&left), "{left}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_connects_and_never_says_a_word_is_let_go() {
    let (running, _) = start(HttpSettings::loopback()).await;
    for url in [running.url(), running.admin_url()] {
        let (told, heard) = oneshot::channel();
        // Outside of the runtime, whose clock goes on as soon as all of it waits.
        thread::spawn(move || {
            let address = url.trim_start_matches("http://");
            let mut client = TcpStream::connect(address).unwrap();
            let patience = Duration::from_secs(30);
            client.set_read_timeout(Some(patience)).unwrap();
            told.send(client.read(&mut [0]))
        });
        assert_eq!(heard.await.unwrap().unwrap(), 0, "it is closed");
    }
}
