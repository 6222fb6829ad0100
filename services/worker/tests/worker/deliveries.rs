//! Deliveries to webhooks as a test has them: `api` with what there is to say, and endpoints that take it.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use stoa_contracts::hand_over::{HandOver, HandedJob};
use stoa_contracts::webhooks::{DeliveryReport, WebhookMessage};
use uuid::Uuid;
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::platform::INTERNAL_TOKEN;
use crate::service::TestService;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const BODY: &str = r#"{"type":"ping","timestamp":"2026-11-26T12:00:00Z","data":{}}"#;

pub(crate) struct Delivery {
    pub(crate) id: Uuid,
    pub(crate) account: Uuid,
    pub(crate) job: Uuid,
}

impl Delivery {
    /// An event for an endpoint, whose job `api` hands over.
    pub(crate) async fn to(service: &TestService, url: &str) -> Self {
        Self::of(service, url, BODY).await
    }

    /// The same of what there is to say.
    pub(crate) async fn of(service: &TestService, url: &str, body: &str) -> Self {
        Self::heard_with(service, url, body, ResponseTemplate::new(204)).await
    }

    /// The same with what `api` answers to what came of an attempt.
    pub(crate) async fn heard_with(
        service: &TestService,
        url: &str,
        body: &str,
        answer: ResponseTemplate,
    ) -> Self {
        let (id, account, job) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let message = WebhookMessage {
            url: url.to_owned(),
            secret: SECRET.to_owned(),
            body: body.to_owned(),
        };
        let place = format!("/internal/v1/webhook-deliveries/{id}");
        Mock::given(method("GET"))
            .and(path(place.clone()))
            .respond_with(ResponseTemplate::new(200).set_body_json(message))
            .mount(&service.platform.api)
            .await;
        Mock::given(method("PUT"))
            .and(path(place))
            .respond_with(answer)
            .mount(&service.platform.api)
            .await;
        let delivery = Self { id, account, job };
        delivery.hand_over(service).await;
        delivery
    }

    async fn hand_over(&self, service: &TestService) {
        let job = HandedJob {
            id: self.job,
            account_id: self.account,
            kind: "webhook".into(),
            version: 1,
            payload: json!({"delivery_id": self.id}),
            trace: BTreeMap::new(),
        };
        let url = format!("{}/internal/v1/jobs", service.url());
        let request = reqwest::Client::new().post(url).bearer_auth(INTERNAL_TOKEN);
        let response = request.json(&HandOver { jobs: vec![job] }).send().await;
        assert_eq!(response.expect("the service answers").status(), 200);
    }

    /// The record of its job when that has ended.
    pub(crate) async fn ended(&self, service: &TestService) -> Value {
        service.ended_of(self.account, self.job).await
    }

    /// What `api` was told of it.
    pub(crate) async fn told(&self, service: &TestService) -> Vec<DeliveryReport> {
        let requests = service
            .platform
            .api
            .received_requests()
            .await
            .expect("they are kept");
        let place = format!("/internal/v1/webhook-deliveries/{}", self.id);
        let reports = requests
            .iter()
            .filter(|request| request.method == "PUT" && request.url.path() == place);
        reports
            .map(|request| request.body_json().expect("a report"))
            .collect()
    }
}

pub(crate) async fn endpoint(answers: &[ResponseTemplate]) -> MockServer {
    let server = MockServer::start().await;
    for (number, answer) in answers.iter().enumerate() {
        let mock = Mock::given(any()).respond_with(answer.clone());
        let is_last = number + 1 == answers.len();
        let mock = if is_last { mock } else { mock.up_to_n_times(1) };
        mock.mount(&server).await;
    }
    server
}

/// Lets `api` answer so about a delivery that is handed over then; it.
pub(crate) async fn handed_over_to(service: &TestService, answer: ResponseTemplate) -> Delivery {
    let (id, account, job) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    Mock::given(path(format!("/internal/v1/webhook-deliveries/{id}")))
        .respond_with(answer)
        .mount(&service.platform.api)
        .await;
    let delivery = Delivery { id, account, job };
    delivery.hand_over(service).await;
    delivery
}
