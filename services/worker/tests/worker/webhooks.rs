//! What holds for deliveries to webhooks: a real endpoint in the test's own process, `api` as its contract says.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::StatusCode;
use ring::hmac::{HMAC_SHA256, Key, verify};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use stoa_contracts::ErrorCode;
use stoa_contracts::hand_over::{HandOver, HandedJob};
use stoa_contracts::identity::Role;
use stoa_contracts::webhooks::DeliveryStatus;
use stoa_testing::eventually;
use uuid::Uuid;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, Request, ResponseTemplate};

use crate::deliveries::{BODY, Delivery, SECRET, endpoint, handed_over_to};
use crate::platform::{INTERNAL_TOKEN, problem};
use crate::service::{DEADLINE, TestService};

/// Checks a message as its receiver does.
fn verify_signature(request: &Request) {
    let body = std::str::from_utf8(&request.body).expect("text");
    let header = |name: &str| request.headers[name].to_str().expect("text").to_owned();
    let signed = format!(
        "{}.{}.{body}",
        header("webhook-id"),
        header("webhook-timestamp")
    );
    let signature = header("webhook-signature");
    let signature = STANDARD
        .decode(signature.strip_prefix("v1,").expect("a version"))
        .expect("base64");
    let key = STANDARD
        .decode(SECRET.strip_prefix("whsec_").expect("a prefix"))
        .expect("base64");
    verify(&Key::new(HMAC_SHA256, &key), signed.as_bytes(), &signature)
        .expect("the signature fits");
}

#[tokio::test]
async fn an_event_is_posted_with_its_signature() {
    let service = TestService::start().await;
    let endpoint = endpoint(&[ResponseTemplate::new(204)]).await;
    let delivery = Delivery::to(&service, &endpoint.uri()).await;
    let record = delivery.ended(&service).await;
    assert_eq!(record["status"], "succeeded", "{record}");
    let requests = endpoint.received_requests().await.unwrap();
    assert_eq!((requests.len(), requests[0].method.as_str()), (1, "POST"));
    assert_eq!(requests[0].body, BODY.as_bytes());
    assert_eq!(requests[0].headers["content-type"], "application/json");
    assert_eq!(
        requests[0].headers["webhook-id"],
        delivery.id.to_string().as_str()
    );
    // What proves who we are is for the platform's own services.
    assert!(!requests[0].headers.contains_key("authorization"));
    verify_signature(&requests[0]);
    let told = delivery.told(&service).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (
            told[0].status,
            told[0].attempt.number,
            told[0].attempt.response_status,
            &told[0].attempt.error
        ),
        (DeliveryStatus::Succeeded, 1, Some(204), &None)
    );
    service.end().await;
}

/// Hands over that a conversation was handed to a person, as `conversation` does; the account and the job.
async fn announce(service: &TestService) -> (Uuid, Uuid) {
    let (account, id) = (Uuid::now_v7(), Uuid::now_v7());
    let payload = json!({"account_id": account, "event": "conversation.handover", "at": "2026-11-26T12:00:00Z",
        "data": {"conversation_id": Uuid::nil(), "assistant_id": Uuid::nil(), "sender": null}});
    let job = HandedJob {
        id,
        account_id: account,
        kind: "announce".into(),
        version: 1,
        payload,
        trace: BTreeMap::new(),
    };
    let url = format!("{}/internal/v1/jobs", service.url());
    let request = reqwest::Client::new().post(url).bearer_auth(INTERNAL_TOKEN);
    let response = request.json(&HandOver { jobs: vec![job] }).send().await;
    let answer: Value = response.expect("it answers").json().await.expect("JSON");
    assert_eq!(answer["taken"], json!([id]), "{answer}");
    (account, id)
}

/// What `api` answers to announcements: in turn, the last one for ever.
async fn hears(service: &TestService, answers: &[ResponseTemplate]) {
    for (number, answer) in answers.iter().enumerate() {
        let mock = Mock::given(method("PUT"))
            .and(path_regex("^/internal/v1/webhook-events/"))
            .respond_with(answer.clone());
        let is_last = number + 1 == answers.len();
        let mock = if is_last { mock } else { mock.up_to_n_times(1) };
        mock.mount(&service.platform.api).await;
    }
}

