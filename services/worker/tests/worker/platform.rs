//! What the worker calls: `api`, `ml` and `conversation`, as far as its jobs need them.

use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use stoa_contracts::assistants::AssistantRuntime;
use stoa_contracts::jobs::Train;
use stoa_contracts::models::ModelMetrics;
use stoa_contracts::training_data::{Example, TrainingData};
use stoa_contracts::trainings::{Training, TrainingReport, TrainingSnapshot, TrainingStatus};
use stoa_contracts::understanding::Understanding;
use stoa_contracts::{ErrorCode, Problem};
use time::OffsetDateTime;
use uuid::Uuid;
use wiremock::matchers::{any, header, method, path, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// The token that the worker must show.
pub(crate) const INTERNAL_TOKEN: &str = "between services";

/// The other services.
pub(crate) struct Platform {
    pub(crate) api: MockServer,
    pub(crate) ml: MockServer,
    pub(crate) conversation: MockServer,
}

impl Platform {
    pub(crate) async fn start() -> Self {
        let platform = Self {
            api: MockServer::start().await,
            ml: MockServer::start().await,
            conversation: MockServer::start().await,
        };
        platform.forget().await;
        platform
    }

    /// Lets `api` have nothing, and say so.
    pub(crate) async fn forget(&self) {
        self.api.reset().await;
        Mock::given(any())
            .respond_with(problem(ErrorCode::NotFound, "There is no such thing."))
            .with_priority(u8::MAX)
            .mount(&self.api)
            .await;
    }

    /// Lets `api` have a training, and take reports of it.
    pub(crate) async fn has_training(&self, train: &Train) {
        let snapshot = TrainingSnapshot {
            training_id: train.training_id,
            assistant_id: train.assistant_id,
            model: 1,
            run: 1,
            language: "en".into(),
            data: TrainingData {
                examples: vec![Example {
                    text: "what does it cost".into(),
                    intent: Some("ask_price".into()),
                    ..Example::default()
                }],
                ..TrainingData::default()
            },
            is_encoded: false,
        };
        let snapshot_path = format!("/internal/v1/trainings/{}/snapshot", train.training_id);
        Mock::given(method("GET"))
            .and(path(snapshot_path))
            .and(header(
                "authorization",
                format!("Bearer {INTERNAL_TOKEN}").as_str(),
            ))
            .respond_with(ResponseTemplate::new(200).set_body_json(snapshot))
            .mount(&self.api)
            .await;
        self.takes_reports(train.training_id).await;
    }

    /// Lets `api` take reports of a training.
    pub(crate) async fn takes_reports(&self, training: Uuid) {
        Mock::given(method("PUT"))
            .and(path(training_path(training)))
            .respond_with(ResponseTemplate::new(204))
            .mount(&self.api)
            .await;
    }

    /// Lets `ml` take a training and answer each look with the next of `answers`, the last one
    /// again and again.
    pub(crate) async fn trains(&self, training: Uuid, answers: Vec<ResponseTemplate>) {
        Mock::given(method("PUT"))
            .and(path(training_path(training)))
            .respond_with(report(TrainingStatus::Queued, 0.0))
            .mount(&self.ml)
            .await;
        let looks = Arc::new(AtomicUsize::new(0));
        Mock::given(method("GET"))
            .and(path(training_path(training)))
            .respond_with(move |_: &Request| {
                let look = looks.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
                answers[look].clone()
            })
            .mount(&self.ml)
            .await;
    }

    /// What `api` answers when a training is to begin anew.
    pub(crate) async fn reopens(&self, train: &Train, answer: ResponseTemplate) {
        Mock::given(method("PUT"))
            .and(path(reopening_path(train)))
            .respond_with(answer)
            .mount(&self.api)
            .await;
    }

    /// How often a training was to begin anew.
    pub(crate) async fn reopenings(&self, train: &Train) -> usize {
        let requests = self
            .api
            .received_requests()
            .await
            .expect("requests are recorded");
        let path = reopening_path(train);
        requests
            .iter()
            .filter(|request| request.url.path() == path)
            .count()
    }

    /// Lets `api` have an assistant.
    pub(crate) async fn has_assistant(&self, account: Uuid, assistant: Uuid) {
        let runtime = AssistantRuntime {
            id: assistant,
            account_id: account,
            name: "Customer care".into(),
            language: "en".into(),
            active_model: None,
            flows_version: None,
            collects_utterances: true,
            canary: None,
            shadow: None,
            understanding: Understanding::default(),
            engines: Vec::new(),
        };
        let answer = ResponseTemplate::new(200).set_body_json(runtime);
        self.answers_about(assistant, answer).await;
    }

    /// What `api` answers when it is asked for an assistant.
    pub(crate) async fn answers_about(&self, assistant: Uuid, answer: ResponseTemplate) {
        Mock::given(method("GET"))
            .and(path(format!("/internal/v1/assistants/{assistant}")))
            .respond_with(answer)
            .mount(&self.api)
            .await;
    }

    /// Lets `api` start trainings of an assistant, the first time perhaps not.
    pub(crate) async fn starts_trainings(&self, assistant: Uuid, first: Option<ResponseTemplate>) {
        let prefix = format!("^/internal/v1/assistants/{assistant}/trainings/");
        if let Some(refusal) = first {
            Mock::given(method("PUT"))
                .and(path_regex(prefix.clone()))
                .respond_with(refusal)
                .up_to_n_times(1)
                .mount(&self.api)
                .await;
        }
        Mock::given(method("PUT"))
            .and(path_regex(prefix))
            .respond_with(move |request: &Request| {
                let id = request
                    .url
                    .path()
                    .rsplit('/')
                    .next()
                    .and_then(|id| id.parse().ok());
                ResponseTemplate::new(201).set_body_json(Training {
                    id: id.expect("a path ends with an id"),
                    job_id: None,
                    assistant_id: assistant,
                    status: TrainingStatus::Queued,
                    progress: 0.0,
                    model: 1,
                    metrics: None,
                    error: None,
                    created_at: OffsetDateTime::UNIX_EPOCH,
                    finished_at: None,
                })
            })
            .mount(&self.api)
            .await;
    }

    /// The trainings of an assistant that `api` was asked to start: path and body.
    pub(crate) async fn trainings_asked_for(&self, assistant: Uuid) -> Vec<(String, Value)> {
        let prefix = format!("/internal/v1/assistants/{assistant}/trainings/");
        let requests = self
            .api
            .received_requests()
            .await
            .expect("requests are recorded");
        let asked = requests
            .iter()
            .filter(|request| request.url.path().starts_with(&prefix));
        let asked = asked.map(|request| {
            (
                request.url.path().to_owned(),
                request.body_json().expect("it is JSON"),
            )
        });
        asked.collect()
    }

    /// What `api` was told of a training, in order.
    pub(crate) async fn told(&self, training: Uuid) -> Vec<TrainingReport> {
        let requests = self
            .api
            .received_requests()
            .await
            .expect("requests are recorded");
        requests
            .iter()
            .filter(|request| request.method == "PUT")
            .filter(|request| request.url.path() == training_path(training))
            .map(|request| request.body_json().expect("it is a report"))
            .collect()
    }

    /// The bodies with which `ml` was told to train.
    pub(crate) async fn starts(&self) -> Vec<Value> {
        let requests = self
            .ml
            .received_requests()
            .await
            .expect("requests are recorded");
        let starts = requests.iter().filter(|request| request.method == "PUT");
        starts
            .map(|request| request.body_json().expect("it is JSON"))
            .collect()
    }
}

fn reopening_path(train: &Train) -> String {
    format!("/internal/v1/trainings/{}/reopening", train.training_id)
}

pub(crate) fn training_path(training: Uuid) -> String {
    format!("/internal/v1/trainings/{training}")
}

/// An answer of `ml` about a training that goes on.
pub(crate) fn report(status: TrainingStatus, progress: f64) -> ResponseTemplate {
    let report = TrainingReport {
        status,
        progress,
        metrics: None,
        error: None,
    };
    ResponseTemplate::new(200).set_body_json(report)
}

/// The answer of `ml` about a training that has made a model.
pub(crate) fn succeeded() -> ResponseTemplate {
    let metrics = ModelMetrics {
        accuracy: Some(0.9),
        examples: 1,
        intents: 1,
        entities: 0,
        seconds: 0.1,
        bytes: 100,
    };
    let (status, progress) = (TrainingStatus::Succeeded, 1.0);
    let report = TrainingReport {
        status,
        progress,
        metrics: Some(metrics),
        error: None,
    };
    ResponseTemplate::new(200).set_body_json(report)
}

/// The answer of `ml` about a training that cannot be done.
pub(crate) fn failed(error: &str) -> ResponseTemplate {
    let (status, progress) = (TrainingStatus::Failed, 0.5);
    let report = TrainingReport {
        status,
        progress,
        metrics: None,
        error: Some(error.into()),
    };
    ResponseTemplate::new(200).set_body_json(report)
}

/// A refusal.
pub(crate) fn problem(code: ErrorCode, detail: &str) -> ResponseTemplate {
    ResponseTemplate::new(code.status()).set_body_json(Problem::new(code, detail))
}
