//! What is collected for the inbox, and how it gets to `worker`.

use crate::platform::{INTERNAL_TOKEN, Platform, answer};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stoa_contracts::hand_over::{HandOver, HandedJob, HandedOver, RefusedJob};
use stoa_contracts::inbox::{CollectInbox, UncertainUtterance};
use stoa_contracts::{ErrorCode, Problem};
use stoa_testing::eventually;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const PATIENCE: Duration = Duration::from_secs(30);

/// What `worker` has taken, each job once.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<HandedJob>>>);

impl Record {
    /// Lets a `worker` take every job.
    async fn of(worker: &MockServer) -> Self {
        let record = Self::default();
        let jobs = record.0.clone();
        let take = move |request: &Request| {
            let handed: HandOver = request.body_json().expect("jobs");
            let taken = handed.jobs.iter().map(|job| job.id).collect();
            let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
            for job in handed.jobs {
                if jobs.iter().all(|known| known.id != job.id) {
                    jobs.push(job);
                }
            }
            let refused = Vec::new();
            ResponseTemplate::new(200).set_body_json(HandedOver { taken, refused })
        };
        at(worker, take).await;
        record
    }

    fn jobs(&self) -> Vec<HandedJob> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.clone()
    }

    /// The utterances so far, by text, counted together.
    fn utterances(&self) -> BTreeMap<String, UncertainUtterance> {
        let mut all: BTreeMap<String, UncertainUtterance> = BTreeMap::new();
        for utterance in self
            .jobs()
            .into_iter()
            .flat_map(|job| payload(&job).utterances)
        {
            match all.get_mut(&utterance.text) {
                Some(known) => known.join(utterance),
                None => drop(all.insert(utterance.text.clone(), utterance)),
            }
        }
        all
    }

    /// Waits until an utterance is there so often.
    async fn has(&self, text: &str, times: u32) -> UncertainUtterance {
        eventually(PATIENCE, async || {
            let found = self.utterances().remove(text)?;
            (found.times == times).then_some(found)
        })
        .await
    }
}

fn payload(job: &HandedJob) -> CollectInbox {
    serde_json::from_value(job.payload.clone()).expect("a payload of the contract")
}

async fn at(worker: &MockServer, answer: impl wiremock::Respond + 'static) {
    Mock::given(method("POST"))
        .and(path("/internal/v1/jobs"))
        .and(header("authorization", format!("Bearer {INTERNAL_TOKEN}")))
        .respond_with(answer)
        .mount(worker)
        .await;
}

#[tokio::test]
async fn what_is_out_of_scope_or_not_sure_is_collected_and_the_rest_is_not() {
    let platform = Platform::start().await;
    let record = Record::of(&platform.worker).await;
    platform.understand_as("song", None, 0.9).await;
    platform
        .understand_as("parcel", Some("guess_0"), 0.59)
        .await;
    platform.understand_as("bill", Some("guess_0"), 0.6).await;
    for text in ["hi", "my bill", "sing a song", "my parcel"] {
        assert_eq!(platform.parse(text).await.0, 200);
    }
    let song = record.has("sing a song", 1).await;
    record.has("my parcel", 1).await;
    let all: Vec<_> = record.utterances().into_keys().collect();
    assert_eq!(all, ["my parcel", "sing a song"]);
    assert_eq!((song.model_version, song.guesses.len()), (3, 5));
    assert_eq!(
        (song.guesses[0].name.as_str(), song.guesses[0].confidence),
        ("guess_0", 0.3)
    );
    for job in record.jobs() {
        let (job, payload) = (&job, payload(&job));
        assert_eq!(
            (job.kind.as_str(), job.version, job.account_id),
            ("collect_inbox", 1, platform.account)
        );
        assert_eq!(
            (payload.assistant_id, payload.account_id),
            (platform.assistant, platform.account)
        );
    }
}

#[tokio::test]
async fn every_door_is_one_that_users_speak_through_and_the_cache_hides_nothing() {
    let platform = Platform::start().await;
    let record = Record::of(&platform.worker).await;
    platform.understand_as("song", None, 0.9).await;
    platform.parse("a song").await;
    platform.parse("a song").await;
    let key = platform.token(Some(platform.assistant));
    let rasa = platform
        .request(Method::POST, "/model/parse")
        .bearer_auth(key);
    assert_eq!(answer(rasa.json(&json!({"text": "a song"}))).await.0, 200);
    let body = json!({"assistant_id": platform.assistant, "text": "a song"});
    let internal = platform.request(Method::POST, "/internal/v1/parse");
    let internal = internal.bearer_auth(INTERNAL_TOKEN).json(&body);
    assert_eq!(answer(internal).await.0, 200);
    record.has("a song", 4).await;
    assert_eq!(platform.asked().await, 1);
}