#[tokio::test]
async fn a_handover_is_announced_to_api_and_reaches_the_endpoint_signed() {
    let service = TestService::start().await;
    // An `api` of the release before, and one that is away, are waited for.
    let old = problem(ErrorCode::NotFound, "There is no such route.");
    let away = problem(ErrorCode::Unavailable, "Not now.");
    hears(&service, &[old, away, ResponseTemplate::new(204)]).await;
    let (account, id) = announce(&service).await;
    let record = service.ended_of(account, id).await;
    assert_eq!(record["status"], "succeeded", "{record}");
    let requests = service.platform.api.received_requests().await.unwrap();
    let path = format!("/internal/v1/webhook-events/{id}");
    let told: Vec<Value> = requests
        .iter()
        .filter(|request| request.url.path() == path)
        .map(|request| request.body_json().expect("an event"))
        .collect();
    assert!(
        told.len() >= 3 && told.iter().all(|one| *one == told[0]),
        "{told:?}"
    );

    // `api` makes a delivery of it, and hands that over.
    let event = &told[0];
    let body = json!({"type": event["event"], "timestamp": event["at"], "data": event["data"]})
        .to_string();
    let endpoint = endpoint(&[ResponseTemplate::new(204)]).await;
    let delivery = Delivery::of(&service, &endpoint.uri(), &body).await;
    assert_eq!(delivery.ended(&service).await["status"], "succeeded");
    let posted = endpoint.received_requests().await.unwrap();
    verify_signature(&posted[0]);
    let posted: Value = posted[0].body_json().expect("JSON");
    assert_eq!(
        (&posted["type"], &posted["data"]["conversation_id"]),
        (&json!("conversation.handover"), &json!(Uuid::nil()))
    );
    service.end().await;
}

#[tokio::test]
async fn an_announcement_that_api_refuses_fails_at_once() {
    let service = TestService::start().await;
    hears(
        &service,
        &[problem(ErrorCode::Invalid, "The body is not valid.")],
    )
    .await;
    let (account, id) = announce(&service).await;
    let record = service.ended_of(account, id).await;
    assert_eq!(
        (&record["status"], &record["attempts"]),
        (&json!("failed"), &json!(1))
    );
    service.end().await;
}

#[tokio::test]
async fn an_endpoint_that_fails_is_asked_again_under_the_same_id() {
    let service = TestService::start().await;
    let answers = [500, 302, 200].map(ResponseTemplate::new);
    let elsewhere = endpoint(&[ResponseTemplate::new(200)]).await;
    let answers = answers.map(|answer| answer.insert_header("location", elsewhere.uri().as_str()));
    let endpoint = endpoint(&answers).await;
    let delivery = Delivery::to(&service, &endpoint.uri()).await;
    let record = delivery.ended(&service).await;
    assert_eq!(
        (&record["status"], &record["attempts"]),
        (&json!("succeeded"), &json!(3))
    );
    let errors: Vec<_> = record["history"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|a| &a["error"])
        .collect();
    assert_eq!(
        errors,
        [
            "The endpoint answered 500.",
            "The endpoint answered 302; redirects are not followed."
        ]
    );
    let requests = endpoint.received_requests().await.unwrap();
    requests.iter().for_each(verify_signature);
    assert!(
        requests
            .iter()
            .all(|request| request.headers["webhook-id"] == delivery.id.to_string().as_str())
    );
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
    let told = delivery.told(&service).await;
    let steps: Vec<_> = told
        .iter()
        .map(|report| (report.status, report.attempt.response_status))
        .collect();
    let pending = DeliveryStatus::Pending;
    assert_eq!(
        steps,
        [
            (pending, Some(500)),
            (pending, Some(302)),
            (DeliveryStatus::Succeeded, Some(200))
        ]
    );
    service.end().await;
}

