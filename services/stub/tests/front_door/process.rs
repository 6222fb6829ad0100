//! The binary as a process: settings, health, log lines, traces, the end.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Lines},
    os::unix::ffi::OsStrExt as _,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use stoa_contracts::identity::Role;
use stoa_postgres::PostgresSettings;
use stoa_testing::{keys, otlp::Collector, postgres::TestDatabase, redis::TestRedis};

use crate::service::token;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stub"));
    command.env_clear();
    command
}

/// The binary, serving.
struct Process {
    child: Child,
    log: Lines<BufReader<ChildStdout>>,
    url: String,
    admin: String,
    database: Option<TestDatabase>,
    _redis: TestRedis,
}

impl Process {
    async fn start(env: &[(&str, &str)]) -> Self {
        let database = stoa_testing::postgres::database().await;
        stub::migrate(PostgresSettings::at(&database.url))
            .await
            .unwrap();
        let redis = stoa_testing::redis::database().await;
        let mut child = binary()
            .envs([
                ("DATABASE_URL", &*database.url),
                ("QUEUE_URL", &*redis.url),
                ("TOKEN_VERIFYING_KEY", keys::VERIFYING_KEY),
            ])
            .envs([
                ("LISTEN_ADDR", "127.0.0.1:0"),
                ("ADMIN_ADDR", "127.0.0.1:0"),
            ])
            .env("SHUTDOWN_DRAIN_DELAY", "0s")
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
        let serving = find(&mut log, "serving");
        let text = |key: &str| serving[key].as_str().unwrap().to_owned();
        Self {
            url: text("url"),
            admin: text("admin"),
            child,
            log,
            database: Some(database),
            _redis: redis,
        }
    }

    fn signal(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Has ended already where the test came that far.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next log line with this message; every line before it must be a line of JSON too.
fn find(log: &mut Lines<BufReader<ChildStdout>>, message: &str) -> Value {
    for line in log {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if line["message"] == message {
            return line;
        }
    }
    panic!("the process ended before it said `{message}`");
}

fn healthcheck(admin: &str) -> Output {
    let address = admin.trim_start_matches("http://");
    binary()
        .arg("healthcheck")
        .env("ADMIN_ADDR", address)
        .output()
        .unwrap()
}

#[tokio::test]
async fn sigterm_ends_the_process_in_order() {
    let mut process = Process::start(&[]).await;
    assert!(healthcheck(&process.admin).status.success());
    process.signal();
    find(&mut process.log, "draining");
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
    assert_eq!(healthcheck(&process.admin).status.code(), Some(1));
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let mut process = Process::start(&[("SHUTDOWN_DRAIN_DELAY", "1h")]).await;
    process.signal();
    find(&mut process.log, "draining");
    process.signal();
    assert_eq!(process.child.wait().unwrap().code(), Some(1));
}

// The collector receives on one thread while the test waits for the process on another.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_request_is_one_trace_from_the_caller_to_the_database() {
    let collector = Collector::start().await;
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.endpoint()),
        ("LOG", "debug,hyper=off"),
    ];
    let mut process = Process::start(&env).await;
    let http = crate::service::http();
    let url = format!("{}/api/v1/stub/notes/{}", process.url, uuid::Uuid::nil());
    let request = http.get(url).bearer_auth(token(Role::Viewer));
    let request = request.header("traceparent", format!("00-{TRACE}-{PARENT}-01"));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["trace_id"], TRACE);
    let line = find(&mut process.log, "a request was refused");
    assert_eq!(line["trace_id"], TRACE);
    process.signal();
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
    let spans = collector.spans();
    let server = spans
        .iter()
        .find(|span| span.kind == "server")
        .expect("the request has a span");
    assert_eq!(
        (&*server.trace_id, server.parent_span_id.as_deref()),
        (TRACE, Some(PARENT))
    );
    assert_eq!(server.name, "GET /api/v1/stub/notes/{id}");
    let query = spans
        .iter()
        .find(|span| span.name == "db.query note.select")
        .expect("and its query");
    assert_eq!(query.parent_span_id.as_deref(), Some(&*server.span_id));
}

#[test]
fn every_problem_of_the_configuration_is_told_at_once() {
    let output = binary().env("REQUEST_TIMEOUT", "soon").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8(output.stderr).unwrap();
    for key in [
        "DATABASE_URL",
        "QUEUE_URL",
        "TOKEN_VERIFYING_KEY",
        "REQUEST_TIMEOUT",
    ] {
        assert!(told.contains(key), "{told}");
    }
}

#[test]
fn what_is_no_subcommand_is_refused_whatever_it_is_made_of() {
    for word in [b"serve?".as_slice(), b"\xff\xfe"] {
        let output = binary().arg(OsStr::from_bytes(word)).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("unknown subcommand"), "{told}");
    }
}

#[test]
fn help_lists_every_setting() {
    let output = binary().arg("--help").output().unwrap();
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for key in [
        "DATABASE_URL[_FILE]",
        "LISTEN_ADDR",
        "NOTES_PER_ACCOUNT",
        "QUEUE_URL[_FILE]",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ] {
        assert!(help.contains(key), "{help}");
    }
}

#[tokio::test]
async fn a_server_does_not_start_on_a_pending_migration() {
    let database = stoa_testing::postgres::database().await;
    let output = binary()
        .envs([
            ("DATABASE_URL", &*database.url),
            // Not asked before the schema is.
            ("QUEUE_URL", "redis://127.0.0.1:1"),
            ("TOKEN_VERIFYING_KEY", keys::VERIFYING_KEY),
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stdout).unwrap();
    assert!(
        log.contains("is not applied: run the `migrate` subcommand first"),
        "{log}"
    );
    let migrate = binary()
        .arg("migrate")
        .env("DATABASE_URL", &database.url)
        .status()
        .unwrap();
    assert!(migrate.success());
}

#[tokio::test]
async fn the_database_lost_is_told_by_readiness_and_as_unavailable() {
    let mut process = Process::start(&[]).await;
    drop(process.database.take());
    let http = crate::service::http();
    let notes = format!("{}/api/v1/stub/notes", process.url);
    let response = http
        .get(notes)
        .bearer_auth(token(Role::Viewer))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(healthcheck(&process.admin).status.code(), Some(1));
}
