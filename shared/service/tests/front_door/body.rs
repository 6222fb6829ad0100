//! Bodies, paths and queries that do not fit.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use stoa_contracts::ErrorCode;
use stoa_service::HttpSettings;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::routes::{ask, refused, start};

fn json_text(text: impl Into<reqwest::Body>) -> impl FnOnce(RequestBuilder) -> RequestBuilder {
    let body = text.into();
    move |request| {
        request
            .header("content-type", "application/json; charset=utf-8")
            .body(body)
    }
}

fn as_is(request: RequestBuilder) -> RequestBuilder {
    request
}

#[tokio::test]
async fn a_good_body_comes_through() {
    let body = r#"{"name":"lamp","items":[{"count":2}]}"#;
    assert_eq!(
        ask(Method::POST, "/orders", json_text(body)).await,
        (200, body.to_owned())
    );
}

#[tokio::test]
async fn malformed_json_is_refused_with_line_and_column() {
    let body = "{\n  \"name\": \"lamp\",,\n}";
    let (status, code, errors) = refused(Method::POST, "/orders", json_text(body)).await;
    assert_eq!((status, code), (400, ErrorCode::Invalid));
    assert_eq!(
        (&errors[0]["line"], &errors[0]["column"]),
        (&json!(2), &json!(18))
    );
}

#[tokio::test]
async fn text_after_the_document_is_refused() {
    let body = r#"{"name":"lamp","items":[]} and more"#;
    assert_eq!(
        refused(Method::POST, "/orders", json_text(body)).await.0,
        400
    );
}

#[tokio::test]
async fn invalid_utf8_is_refused_with_its_place() {
    let body = b"{\"name\": \"\xff\xfe\", \"items\": []}".to_vec();
    let (status, _, errors) = refused(Method::POST, "/orders", json_text(body)).await;
    assert_eq!((status, &errors[0]["line"]), (400, &json!(1)));
}

#[tokio::test]
async fn a_wrong_type_is_refused_with_its_pointer() {
    let body = r#"{"name":"lamp","items":[{"count":1},{"count":"two"}]}"#;
    let (status, code, errors) = refused(Method::POST, "/orders", json_text(body)).await;
    assert_eq!((status, code), (422, ErrorCode::Invalid));
    assert_eq!(errors[0]["pointer"], "/items/1/count");
}

/// The pointer of a body that is not what the route takes.
async fn pointer_of(body: &'static str) -> Value {
    let (status, code, errors) = refused(Method::POST, "/orders", json_text(body)).await;
    assert_eq!((status, code), (422, ErrorCode::Invalid), "{body}");
    assert_eq!(errors.as_array().unwrap().len(), 1, "{errors}");
    assert!(errors[0]["line"].is_u64(), "{errors}");
    errors[0]["pointer"].clone()
}

