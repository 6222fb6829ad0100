//! What an operator sees: one trace through everything, metrics that Prometheus accepts.

use acceptance::{Platform, answer, http_client, tenant::Tenant};
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;
use stoa_testing::{eventually, otlp};

/// Where the platform under test sends its traces: this test, while it runs.
const COLLECTOR: &str = "0.0.0.0:4318";

/// How long the last batch of spans may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// The span in which the browser would have made the request.
const BROWSER_SPAN: &str = "00f067aa0ba902b7";

/// The services that a training goes through, and whether they show their SQL: the gateway has no database, and the worker
/// only asks the queue's.
const TRACED: [(&str, bool); 4] = [
    ("gateway", false),
    ("api", true),
    ("worker", false),
    ("ml", true),
];

#[tokio::test]
async fn one_trace_runs_from_the_browser_to_the_sql_of_the_services() -> Result<()> {
    let collector = otlp::Collector::listen(COLLECTOR.parse()?).await;
    let trace = uuid::Uuid::now_v7().simple().to_string();
    train_within(&trace).await?;
    let spans = complete_trace(&collector, &trace).await;
    assert_one_root(&spans);
    for (service, sql) in TRACED {
        assert!(is_seen(&spans, service, sql), "{service}: {spans:#?}");
    }
    for (child, parent) in [("ml", "worker"), ("worker", "api"), ("api", "gateway")] {
        assert_hands_over(&spans, parent, child);
    }
    Ok(())
}

/// Starts a training as a browser that is inside `trace`, and waits for its end.
async fn train_within(trace: &str) -> Result<()> {
    // In an account without webhooks, whose deliveries would go on for hours in the same trace.
    let platform = Tenant::create("Traced").await?.owner;
    let assistant = platform.create_assistant("Traced").await?;
    let path = format!("/api/v1/assistants/{assistant}");
    let data = include_str!("../data/training.json");
    platform
        .put(&format!("{path}/training-data"), "application/json", data)
        .await?
        .expect(200)?;
    let start = platform.request(Method::POST, &format!("{path}/trainings"));
    let start = start
        .header("traceparent", format!("00-{trace}-{BROWSER_SPAN}-01"))
        .json(&json!({}));
    let training = answer(start).await?.expect(202)?;
    platform
        .finished_training(training["id"].as_str().context("no id")?)
        .await?;
    Ok(())
}

/// The spans, once there is one of every service and the parent of each: a process sends a span when it has ended, in
/// batches, so that a child may come well before its parent. After the deadline, what is there.
async fn complete_trace(collector: &otlp::Collector, trace: &str) -> Vec<otlp::Span> {
    let complete = || async {
        let spans = spans_of(collector, trace);
        let seen = |&(service, sql): &(&str, bool)| is_seen(&spans, service, sql);
        (TRACED.iter().all(seen) && spans.iter().all(|span| hangs(&spans, span))).then_some(spans)
    };
    tokio::time::timeout(DEADLINE, eventually(2 * DEADLINE, complete))
        .await
        .unwrap_or_else(|_| spans_of(collector, trace))
}

/// Whether the service has sent a span, and one of its SQL where it shows it.
fn is_seen(spans: &[otlp::Span], service: &str, sql: bool) -> bool {
    let seen = |sql: bool| {
        spans
            .iter()
            .any(|span| span.service == service && span.name.starts_with("db.") == sql)
    };
    seen(false) && (!sql || seen(true))
}

/// Every span hangs below another one, and the first below the browser's.
fn assert_one_root(spans: &[otlp::Span]) {
    let orphan = spans.iter().find(|span| !hangs(spans, span));
    assert!(orphan.is_none(), "an orphan: {orphan:?}");
    let below_the_browser =
        |span: &&otlp::Span| span.parent_span_id.as_deref() == Some(BROWSER_SPAN);
    let roots: Vec<_> = spans.iter().filter(below_the_browser).collect();
    assert_eq!(roots.len(), 1, "the browser made one request: {roots:?}");
    assert_eq!(roots[0].service, "gateway");
}

fn hangs(spans: &[otlp::Span], span: &otlp::Span) -> bool {
    span.parent_span_id
        .as_deref()
        .is_some_and(|parent| parent == BROWSER_SPAN || by_id(spans, parent).is_some())
}

fn assert_hands_over(spans: &[otlp::Span], parent: &str, child: &str) {
    let handed_over = spans
        .iter()
        .filter(|span| span.service == child)
        .filter_map(|span| by_id(spans, span.parent_span_id.as_deref()?))
        .any(|above| above.service == parent);
    assert!(
        handed_over,
        "no span of {child} hangs below one of {parent}: {spans:#?}"
    );
}

fn by_id<'s>(spans: &'s [otlp::Span], id: &str) -> Option<&'s otlp::Span> {
    spans.iter().find(|span| span.span_id == id)
}

fn spans_of(collector: &otlp::Collector, trace: &str) -> Vec<otlp::Span> {
    collector
        .spans()
        .into_iter()
        .filter(|span| span.trace_id == trace)
        .collect()
}

#[tokio::test]
async fn the_metrics_of_every_service_pass_promtool() -> Result<()> {
    let http = http_client()?;
    for service in services()? {
        let url = format!("{}/metrics", admin_url(&service)?);
        let response = http.get(&url).send().await.with_context(|| url.clone())?;
        let metrics = response.error_for_status()?.text().await?;
        assert!(
            metrics.contains("build_info"),
            "{service} does not say what it is"
        );
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("promtool is not installed; `make test` has it")?;
        promtool
            .stdin
            .take()
            .context("no stdin")?
            .write_all(metrics.as_bytes())?;
        let output = promtool.wait_with_output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{service}: {complaint}\n{metrics}");
    }
    Ok(())
}

#[tokio::test]
async fn one_openapi_document_describes_every_service() -> Result<()> {
    let document = Platform::visitor()?
        .get("/api/openapi.json")
        .await?
        .expect(200)?;
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1"))
    );
    let paths = document["paths"].as_object().context("no paths")?;
    for path in [
        "/api/v1/sessions",
        "/api/v1/assistants/{id}/parse",
        "/api/v1/conversations/{id}/messages",
        "/api/v1/jobs/{id}",
    ] {
        assert!(
            paths.contains_key(path),
            "{path} is missing in {:?}",
            paths.keys()
        );
    }
    assert!(paths.keys().all(|path| !path.starts_with("/internal")));
    Ok(())
}

/// Where a service's admin listener is: its own variable, or the pattern of them all.
fn admin_url(service: &str) -> Result<String> {
    let own = format!("{}_ADMIN_URL", service.to_uppercase().replace('-', "_"));
    let pattern = std::env::var(own).or_else(|_| std::env::var("STOA_ADMIN_URL"));
    let pattern = pattern.context("STOA_ADMIN_URL is not set")?;
    Ok(pattern.replace("{service}", service))
}

/// The Rust services, by their folders.
fn services() -> Result<Vec<String>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../services");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}
