//! What holds for engines elsewhere: servers of the test's own that speak as Rasa does.

use crate::platform::{Platform, answer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use wiremock::matchers::{body_json, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A server that understands every utterance as `name`.
async fn rasa(name: &str) -> MockServer {
    let server = MockServer::start().await;
    answers(&server, understood(name)).await;
    server
}

fn understood(name: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "text": "hi", "intent": {"name": name, "confidence": 0.8},
        "intent_ranking": [{"name": name, "confidence": 0.8}], "entities": [],
    }))
}

async fn answers(server: &MockServer, response: ResponseTemplate) {
    server.reset().await;
    Mock::given(method("POST"))
        .and(path("/model/parse"))
        .respond_with(response)
        .mount(server)
        .await;
}

async fn asked(server: &MockServer) -> usize {
    server.received_requests().await.unwrap_or_default().len()
}

fn engine(server: &MockServer) -> Value {
    json!({"kind": "rasa", "url": server.uri(), "timeout_ms": 2000})
}

/// A platform whose assistant, with a model or without, has these engines.
async fn with_engines(version: Option<i32>, engines: Value) -> Platform {
    let platform = Platform::start().await;
    platform
        .say_of_assistant(version, json!({"engines": engines}))
        .await;
    platform
}

#[tokio::test]
async fn the_first_engine_that_has_an_answer_gives_it() {
    let (first, second) = (rasa("book").await, rasa("cancel").await);
    let engines = json!([engine(&first), {"kind": "ml"}, engine(&second)]);
    let platform = with_engines(Some(3), engines).await;
    let (status, body) = platform.parse("hi").await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        (
            &body["intent"]["name"],
            &body["engine"],
            &body["model_version"]
        ),
        (&json!("book"), &json!("rasa"), &json!(0))
    );
    answers(&first, ResponseTemplate::new(500)).await;
    let (_, body) = platform.parse("hi").await;
    assert_eq!(
        (
            &body["intent"]["name"],
            &body["engine"],
            &body["model_version"]
        ),
        (&json!("hello"), &json!("ml"), &json!(3))
    );
    assert_eq!((asked(&first).await, asked(&second).await), (1, 0));
}

#[tokio::test]
async fn an_assistant_without_a_model_is_understood_elsewhere() {
    let server = rasa("book").await;
    let platform = with_engines(None, json!([{"kind": "ml"}, engine(&server)])).await;
    let (status, body) = platform.parse("hi").await;
    assert_eq!((status.as_u16(), &body["engine"]), (200, &json!("rasa")));
}

#[tokio::test]
async fn the_status_of_rasa_names_the_model_that_answers() {
    let server = rasa("book").await;
    let (here, elsewhere) = (json!({"kind": "ml"}), engine(&server));
    for (version, engines, model) in [
        (Some(3), json!([elsewhere]), "rasa"),
        (Some(3), json!([elsewhere, here]), "rasa"),
        (Some(3), json!([here, elsewhere]), "3"),
        (None, json!([here, elsewhere]), "rasa"),
    ] {
        let platform = with_engines(version, engines).await;
        let key = platform.token(Some(platform.assistant));
        let request = platform.request(Method::GET, "/status").bearer_auth(key);
        let (status, body) = answer(request).await;
        assert_eq!((status.as_u16(), &body["model_id"]), (200, &json!(model)));
        let (_, parsed) = platform.parse("hi").await;
        let answered = if model == "3" { "ml" } else { "rasa" };
        assert_eq!(parsed["engine"], answered);
    }
}

#[tokio::test]
async fn the_token_goes_along_in_the_way_of_rasa() {
    let server = MockServer::start().await;
    Mock::given(path("/bot/model/parse"))
        .and(query_param("token", "open sesame"))
        .and(body_json(json!({"text": "hi"})))
        .respond_with(understood("book"))
        .mount(&server)
        .await;
    let url = format!("{}/bot/", server.uri());
    let engine = json!({"kind": "rasa", "url": url, "token": "open sesame", "timeout_ms": 2000});
    let platform = with_engines(None, json!([engine])).await;
    assert_eq!(platform.parse("hi").await.0, 200);
    let requests = server.received_requests().await.unwrap();
    // Nothing of ours is told to a stranger.
    let headers = &requests[0].headers;
    for ours in ["authorization", "traceparent", "x-request-timeout-ms"] {
        assert!(!headers.contains_key(ours), "{ours}");
    }
}

