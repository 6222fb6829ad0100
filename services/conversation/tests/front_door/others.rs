//! The services around this one, as far as it sees them.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use stoa_contracts::flows::Flows;
use stoa_contracts::hand_over::{HandOver, HandedJob, HandedOver};
use stoa_contracts::{ErrorCode, Problem};
use uuid::Uuid;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// What both of them ask for.
pub(crate) const INTERNAL_TOKEN: &str = "the-internal-token-of-the-tests";

const FLOWS: &str = r#"
settings: {start: welcome, fallback: {flow: rephrase}}
responses:
  hello: {text: Hello!, buttons: [{title: Report, payload: /report}]}
  sorry: Sorry?
  ask: What does the meter show?
  noted: "Noted: {reading}."
  colleague: A colleague takes over.
slots:
  reading: {type: number, question: ask, fill: {entities: [reading]}}
  count: {type: number, keep: true, fill: {entities: [count]}}
flows:
  welcome: {steps: [say: hello]}
  rephrase: {steps: [say: sorry]}
  report: {triggers: [report], steps: [ask: reading, say: noted]}
  person: {triggers: [human], steps: [handover: colleague]}
"#;

/// `api`, `nlu` and `worker`.
pub(crate) struct Others {
    pub(crate) api: MockServer,
    pub(crate) nlu: MockServer,
    /// Knows no route until the test says what it does.
    pub(crate) worker: MockServer,
}

impl Others {
    pub(crate) async fn start() -> Self {
        let others = Self {
            api: MockServer::start().await,
            nlu: MockServer::start().await,
            worker: MockServer::start().await,
        };
        others.understand().await;
        let problem = Problem::new(ErrorCode::NotFound, "There is no such assistant.");
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(404).set_body_json(problem))
            .with_priority(u8::MAX)
            .mount(&others.api)
            .await;
        others
    }

    /// `api` is away.
    pub(crate) async fn forget_assistants(&self) {
        self.api.reset().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(503))
            .mount(&self.api)
            .await;
    }

    /// `worker` takes every job.
    pub(crate) async fn take_jobs(&self) {
        Mock::given(method("POST"))
            .and(path("/internal/v1/jobs"))
            .and(header("authorization", format!("Bearer {INTERNAL_TOKEN}")))
            .respond_with(|request: &Request| {
                let handed: HandOver = request.body_json().expect("jobs");
                let taken = handed.jobs.iter().map(|job| job.id).collect();
                let refused = Vec::new();
                ResponseTemplate::new(200).set_body_json(HandedOver { taken, refused })
            })
            .mount(&self.worker)
            .await;
    }

    /// The jobs that `worker` was offered, each once.
    pub(crate) async fn jobs(&self) -> Vec<HandedJob> {
        let requests = self.worker.received_requests().await.unwrap_or_default();
        let mut jobs = Vec::<HandedJob>::new();
        for request in requests {
            let handed: HandOver = request.body_json().expect("jobs");
            for job in handed.jobs {
                if jobs.iter().all(|known| known.id != job.id) {
                    jobs.push(job);
                }
            }
        }
        jobs
    }

    /// `nlu` knows words: the first one that is an intent is the intent.
    pub(crate) async fn understand(&self) {
        Mock::given(method("POST"))
            .and(path("/internal/v1/parse"))
            .and(header("authorization", format!("Bearer {INTERNAL_TOKEN}")))
            .respond_with(|request: &Request| {
                let body: Value = request.body_json().expect("a JSON body");
                ResponseTemplate::new(200)
                    .set_body_json(parse(body["text"].as_str().expect("text")))
            })
            .mount(&self.nlu)
            .await;
    }

    /// `nlu` is away.
    pub(crate) async fn understand_nothing(&self) {
        self.nlu.reset().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(503))
            .mount(&self.nlu)
            .await;
    }

    /// An assistant of an account; without flows unless a version is given.
    pub(crate) async fn assistant(&self, account: Uuid, flows_version: Option<i32>) -> Uuid {
        let id = Uuid::now_v7();
        let runtime = json!({
            "id": id, "account_id": account, "name": "Care", "language": "en",
            "active_model": 1, "flows_version": flows_version,
        });
        self.answer(&format!("/internal/v1/assistants/{id}"), runtime)
            .await;
        let flows: Flows = serde_saphyr::from_str(FLOWS).expect("the flows are YAML");
        assert_eq!(flows.check(&BTreeSet::new(), &BTreeSet::new()), []);
        let flows = json!({"version": flows_version, "flows": flows});
        self.answer(&format!("/internal/v1/assistants/{id}/flows"), flows)
            .await;
        id
    }

    async fn answer(&self, at: &str, body: Value) {
        Mock::given(method("GET"))
            .and(path(at))
            .and(header("authorization", format!("Bearer {INTERNAL_TOKEN}")))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&self.api)
            .await;
    }
}

fn parse(text: &str) -> Value {
    let intent = ["report", "human"]
        .into_iter()
        .find(|intent| text.contains(intent));
    let entities: BTreeMap<&str, String> = [("reading", "meter "), ("count", "count ")]
        .into_iter()
        .filter_map(|(entity, before)| Some((entity, text.split_once(before)?.1.to_owned())))
        .collect();
    let entities: Vec<Value> = entities
        .iter()
        .map(|(entity, value)| {
            json!({"entity": entity, "start": 0, "end": text.chars().count(), "value": value,
                   "confidence": 0.9, "extractor": "regex"})
        })
        .collect();
    json!({
        "text": text, "intent": {"name": intent, "confidence": 0.9}, "intent_ranking": [],
        "entities": entities, "model_version": 1,
    })
}
