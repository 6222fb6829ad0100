//! The trace of a request, as a collector receives it.

use axum::Router;
use axum::routing::any;
use http::HeaderMap;
use stoa_config::Env;
use stoa_service::{Context, HttpSettings};
use stoa_telemetry::{Telemetry, TelemetrySettings};
use stoa_testing::otlp::Collector;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const ROUTES: &str = "[[route]]\npath = \"/api/v1/things/{id}\"\nauth = \"none\"\n";

#[test]
fn it_begins_at_the_gateway_and_goes_on_in_the_service() {
    let runtime = Runtime::new().unwrap();
    let collector = runtime.block_on(Collector::start());
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())];
    let settings: TelemetrySettings = Env::from_pairs(endpoint).load().unwrap();
    let telemetry = Telemetry::init("gateway", &settings).unwrap();
    let received = runtime.block_on(exchange());
    telemetry.shutdown();

    let spans = collector.spans();
    let of_kind = |kind| spans.iter().find(|span| span.kind == kind).unwrap();
    let (server, client) = (of_kind("server"), of_kind("client"));
    assert_eq!(server.name, "GET /api/v1/things/{id}");
    assert_eq!(server.parent_span_id, None);
    assert_eq!(server.attributes["http.route"], "/api/v1/things/{id}");
    assert_eq!(client.parent_span_id.as_ref(), Some(&server.span_id));
    assert_eq!(client.attributes["peer.service"], "echo");
    assert_eq!(
        received,
        format!("00-{}-{}-01", client.trace_id, client.span_id)
    );
}

/// Sends one request through a gateway; gives the `traceparent` that the service received.
async fn exchange() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let tell = |headers: HeaderMap| async move {
        headers["traceparent"].to_str().expect("ASCII").to_owned()
    };
    let service = Router::new().fallback(any(tell));
    let server = tokio::spawn(async move { axum::serve(listener, service).await });

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("echo.toml"), ROUTES).expect("room for a file");
    let routes = folder.path().display().to_string();
    let settings = Env::from_pairs([
        ("GATEWAY_ROUTES", routes.as_str()),
        ("ECHO_URL", &url),
        ("TOKEN_VERIFYING_KEY", stoa_testing::keys::VERIFYING_KEY),
        ("INTERNAL_TOKEN", "token"),
    ]);
    let context = Context::default();
    let settings = settings.load().expect("the settings are complete");
    let app = gateway::build(settings, &context)
        .await
        .expect("the routes are right");
    let running = app
        .start(&HttpSettings::loopback(), &context)
        .await
        .expect("a free port");
    let address = format!("{}/api/v1/things/1", running.url());
    let answer = reqwest::get(address).await.expect("an answer");
    let received = answer.text().await.expect("text");
    running.stop().await.expect("a clean end");
    server.abort();
    received
}