#[tokio::test]
async fn of_an_assistant_that_collects_nothing_nothing_is_collected() {
    let platform = Platform::that_gathers_for_long().await;
    let record = Record::of(&platform.worker).await;
    platform.understand_as("song", None, 0.9).await;
    platform.switch_collection_off().await;
    assert_eq!(platform.parse("a song").await.0, 200);
    let _worker = platform.end().await;
    assert!(record.jobs().is_empty());
}

#[tokio::test]
async fn what_cannot_be_an_example_is_left_out() {
    let platform = Platform::that_gathers_for_long().await;
    let record = Record::of(&platform.worker).await;
    platform.understand_as("song", None, 0.9).await;
    for text in [
        "a song \u{0}",
        &format!("song {}", "x".repeat(2_000)),
        "a song",
    ] {
        assert_eq!(platform.parse(text).await.0, 200);
    }
    let _worker = platform.end().await;
    assert_eq!(
        record.utterances().into_keys().collect::<Vec<_>>(),
        ["a song"]
    );
}

#[tokio::test]
async fn a_batch_counts_what_is_the_same_and_is_handed_over_at_the_end_of_the_process() {
    let platform = Platform::that_gathers_for_long().await;
    let record = Record::of(&platform.worker).await;
    platform.understand_as("song", None, 0.9).await;
    for text in ["a song", "a song", "a song", "another song"] {
        platform.parse(text).await;
    }
    assert!(record.jobs().is_empty());
    let _worker = platform.end().await;
    let jobs = record.jobs();
    assert_eq!(jobs.len(), 1);
    let mut said: Vec<_> = payload(&jobs[0]).utterances;
    said.sort_by(|one, other| one.text.cmp(&other.text));
    let said: Vec<_> = said
        .iter()
        .map(|one| (one.text.as_str(), one.times))
        .collect();
    assert_eq!(said, [("a song", 3), ("another song", 1)]);
}

#[tokio::test]
async fn many_utterances_become_jobs_that_are_not_too_large() {
    let platform = Platform::that_gathers_for_long().await;
    let record = Record::of(&platform.worker).await;
    platform.understand_as("song", None, 0.9).await;
    for number in 0..60 {
        platform
            .parse(&format!("song {number} {}", "ä".repeat(1_900)))
            .await;
    }
    let _worker = platform.end().await;
    let jobs = record.jobs();
    assert!(jobs.len() >= 5, "{}", jobs.len());
    for job in &jobs {
        assert!(serde_json::to_vec(&job.payload).unwrap().len() <= 64 * 1024);
    }
    assert_eq!(record.utterances().len(), 60);
}

#[tokio::test]
async fn a_worker_that_is_away_delays_no_answer_and_gets_the_same_jobs_later() {
    let platform = Platform::start().await;
    platform.understand_as("song", None, 0.9).await;
    let away = ResponseTemplate::new(503).set_delay(Duration::from_millis(300));
    at(&platform.worker, away).await;
    for number in 0..20 {
        assert_eq!(platform.parse(&format!("song {number}")).await.0, 200);
    }
    eventually(PATIENCE, async || {
        let requests = platform.worker.received_requests().await?;
        (requests.len() >= 3).then_some(())
    })
    .await;
    let requests = platform
        .worker
        .received_requests()
        .await
        .expect("they are kept");
    let ids = |request: &Request| -> Vec<_> {
        let handed: HandOver = request.body_json().expect("jobs");
        handed.jobs.iter().map(|job| job.id).collect()
    };
    assert_eq!(
        ids(&requests[0]),
        ids(&requests[1]),
        "the same jobs are offered again"
    );
    platform.worker.reset().await;
    let record = Record::of(&platform.worker).await;
    eventually(PATIENCE, async || {
        (record.utterances().len() == 20).then_some(())
    })
    .await;
    assert!(
        record
            .utterances()
            .values()
            .all(|utterance| utterance.times == 1)
    );
}

#[tokio::test]
async fn what_worker_refuses_is_dropped_and_holds_nothing_up() {
    let platform = Platform::start().await;
    platform.understand_as("song", None, 0.9).await;
    let refuse = |request: &Request| {
        let handed: HandOver = request.body_json().expect("jobs");
        let refused = handed.jobs.iter().map(|job| RefusedJob {
            id: job.id,
            problem: Problem::new(ErrorCode::Invalid, "There is no job of the kind here."),
        });
        let (taken, refused) = (Vec::new(), refused.collect());
        ResponseTemplate::new(200).set_body_json(HandedOver { taken, refused })
    };
    at(&platform.worker, refuse).await;
    platform.parse("first song").await;
    eventually(PATIENCE, async || {
        let requests = platform.worker.received_requests().await?;
        (!requests.is_empty()).then_some(())
    })
    .await;
    platform.worker.reset().await;
    let record = Record::of(&platform.worker).await;
    platform.parse("second song").await;
    record.has("second song", 1).await;
    assert_eq!(record.utterances().len(), 1);
}
