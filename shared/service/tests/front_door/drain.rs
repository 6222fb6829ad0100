//! How a service ends.

use std::time::Duration;

use axum::{Router, routing::get};
use reqwest::StatusCode;
use stoa_service::{App, Context, HttpSettings, Running};
use stoa_testing::eventually;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::routes::{app, start};

const SOON: Duration = Duration::from_secs(5);

async fn status(url: String) -> Option<StatusCode> {
    reqwest::get(url)
        .await
        .ok()
        .map(|response| response.status())
}

#[tokio::test]
async fn a_request_in_hand_is_finished() {
    let (running, http) = start(HttpSettings::loopback()).await;
    let request = http.get(format!("{}/slow", running.url())).send();
    let request = tokio::spawn(request);
    let admin = running.admin_url();
    eventually(SOON, || in_hand(&admin)).await;
    running.stop().await.unwrap();
    assert_eq!(request.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_holds_up_no_connection_for_ever() {
    let context = Context::default();
    let router = Router::new().route("/heap", get(async || vec![0_u8; 64 << 20]));
    let settings = HttpSettings {
        deadline: Duration::from_mins(10),
        ..HttpSettings::loopback()
    };
    let deadline = settings.deadline;
    let running = App::new(router).start(&settings, &context).await.unwrap();
    let address = running.url().replace("http://", "");
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = b"GET /heap HTTP/1.1\r\nhost: localhost\r\n\r\n";
    client.write_all(request).await.unwrap();
    client.read_u8().await.expect("it is being answered");
    // From here on the clock goes on as soon as all of the service waits.
    tokio::time::pause();
    let begin = Instant::now();
    running.stop().await.unwrap();
    assert!(begin.elapsed() < deadline, "{:?}", begin.elapsed());
}

/// Whether the metrics say that a request is being worked on.
async fn in_hand(admin: &str) -> Option<()> {
    let metrics = reqwest::get(format!("{admin}/metrics"))
        .await
        .ok()?
        .text()
        .await
        .ok()?;
    let active = metrics
        .lines()
        .find(|line| line.starts_with("http_server_active_requests "))?;
    (active != "http_server_active_requests 0").then_some(())
}

#[tokio::test]
async fn readiness_goes_red_while_requests_are_still_served() {
    let settings = HttpSettings {
        drain_delay: SOON,
        ..HttpSettings::loopback()
    };
    let (running, _) = start(settings).await;
    let (url, admin) = (running.url(), running.admin_url());
    assert_eq!(
        status(format!("{admin}/readyz")).await,
        Some(StatusCode::OK)
    );
    let stop = tokio::spawn(running.stop());
    eventually(SOON, || async {
        let ready = status(format!("{admin}/readyz")).await;
        (ready == Some(StatusCode::SERVICE_UNAVAILABLE)).then_some(())
    })
    .await;
    assert_eq!(status(format!("{url}/list")).await, Some(StatusCode::OK));
    assert_eq!(status(format!("{admin}/livez")).await, Some(StatusCode::OK));
    stop.abort();
}

#[tokio::test]
async fn a_check_that_fails_makes_the_service_unready_and_says_why() {
    let context = Context::default();
    let app = app(&context)
        .ready_when("sun", || async { Ok::<(), String>(()) })
        .ready_when("moon", || async { Err("it is new") });
    let running = app
        .start(&HttpSettings::loopback(), &context)
        .await
        .unwrap();
    let response = reqwest::get(format!("{}/readyz", running.admin_url()))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.text().await.unwrap(), "sun: ok\nmoon: it is new\n");
}

#[tokio::test]
async fn background_work_and_spawned_tasks_finish_what_they_have_in_hand() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let context = Context::default();
    let from_task = sender.clone();
    let token = context.shutdown.clone();
    let spawned = async move {
        token.cancelled().await;
        from_task.send("task").unwrap();
    };
    context.spawn(spawned);
    let app = App::new(Router::new()).background("consumer", |token| async move {
        token.cancelled().await;
        sender.send("consumer").unwrap();
        Ok::<(), std::io::Error>(())
    });
    let running: Running = app
        .start(&HttpSettings::loopback(), &context)
        .await
        .unwrap();
    running.stop().await.unwrap();
    let mut finished = [
        receiver.recv().await.unwrap(),
        receiver.recv().await.unwrap(),
    ];
    finished.sort_unstable();
    assert_eq!(finished, ["consumer", "task"]);
}

