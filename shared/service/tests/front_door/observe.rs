//! What a request leaves behind: an id and measurements.

use stoa_service::HttpSettings;

use crate::routes::start;

#[tokio::test]
async fn a_plain_request_id_comes_back_and_a_strange_one_is_replaced() {
    let (running, http) = start(HttpSettings::loopback()).await;
    let url = format!("{}/list", running.url());
    let response = http
        .get(&url)
        .header("x-request-id", "mine-1")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["x-request-id"], "mine-1");
    let strange = "x".repeat(100);
    let response = http
        .get(&url)
        .header("x-request-id", &strange)
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["x-request-id"].len(), 36);
}

#[tokio::test]
async fn requests_are_measured_by_route_and_errors_by_code() {
    let (running, http) = start(HttpSettings::loopback()).await;
    for path in [
        "/orders/0192f3a0-0000-7000-8000-000000000000",
        "/orders/17",
        "/made/up",
    ] {
        http.get(format!("{}{path}", running.url()))
            .send()
            .await
            .unwrap();
    }
    let metrics = http
        .get(format!("{}/metrics", running.admin_url()))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    let has = |start: &str| metrics.lines().any(|line| line.starts_with(start));
    assert!(
        metrics.contains(r#"http_route="/orders/{id}""#),
        "{metrics}"
    );
    assert!(metrics.contains(r#"http_route="unmatched""#), "{metrics}");
    assert!(!metrics.contains("made"), "{metrics}");
    assert!(
        has(r#"http_server_errors_total{code="invalid"}"#),
        "{metrics}"
    );
    assert!(
        has(r#"http_server_errors_total{code="rate_limited"} 0"#),
        "{metrics}"
    );
    assert!(
        has("# HELP http_server_request_duration_seconds "),
        "{metrics}"
    );
    assert!(
        has("http_server_request_duration_seconds_bucket"),
        "{metrics}"
    );
}
