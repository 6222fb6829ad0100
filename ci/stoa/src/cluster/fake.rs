//! A manager for tests, which keeps configs as a Swarm does and knows nothing else. What it should refuse, or answer
//! besides, a test mounts on its server.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wiremock::http::Method;
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate, matchers};

use super::Cluster;

/// What a test mounts comes before what a manager would answer.
const LAST: u8 = 255;

/// The manager.
pub(crate) struct FakeManager {
    pub(crate) server: MockServer,
    pub(crate) configs: FakeConfigs,
}

/// Its configs, by name.
#[derive(Clone, Default)]
pub(crate) struct FakeConfigs(Arc<Mutex<BTreeMap<String, Value>>>);

impl FakeManager {
    pub(crate) async fn start() -> Self {
        let server = MockServer::start().await;
        let configs = FakeConfigs::default();
        let info = json!({ "Swarm": { "ControlAvailable": true, "Cluster": { "ID": "swarm" } } });
        for (path, answer) in [
            ("/version$", json!({ "ApiVersion": "1.44" })),
            ("/info$", info),
        ] {
            Mock::given(matchers::path_regex(path))
                .respond_with(ResponseTemplate::new(200).set_body_json(answer))
                .with_priority(LAST)
                .mount(&server)
                .await;
        }
        Mock::given(matchers::path_regex("/configs"))
            .respond_with(configs.clone())
            .with_priority(LAST)
            .mount(&server)
            .await;
        Self { server, configs }
    }

    /// The cluster that it is the only manager of.
    pub(crate) fn cluster(&self) -> Cluster {
        Cluster {
            name: "staging".into(),
            managers: vec![self.server.uri()],
            registry: "registry.test/stoa".into(),
            secrets: PathBuf::new(),
            addresses: Vec::new(),
            authority: None,
            https: None,
            overlay: BTreeMap::new(),
        }
    }

    /// Refuses the next `times` requests that `matcher` names, as a manager without a leader does.
    pub(crate) async fn refuse(&self, matcher: impl Match + 'static, times: u64) {
        Mock::given(matcher)
            .respond_with(no_leader())
            .up_to_n_times(times)
            .mount(&self.server)
            .await;
    }
}

/// What a manager says while there is no leader.
pub(crate) fn no_leader() -> ResponseTemplate {
    let message = "rpc error: code = Unknown desc = The swarm does not have a leader";
    ResponseTemplate::new(503).set_body_json(json!({ "message": message }))
}

impl FakeConfigs {
    pub(crate) fn names(&self) -> Vec<String> {
        self.kept().keys().cloned().collect()
    }

    /// Replaces the labels of a config, as a deployer elsewhere would.
    pub(crate) fn relabel(&self, name: &str, labels: Value) {
        let mut kept = self.kept();
        let config = kept.get_mut(name).expect("the config is there");
        config["Spec"]["Labels"] = labels;
        config["Version"]["Index"] = json!(index(config) + 1);
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create(&self, spec: &Value) -> ResponseTemplate {
        let name = spec["Name"].as_str().unwrap_or_default().to_owned();
        let mut kept = self.kept();
        if kept.contains_key(&name) {
            return refusal(409, "rpc error: code = AlreadyExists");
        }
        let config = json!({ "ID": name, "Version": { "Index": 1 }, "Spec": spec });
        kept.insert(name.clone(), config);
        ResponseTemplate::new(201).set_body_json(json!({ "ID": name }))
    }

    fn update(&self, name: &str, version: &str, spec: &Value) -> ResponseTemplate {
        let mut kept = self.kept();
        let Some(config) = kept.get_mut(name) else {
            return refusal(404, "no such config");
        };
        if index(config).to_string() != version {
            return refusal(500, "rpc error: update out of sequence");
        }
        config["Spec"]["Labels"] = spec["Labels"].clone();
        config["Version"]["Index"] = json!(index(config) + 1);
        ResponseTemplate::new(200)
    }
}

impl Respond for FakeConfigs {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path = request
            .url
            .path()
            .split_once("/configs")
            .unwrap_or_default();
        let body = || serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let parts: Vec<&str> = path.1.split('/').skip(1).collect();
        match (&request.method, parts.as_slice()) {
            (&Method::GET, []) => {
                let all: Vec<Value> = self.kept().values().cloned().collect();
                ResponseTemplate::new(200).set_body_json(all)
            }
            (&Method::GET, [name]) => match self.kept().get(*name) {
                Some(config) => ResponseTemplate::new(200).set_body_json(config),
                None => refusal(404, "no such config"),
            },
            (&Method::POST, ["create"]) => self.create(&body()),
            (&Method::POST, [name, "update"]) => {
                let version = request.url.query_pairs().find(|(key, _)| key == "version");
                let version = version.map(|(_, value)| value.into_owned());
                self.update(name, &version.unwrap_or_default(), &body())
            }
            (&Method::DELETE, [name]) => match self.kept().remove(*name) {
                Some(_) => ResponseTemplate::new(204),
                None => refusal(404, "no such config"),
            },
            _ => refusal(400, "not known here"),
        }
    }
}

fn index(config: &Value) -> u64 {
    config["Version"]["Index"].as_u64().unwrap_or_default()
}

fn refusal(status: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "message": message }))
}