#[tokio::test]
async fn entities_stand_in_the_text_with_the_space_that_rasa_takes_away() {
    let server = MockServer::start().await;
    let city = json!({"entity": "city", "start": 3, "end": 9, "value": "Athens"});
    let answer = json!({"text": "to Athens", "intent": {"name": "book", "confidence": 0.8}, "entities": [city]});
    Mock::given(body_json(json!({"text": "to Athens"})))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .mount(&server)
        .await;
    let platform = with_engines(None, json!([engine(&server)])).await;
    let (status, body) = platform.parse(" \n to Athens ").await;
    assert_eq!(
        (status.as_u16(), &body["text"]),
        (200, &json!(" \n to Athens "))
    );
    let entity = &body["entities"][0];
    assert_eq!((&entity["start"], &entity["end"]), (&json!(6), &json!(12)));
}

/// A platform that asks an engine which answers only after its time, and then its own.
async fn with_late_engine(server: &MockServer, timeout_ms: u32) -> Platform {
    let late = understood("book").set_delay(Duration::from_secs(30));
    answers(server, late).await;
    let engine = json!({"kind": "rasa", "url": server.uri(), "timeout_ms": timeout_ms});
    with_engines(Some(3), json!([engine, {"kind": "ml"}])).await
}

/// The answer to somebody who waits two seconds for it.
async fn parse_in_a_hurry(platform: &Platform) -> (StatusCode, Value) {
    let route = format!("/api/v1/assistants/{}/parse", platform.assistant);
    let request = platform
        .request(Method::POST, &route)
        .header("x-request-timeout-ms", "2000")
        .bearer_auth(platform.token(None));
    answer(request.json(&json!({"text": "hi"}))).await
}

#[tokio::test]
async fn an_engine_that_hangs_costs_its_own_time_and_no_more() {
    let server = MockServer::start().await;
    let platform = with_late_engine(&server, 200).await;
    let begun = Instant::now();
    let (status, body) = platform.parse("hi").await;
    assert_eq!((status.as_u16(), &body["engine"]), (200, &json!("ml")));
    assert!(begun.elapsed() < Duration::from_secs(10));
    platform
        .counted(r#"nlu_engine_requests_total{engine="rasa",outcome="timeout"} "#)
        .await;
}

#[tokio::test]
async fn where_somebody_waits_the_first_engine_leaves_time_for_the_next() {
    let server = MockServer::start().await;
    let platform = with_late_engine(&server, 5000).await;
    let (status, body) = parse_in_a_hurry(&platform).await;
    assert_eq!((status.as_u16(), &body["engine"]), (200, &json!("ml")));
}

#[tokio::test]
async fn an_engine_that_fails_again_and_again_is_left_alone_and_tried_anew() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(502)).await;
    let platform = with_engines(Some(3), json!([engine(&server), {"kind": "ml"}])).await;
    for number in 0..20 {
        let (status, body) = platform.parse(&format!("hi {number}")).await;
        assert_eq!((status.as_u16(), &body["engine"]), (200, &json!("ml")));
    }
    platform
        .counted(r#"nlu_engine_requests_total{engine="rasa",outcome="open"} "#)
        .await;
    assert!(asked(&server).await < 20);
    answers(&server, understood("book")).await;
    stoa_testing::eventually(Duration::from_secs(30), || async {
        let (_, body) = platform.parse("hi").await;
        (body["engine"] == "rasa").then_some(())
    })
    .await;
}

