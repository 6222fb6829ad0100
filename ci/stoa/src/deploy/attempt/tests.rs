use serde_json::json;
use wiremock::{Mock, Request, Respond as _, ResponseTemplate, matchers};

use super::*;
use crate::cluster::fake::{FakeManager, no_leader};
use crate::deploy::lock;
use crate::release::sample;

/// Far more than anything here takes that does not hang.
const LONG: Duration = Duration::from_mins(1);

/// Release 2, which adds its stack to a release that has none.
fn attempt() -> Attempt {
    Attempt {
        release: sample(2, Kind::Deploy),
        networks: BTreeMap::new(),
        files: Vec::new(),
        live: Some(Release {
            stacks: Vec::new(),
            ..sample(1, Kind::Deploy)
        }),
        within: LONG,
    }
}

async fn site_and_lock(manager: &FakeManager) -> (Site, Lock) {
    let site = Site::connect(manager.cluster()).await.unwrap();
    let lock = lock::acquire(&site.engine(), None, "alice", Duration::ZERO).await;
    (site, lock.unwrap())
}

#[tokio::test]
async fn who_loses_the_lock_while_putting_back_stops_and_records_nothing() {
    let manager = FakeManager::start().await;
    let (site, lock) = site_and_lock(&manager).await;
    // The first look at the services fails the attempt; the second, to remove what it made, meets a thief.
    Mock::given(matchers::query_param_is_missing("filters"))
        .and(matchers::path_regex("/services$"))
        .respond_with(ResponseTemplate::new(500))
        .mount(&manager.server)
        .await;
    let configs = manager.configs.clone();
    Mock::given(matchers::path_regex("/services$"))
        .respond_with(move |_: &Request| {
            configs.relabel("stoa-lock", json!({}));
            ResponseTemplate::new(200).set_delay(LONG * 60)
        })
        .mount(&manager.server)
        .await;
    let attempt = attempt();
    let carried_out = tokio::time::timeout(LONG, carry_out(&site, &lock, &attempt));
    let error = carried_out.await.expect("it stops").unwrap_err();
    assert!(error.to_string().contains("lock was lost"), "{error}");
    let result = "stoa-result-000002".to_owned();
    assert!(!manager.configs.names().contains(&result));
}

#[tokio::test]
async fn an_end_is_recorded_once_there_is_a_leader_again() {
    let manager = FakeManager::start().await;
    let (site, _lock) = site_and_lock(&manager).await;
    let creation = || matchers::path_regex("/configs/create$");
    manager.refuse(creation(), 1).await;
    // This one arrives, and its answer does not.
    let configs = manager.configs.clone();
    Mock::given(creation())
        .respond_with(move |request: &Request| {
            configs.respond(request);
            no_leader()
        })
        .up_to_n_times(1)
        .mount(&manager.server)
        .await;
    let succeeded = outcome(ResultKind::Succeeded, None);
    record(&site, 2, &succeeded).await.unwrap();
    let result = "stoa-result-000002".to_owned();
    assert!(manager.configs.names().contains(&result));

    let failed = outcome(ResultKind::Failed, None);
    let refused = record(&site, 2, &failed).await.unwrap_err();
    assert!(refused.to_string().contains("another end"), "{refused}");
}

#[test]
fn what_an_abandoned_attempt_left_may_serve_and_is_nobodys_to_remove() {
    let ended = |result| Summary {
        number: 1,
        at: String::new(),
        what: "deploy".into(),
        version: String::new(),
        by: String::new(),
        result: Some(result),
        seconds: None,
    };
    let (failed, abandoned) = (ended(ResultKind::Failed), ended(ResultKind::Abandoned));
    assert!(!is_rest_of_failures(&[]));
    assert!(is_rest_of_failures(&[failed.clone(), failed.clone()]));
    assert!(!is_rest_of_failures(&[failed, abandoned]));
}
