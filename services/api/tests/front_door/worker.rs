//! `worker` as its contract says: takes jobs, and knows the same one again.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError},
};

use stoa_contracts::{
    ErrorCode, Problem,
    hand_over::{HandOver, HandedJob, HandedOver, RefusedJob},
};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, method, path},
};

use crate::service::INTERNAL;

/// A worker that can be away, old, or of another opinion.
pub(crate) struct Worker {
    pub(crate) server: MockServer,
    record: Arc<Mutex<Vec<HandedJob>>>,
}

impl Worker {
    /// On any port, and takes every job.
    pub(crate) async fn start() -> Self {
        let worker = Self::on(TcpListener::bind("127.0.0.1:0").expect("a free port")).await;
        worker.takes(|_| None).await;
        worker
    }

    /// On a port of the test's choice; nothing is answered yet but 404, as by the release before.
    pub(crate) async fn on(listener: TcpListener) -> Self {
        Self {
            server: MockServer::builder().listener(listener).start().await,
            record: Arc::default(),
        }
    }

    /// Takes the jobs against which `objection` says nothing.
    pub(crate) async fn takes(
        &self,
        objection: impl Fn(&HandedJob) -> Option<&'static str> + Send + Sync + 'static,
    ) {
        let record = self.record.clone();
        let answer = move |request: &Request| {
            let HandOver { jobs } = request.body_json().expect("jobs");
            let mut answer = HandedOver::default();
            for job in jobs {
                if let Some(why) = objection(&job) {
                    let problem = Problem::new(ErrorCode::Invalid, why);
                    let id = job.id;
                    answer.refused.push(RefusedJob { id, problem });
                    continue;
                }
                answer.taken.push(job.id);
                let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
                if record.iter().all(|known| known.id != job.id) {
                    record.push(job);
                }
            }
            ResponseTemplate::new(200).set_body_json(answer)
        };
        Mock::given(method("POST"))
            .and(path("/internal/v1/jobs"))
            .and(header("authorization", format!("Bearer {INTERNAL}")))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    /// What stands in its record.
    pub(crate) fn jobs(&self) -> Vec<HandedJob> {
        self.record
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