#[tokio::test]
async fn api_being_away_is_waited_for_as_an_endpoint_is() {
    let service = TestService::start_with(&[("WEBHOOK_PAUSE", "1h")]).await;
    let away = handed_over_to(&service, ResponseTemplate::new(503)).await;
    // That it has taken the message is not heard either.
    let endpoint = endpoint(&[ResponseTemplate::new(204)]).await;
    let silent =
        Delivery::heard_with(&service, &endpoint.uri(), BODY, ResponseTemplate::new(503)).await;
    let pool = service.pool().await;
    for delivery in [away, silent] {
        let pause = eventually(DEADLINE, || async {
            let pause =
                "SELECT extract(epoch FROM not_before - clock_timestamp())::float8 FROM queue_jobs
                 WHERE id = $1 AND state = 'scheduled' AND attempts = 1";
            let pause = sqlx::query_scalar::<_, f64>(pause).bind(delivery.job);
            pause.fetch_optional(&pool).await.expect("it can be read")
        })
        .await;
        assert!(pause > 1800.0, "{pause} s");
    }
    assert_eq!(endpoint.received_requests().await.unwrap().len(), 1);
    service.end().await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_not_asked_again() {
    let service = TestService::start().await;
    let endpoint = endpoint(&[ResponseTemplate::new(410)]).await;
    let delivery = Delivery::to(&service, &endpoint.uri()).await;
    let record = delivery.ended(&service).await;
    assert_eq!(
        (&record["status"], &record["error"]),
        (&json!("failed"), &json!("The endpoint is gone (410)."))
    );
    assert_eq!(endpoint.received_requests().await.unwrap().len(), 1);
    let told = delivery.told(&service).await;
    assert_eq!((told.len(), told[0].status), (1, DeliveryStatus::Failed));
    service.end().await;
}

#[tokio::test]
async fn a_delivery_that_has_failed_is_made_after_all_when_its_job_is_retried() {
    let service = TestService::start().await;
    let endpoint = endpoint(&[410, 204].map(ResponseTemplate::new)).await;
    let delivery = Delivery::to(&service, &endpoint.uri()).await;
    assert_eq!(delivery.ended(&service).await["status"], "failed");
    let retry = format!("/api/v1/jobs/{}/retry", delivery.job);
    let editor = service.user(delivery.account, Role::Editor);
    // Without a delivery that can be tried again, the job stays as it is.
    let (status, refusal) = editor.post(&retry).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refusal}");
    let record = delivery.ended(&service).await;
    assert_eq!(record["error"], "The endpoint is gone (410).");

    let reopening = format!("/internal/v1/webhook-deliveries/{}/reopening", delivery.id);
    Mock::given(method("PUT"))
        .and(path(reopening))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&service.platform.api)
        .await;
    let (status, anew) = editor.post(&retry).await;
    assert_eq!(status, StatusCode::OK, "{anew}");
    let record = delivery.ended(&service).await;
    assert_eq!(
        (&record["status"], &record["attempts"]),
        (&json!("succeeded"), &json!(1))
    );
    assert_eq!(endpoint.received_requests().await.unwrap().len(), 2);
    service.end().await;
}

#[tokio::test]
async fn a_delivery_whose_job_is_cancelled_has_ended_for_api_too() {
    let service = TestService::start().await;
    let endpoint = endpoint(&[ResponseTemplate::new(500)]).await;
    let delivery = Delivery::to(&service, &endpoint.uri()).await;
    let end = format!("/internal/v1/webhook-deliveries/{}/end", delivery.id);
    Mock::given(method("PUT"))
        .and(path(end))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&service.platform.api)
        .await;
    // Before its next attempt, or in the middle of one.
    let editor = service.user(delivery.account, Role::Editor);
    let cancel = format!("/api/v1/jobs/{}/cancel", delivery.job);
    let (status, cancelled) = editor.post(&cancel).await;
    assert_eq!(status, StatusCode::OK, "{cancelled}");
    assert_eq!(delivery.ended(&service).await["status"], "cancelled");
    service.end().await;
}

/// The tests allow 127.0.0.1 and no other address, so that everything else is as in production.
#[tokio::test]
async fn an_address_that_is_not_public_is_never_connected_to() {
    let service = TestService::start().await;
    let listener = TcpListener::bind("127.0.0.2:0").expect("a free port");
    listener.set_nonblocking(true).expect("it does not wait");
    let port = listener.local_addr().expect("an address").port();
    for host in [
        "127.0.0.2",
        "0x7f000002",
        "2130706434",
        "[::ffff:127.0.0.2]",
        "[::1]",
        "169.254.169.254",
        "10.0.0.1",
        "0.0.0.0",
    ] {
        let delivery = Delivery::to(&service, &format!("http://{host}:{port}/")).await;
        let record = delivery.ended(&service).await;
        let why = json!("The URL leads to an address that is not public.");
        assert_eq!(
            (&record["status"], &record["error"]),
            (&json!("failed"), &why),
            "{host}"
        );
        assert_eq!(
            (&record["attempts"], delivery.told(&service).await.len()),
            (&json!(1), 1),
            "{host}"
        );
    }
    let nobody = listener.accept().expect_err("nobody has connected");
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    service.end().await;
}