#[tokio::test]
async fn a_list_is_no_object_at_any_depth() {
    assert_eq!(pointer_of(r#"["lamp", []]"#).await, Value::Null);
    let body = r#"{"name":"lamp","items":[{"count":1},[2]]}"#;
    assert_eq!(pointer_of(body).await, "/items/1");
}

#[tokio::test]
async fn a_choice_is_a_name_unless_it_holds_something() {
    let body = r#"{"name":"lamp","items":[],"sent_by":{"courier":{"number":7}}}"#;
    let (status, answer) = ask(Method::POST, "/orders", json_text(body)).await;
    assert_eq!((status, answer.as_str()), (200, body));
    let body = r#"{"name":"lamp","items":[],"sent_by":"post"}"#;
    let (status, answer) = ask(Method::POST, "/orders", json_text(body)).await;
    assert_eq!((status, answer.as_str()), (200, body));
    for body in [
        r#"{"name":"lamp","items":[],"sent_by":{"post":null}}"#,
        r#"{"name":"lamp","items":[],"sent_by":5}"#,
        r#"{"name":"lamp","items":[],"sent_by":["post"]}"#,
        r#"{"name":"lamp","items":[],"sent_by":"courier"}"#,
        r#"{"name":"lamp","items":[],"sent_by":"carrier pigeon"}"#,
    ] {
        let pointer = pointer_of(body).await;
        assert!(
            pointer.as_str().unwrap().starts_with("/sent_by"),
            "{body}: {pointer}"
        );
    }
}

#[tokio::test]
async fn what_is_no_name_of_a_choice_is_told_the_choices() {
    let body = r#"{"name":"lamp","items":[],"sent_by":null}"#;
    assert_eq!(ask(Method::POST, "/orders", json_text(body)).await.0, 200);
    let body = r#"{"name":"lamp","items":[],"sent_by":5}"#;
    let (_, _, errors) = refused(Method::POST, "/orders", json_text(body)).await;
    let said = "invalid type: integer `5`, expected one of `post`, `courier`";
    assert_eq!(errors[0]["message"], said);
}

#[tokio::test]
async fn a_missing_field_is_named() {
    assert_eq!(pointer_of(r#"{"name":"lamp"}"#).await, "/items");
    let body = r#"{"name":"lamp","items":[{"count":1},{}]}"#;
    assert_eq!(pointer_of(body).await, "/items/1/count");
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_refused_where_it_ends() {
    let body = r#"{"name":"lamp","ite"#;
    let (status, _, errors) = refused(Method::POST, "/orders", json_text(body)).await;
    assert_eq!((status, &errors[0]["column"]), (400, &json!(19)));
    assert_eq!(errors[0]["pointer"], Value::Null);
}

#[tokio::test]
async fn every_value_that_is_not_allowed_is_named() {
    let body = r#"{"name":"","items":[{"count":1},{"count":10}]}"#;
    let (status, _, errors) = refused(Method::POST, "/orders", json_text(body)).await;
    let pointers: Vec<_> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["pointer"])
        .collect();
    assert_eq!(
        (status, pointers),
        (422, vec![&json!("/items/1/count"), &json!("/name")])
    );
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let (status, code, _) = refused(Method::POST, "/orders", |r| r.body("name=lamp")).await;
    assert_eq!((status, code), (415, ErrorCode::Invalid));
}

#[tokio::test]
async fn a_body_of_10_mib_is_refused_and_the_client_gets_to_read_why() {
    let body = vec![b' '; 10 << 20];
    let (status, code, _) = refused(Method::POST, "/orders", json_text(body)).await;
    assert_eq!((status, code), (413, ErrorCode::TooLarge));
}

#[tokio::test]
async fn a_body_of_unknown_length_is_bounded_too() {
    let chunks = (0..40).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 << 10]));
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    assert_eq!(
        refused(Method::POST, "/orders", json_text(stream)).await.0,
        413
    );
}

#[tokio::test]
async fn a_route_may_take_a_larger_body() {
    let name = "x".repeat(2 << 20);
    let body = json!({"name": name, "items": []}).to_string();
    assert_eq!(
        ask(Method::POST, "/large", json_text(body)).await,
        (200, name)
    );
}

#[tokio::test]
async fn a_part_of_the_path_that_does_not_parse_is_named() {
    let (status, code, errors) = refused(Method::GET, "/orders/17", as_is).await;
    assert_eq!((status, code), (400, ErrorCode::Invalid));
    assert_eq!(errors[0]["pointer"], "/id");
}

#[tokio::test]
async fn a_query_that_does_not_parse_is_named() {
    let (status, code, errors) = refused(Method::GET, "/list?limit=many", as_is).await;
    assert_eq!((status, code), (400, ErrorCode::Invalid));
    assert_eq!(errors[0]["pointer"], "/limit");
}

#[tokio::test]
async fn a_query_out_of_its_bounds_is_refused() {
    let (status, _, errors) = refused(Method::GET, "/list?limit=101", as_is).await;
    assert_eq!((status, &errors[0]["pointer"]), (400, &json!("/limit")));
}

#[tokio::test]
async fn a_query_may_be_left_out() {
    assert_eq!(
        ask(Method::GET, "/list", as_is).await,
        (200, "20".to_owned())
    );
}

#[tokio::test]
async fn a_refusal_comes_after_a_body_that_nobody_reads_and_the_connection_stays() {
    let (running, _) = start(HttpSettings::loopback()).await;
    let mut stream = TcpStream::connect(&running.url()["http://".len()..])
        .await
        .unwrap();
    let head = "POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(300), stream.read_u8()).await;
    assert!(early.is_err(), "it is closed over what is still to come");
    for _ in 0..2 {
        stream.write_all(b"0123456789").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            answer.push(stream.read_u8().await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        stream.write_all(head.as_bytes()).await.unwrap();
    }
}