#[tokio::test]
async fn a_task_that_is_spawned_during_the_end_is_waited_for() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let context = Context::default();
    let late = context.clone();
    let app = App::new(Router::new()).background("consumer", |token| async move {
        token.cancelled().await;
        // By now the end has begun to wait.
        tokio::task::yield_now().await;
        late.spawn(async move {
            tokio::task::yield_now().await;
            sender.send("late").unwrap();
        });
        Ok::<(), std::io::Error>(())
    });
    let running = app
        .start(&HttpSettings::loopback(), &context)
        .await
        .unwrap();
    running.stop().await.unwrap();
    assert_eq!(receiver.try_recv(), Ok("late"));
}

#[tokio::test]
async fn work_without_an_end_does_not_outlive_the_deadline() {
    let context = Context::default();
    let app = App::new(Router::new()).background("stubborn", |_| {
        std::future::pending::<Result<(), std::io::Error>>()
    });
    let deadline = Duration::from_millis(50);
    let settings = HttpSettings {
        deadline,
        ..HttpSettings::loopback()
    };
    let running = app.start(&settings, &context).await.unwrap();
    tokio::time::timeout(SOON, running.stop())
        .await
        .expect("it ends")
        .unwrap();
}

/// The service while it drains: it serves on, and is to end.
async fn draining() -> (String, tokio::task::JoinHandle<()>) {
    let settings = HttpSettings {
        drain_delay: SOON,
        ..HttpSettings::loopback()
    };
    let (running, _) = start(settings).await;
    let (url, admin) = (running.url(), running.admin_url());
    let stop = tokio::spawn(async { running.stop().await.expect("a clean end") });
    eventually(SOON, || async {
        let ready = status(format!("{admin}/readyz")).await;
        (ready == Some(StatusCode::SERVICE_UNAVAILABLE)).then_some(())
    })
    .await;
    (url, stop)
}

/// Asks for `/list` on a connection; gives the head of the answer.
async fn ask(stream: &mut TcpStream) -> String {
    let request = b"GET /list HTTP/1.1\r\nhost: stub\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().to_lowercase()
}

#[tokio::test]
async fn an_answer_during_the_drain_is_the_last_of_its_connection() {
    let (url, stop) = draining().await;
    let mut stream = TcpStream::connect(&url["http://".len()..]).await.unwrap();
    let head = ask(&mut stream).await;
    assert!(head.contains("connection: close"), "{head}");
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await;
    closed.expect("it is closed").unwrap();
    stop.abort();
}

#[tokio::test]
async fn who_has_just_connected_is_still_answered_at_the_end() {
    let (running, _) = start(HttpSettings::loopback()).await;
    let address = running.url()["http://".len()..].to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let stop = tokio::spawn(running.stop());
    // Nobody new is let in: the end has begun.
    eventually(SOON, || async {
        TcpStream::connect(&address).await.is_err().then_some(())
    })
    .await;
    let head = ask(&mut stream).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    stop.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_service_says_its_name_and_when_it_is_about_to_end() {
    let context = Context::default().named("stub");
    let settings = HttpSettings {
        drain_delay: SOON,
        ..HttpSettings::loopback()
    };
    let running = app(&context).start(&settings, &context).await.unwrap();
    let url = format!("{}/internal/v1/identity", running.url());
    let response = reqwest::get(&url).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.text().await.unwrap(), r#"{"service":"stub"}"#);
    let stop = tokio::spawn(running.stop());
    eventually(SOON, || async {
        let said = status(url.clone()).await;
        (said == Some(StatusCode::SERVICE_UNAVAILABLE)).then_some(())
    })
    .await;
    stop.abort();
}