/// A name is looked up when it is connected to, and its addresses are those that are looked at.
#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_never_connected_to() {
    let service = TestService::start_with(&[("WEBHOOK_NETWORKS", "127.0.0.2/32")]).await;
    let endpoint = endpoint(&[ResponseTemplate::new(200)]).await;
    let url = format!("http://localhost:{}/", endpoint.address().port());
    // It cannot be told from a name that nobody has, and that no resolver even asks for.
    for url in [&url, &format!("http://{}/", "x".repeat(64))] {
        let delivery = Delivery::to(&service, url).await;
        let told = eventually(DEADLINE, || async {
            delivery.told(&service).await.into_iter().next()
        })
        .await;
        let error = told.attempt.error.unwrap_or_default();
        assert_eq!(error, "The host name leads to no public address.", "{url}");
        assert_eq!(told.status, DeliveryStatus::Pending, "{url}");
    }
    assert!(endpoint.received_requests().await.unwrap().is_empty());
    service.end().await;

    let service = TestService::start().await;
    let delivery = Delivery::to(&service, &url).await;
    assert_eq!(delivery.ended(&service).await["status"], "succeeded");
    service.end().await;
}

#[tokio::test]
async fn plain_http_is_called_only_where_it_is_allowed() {
    let service = TestService::start_with(&[("WEBHOOK_HTTP", "false")]).await;
    let endpoint = endpoint(&[ResponseTemplate::new(200)]).await;
    let delivery = Delivery::to(&service, &endpoint.uri()).await;
    let record = delivery.ended(&service).await;
    assert_eq!(
        (&record["status"], &record["error"]),
        (&json!("failed"), &json!("Only https:// is called."))
    );
    assert!(endpoint.received_requests().await.unwrap().is_empty());
    service.end().await;
}

#[tokio::test]
async fn a_delivery_that_is_over_ends_its_job() {
    let service = TestService::start().await;
    let over = problem(ErrorCode::NotFound, "There is no such delivery that waits.");
    let delivery = handed_over_to(&service, over).await;
    let record = delivery.ended(&service).await;
    assert_eq!(
        (&record["status"], &record["attempts"]),
        (&json!("failed"), &json!(1))
    );
    service.end().await;
}

/// The worker that made the attempt has died between the report and the end of its job.
#[tokio::test]
async fn a_delivery_that_was_made_before_ends_its_job_well() {
    let service = TestService::start().await;
    let delivery = handed_over_to(&service, ResponseTemplate::new(204)).await;
    let record = delivery.ended(&service).await;
    assert_eq!(
        (&record["status"], &record["attempts"]),
        (&json!("succeeded"), &json!(1)),
        "{record}"
    );
    assert!(delivery.told(&service).await.is_empty());
    service.end().await;
}

/// What is sent for ever is not read for ever.
#[tokio::test]
async fn a_large_answer_is_not_read_to_its_end() {
    let service = TestService::start().await;
    let (url, sent) = endless();
    let delivery = Delivery::to(&service, &url).await;
    assert_eq!(delivery.ended(&service).await["status"], "succeeded");
    let sent = tokio::task::spawn_blocking(|| sent.join()).await;
    let sent = sent.expect("the thread is waited for").expect("it ends");
    assert!(sent < MUCH, "{sent} bytes were read, or lay in between");
    service.end().await;
}

/// More than the buffers between two processes hold.
const MUCH: usize = 64 << 20;

/// An endpoint that answers until nobody reads any more, and tells how much it has sent; never more than [`MUCH`].
fn endless() -> (String, std::thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let answering = move || {
        let (mut link, _) = listener.accept().expect("somebody connects");
        let mut request = [0; 4096];
        let read = link.read(&mut request).expect("a request comes");
        assert!(read > 0);
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n";
        link.write_all(head.as_bytes()).expect("the head is taken");
        let (part, mut sent) = (vec![b'a'; 1 << 16], 0);
        while sent < MUCH && link.write_all(&part).is_ok() {
            sent += part.len();
        }
        sent
    };
    (url, std::thread::spawn(answering))
}