#[tokio::test]
async fn where_no_engine_answers_it_is_unavailable_and_says_nothing_of_why() {
    let server = MockServer::start().await;
    answers(&server, ResponseTemplate::new(401)).await;
    let platform = with_engines(None, json!([engine(&server), {"kind": "ml"}])).await;
    let (status, body) = platform.parse("hi").await;
    assert_eq!(
        (status.as_u16(), &body["code"]),
        (503, &json!("unavailable"))
    );
    assert!(!body.to_string().contains("401"), "{body}");
}

#[tokio::test]
async fn what_only_we_can_reach_is_not_asked_and_whoever_named_it_hears_why() {
    let server = rasa("book").await;
    for url in [
        server.uri().replace("127.0.0.1", "127.0.0.2"),
        server.uri().replace("127.0.0.1", "localhost.localdomain"),
        "http://169.254.169.254/latest".to_owned(),
        "http://[::1]:80".to_owned(),
    ] {
        let engine = json!({"kind": "rasa", "url": url, "timeout_ms": 1000});
        let platform = with_engines(None, json!([engine])).await;
        let (status, body) = platform.parse("hi").await;
        let expected = if url.contains("localdomain") {
            503
        } else {
            409
        };
        assert_eq!(status, expected, "{url}: {body}");
    }
    assert_eq!(asked(&server).await, 0);
}

#[tokio::test]
async fn an_answer_of_any_size_or_shape_is_bounded() {
    let server = MockServer::start().await;
    let platform = with_engines(Some(3), json!([engine(&server), {"kind": "ml"}])).await;
    let long = json!({"text": "x".repeat(400 << 10), "intent": {"name": "a", "confidence": 1.0}});
    let elsewhere = server.uri() + "/model/parse/elsewhere";
    for wrong in [
        ResponseTemplate::new(200).set_body_json(long),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200)
            .set_body_json(json!({"entities": [{"entity": "e", "start": 0, "end": 9}]})),
        ResponseTemplate::new(302).insert_header("location", elsewhere),
    ] {
        answers(&server, wrong).await;
        let (status, body) = platform.parse("hi").await;
        assert_eq!(
            (status.as_u16(), &body["engine"]),
            (200, &json!("ml")),
            "{body}"
        );
        assert_eq!(asked(&server).await, 1);
    }
}

#[tokio::test]
async fn requests_for_the_same_at_the_same_moment_share_one_answer() {
    let server = MockServer::start().await;
    let slow = understood("book").set_delay(Duration::from_millis(500));
    answers(&server, slow).await;
    let platform = with_engines(None, json!([engine(&server)])).await;
    let all = std::iter::repeat_with(|| platform.parse("hi")).take(20);
    for (status, body) in futures_util::future::join_all(all).await {
        assert_eq!((status.as_u16(), &body["engine"]), (200, &json!("rasa")));
    }
    assert_eq!(asked(&server).await, 1);
    platform.parse("hi").await;
    assert_eq!(asked(&server).await, 2);
}

#[tokio::test]
async fn who_waits_for_the_answer_to_another_leaves_time_for_the_next_engine_too() {
    let server = MockServer::start().await;
    let platform = with_late_engine(&server, 5000).await;
    let in_a_hurry = async {
        stoa_testing::eventually(Duration::from_secs(30), || async {
            (asked(&server).await == 1).then_some(())
        })
        .await;
        parse_in_a_hurry(&platform).await
    };
    let (first, (status, body)) = tokio::join!(platform.parse("hi"), in_a_hurry);
    assert_eq!((status.as_u16(), &body["engine"]), (200, &json!("ml")));
    assert_eq!(first.0, 200);
    assert_eq!(asked(&server).await, 1);
}

#[tokio::test]
async fn thresholds_and_the_inbox_look_at_answers_from_elsewhere_too() {
    let server = rasa("book").await;
    let platform = Platform::start().await;
    let more = json!({"engines": [engine(&server)], "understanding": {"min_confidence": 0.9}});
    platform.say_of_assistant(None, more).await;
    let (_, body) = platform.parse("hi").await;
    assert_eq!(
        (&body["intent"]["name"], &body["engine"]),
        (&Value::Null, &json!("rasa"))
    );
    platform
        .counted(r#"nlu_inbox_utterances_total{outcome="noticed"} "#)
        .await;
}
