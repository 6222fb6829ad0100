//! What holds for the job `tally`: it runs beside the server, and its effect is there once.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use stoa_contracts::identity::Role;
use stoa_queue::Payload;
use stoa_queue::store::{JobFilter, NewJob, State, Store, StoredJob};
use stoa_testing::eventually;
use stub::tally::TallyNote;

use crate::service::{TestService, User};

const NOTES: &str = "/api/v1/stub/notes";
const TALLY: &str = "/api/v1/stub/tally";
/// Long enough for a busy machine; nothing waits for it in vain.
const DEADLINE: Duration = Duration::from_mins(1);

/// Creates a note; its id.
async fn create(editor: &User<'_>, text: &str) -> Value {
    let (status, note) = editor.post(NOTES, json!({"text": text})).await;
    assert_eq!(status, 201, "{note}");
    note["id"].clone()
}

/// Waits until so many notes are counted.
async fn tally_of(user: &User<'_>, notes: i64) -> Value {
    eventually(DEADLINE, || async {
        let (_, tally) = user.get(TALLY).await;
        (tally["notes"] == notes).then_some(tally)
    })
    .await
}

/// Waits until a note's job is as it is asked for.
async fn job(store: &Store, note: &Value, is_so: impl Fn(&StoredJob) -> bool) -> StoredJob {
    let is_of_note = |job: &StoredJob| {
        let payload: Value = serde_json::from_slice(&job.payload).unwrap();
        payload["note_id"] == *note
    };
    eventually(DEADLINE, || async {
        let jobs = store.list(&JobFilter::default(), 100).await.unwrap();
        jobs.into_iter().find(|job| is_of_note(job) && is_so(job))
    })
    .await
}

#[tokio::test]
async fn a_new_note_is_counted_for_its_account_alone() {
    let service = TestService::start(&[]).await;
    let (editor, stranger) = (service.user(Role::Editor), service.user(Role::Editor));
    create(&editor, "Read the meter").await;
    create(&editor, "  Water\tthe\n plants ").await;
    create(&stranger, "Sleep").await;
    assert_eq!(tally_of(&editor, 2).await, json!({"notes": 2, "words": 6}));
    let theirs = tally_of(&stranger, 1).await;
    assert_eq!(theirs, json!({"notes": 1, "words": 1}));
    let (status, none) = service.user(Role::Viewer).get(TALLY).await;
    assert_eq!(
        (status.as_u16(), none),
        (200, json!({"notes": 0, "words": 0}))
    );
}

#[tokio::test]
async fn a_job_is_there_only_if_its_note_is() {
    let service = TestService::start(&[("NOTES_PER_ACCOUNT", "1")]).await;
    let editor = service.user(Role::Editor);
    for status in [201, 201] {
        let sent = editor.post_once(NOTES, "k", json!({"text": "mine"})).await;
        assert_eq!(sent.0, status);
    }
    assert_eq!(editor.post(NOTES, json!({"text": "else"})).await.0, 409);
    let store = Store::new(service.pool().await);
    let jobs = store.list(&JobFilter::default(), 100).await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(tally_of(&editor, 1).await, json!({"notes": 1, "words": 1}));
}

#[tokio::test]
async fn a_job_that_runs_twice_at_a_time_counts_once() {
    let service = TestService::start(&[]).await;
    let editor = service.user(Role::Editor);
    create(&editor, "first").await;
    tally_of(&editor, 1).await;
    let pool = service.pool().await;
    let store = Store::new(pool.clone());
    // Nobody can write a tally, so that the job stands in the middle of its work.
    let mut held = pool.begin().await.unwrap();
    let lock = "SELECT FROM tallies FOR UPDATE";
    sqlx::query(lock).execute(&mut *held).await.unwrap();
    let note = create(&editor, "one two").await;
    let first = job(&store, &note, |job| job.state == State::Running).await;
    waits_for_lock(&pool, 1).await;
    // As it is done with the jobs of a worker that is not heard of any more; the dispatcher is told, so that the second
    // attempt begins before the first one hears of it.
    let again = "WITH again AS (UPDATE queue_jobs SET state = 'queued' WHERE id = $1 RETURNING id)
                 SELECT pg_notify('queue_jobs', '') FROM again";
    let again = sqlx::query(again).bind(first.id).execute(&pool).await;
    assert_eq!(again.unwrap().rows_affected(), 1);
    job(&store, &note, |job| job.attempts == 2).await;
    held.commit().await.unwrap();
    job(&store, &note, |job| job.state == State::Succeeded).await;
    let (_, tally) = editor.get(TALLY).await;
    assert_eq!(tally, json!({"notes": 2, "words": 3}));
}

/// Waits until so many sessions wait for a lock.
async fn waits_for_lock(pool: &PgPool, sessions: i64) {
    let count = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually(DEADLINE, || async {
        let waiting: i64 = sqlx::query_scalar(count).fetch_one(pool).await.unwrap();
        (waiting >= sessions).then_some(())
    })
    .await;
}

/// The payload as a later release may write it.
#[derive(Deserialize, Serialize)]
struct TallyOfTomorrow {
    note_id: Value,
}

impl Payload for TallyOfTomorrow {
    const KIND: &'static str = TallyNote::KIND;
    const VERSION: u16 = TallyNote::VERSION + 1;
    const QUEUE: &'static str = TallyNote::QUEUE;
    const TIME_LIMIT: Duration = TallyNote::TIME_LIMIT;
}

#[tokio::test]
async fn a_payload_of_a_later_version_is_parked_and_holds_nothing_up() {
    let service = TestService::start(&[]).await;
    let store = Store::new(service.pool().await);
    let note_id = json!("of tomorrow");
    let later = TallyOfTomorrow {
        note_id: note_id.clone(),
    };
    let later = NewJob::new(&later).unwrap();
    store.enqueue(later).await.unwrap();
    let parked = job(&store, &note_id, |job| job.state == State::Failed).await;
    assert_eq!(parked.attempts, 1);
    let error = parked.error.unwrap();
    assert_eq!(error, "version 2 of `tally` is not known here");
    let editor = service.user(Role::Editor);
    create(&editor, "today").await;
    tally_of(&editor, 1).await;
}

#[tokio::test]
async fn a_job_of_a_note_that_is_gone_fails_at_once() {
    let service = TestService::start(&[]).await;
    let store = Store::new(service.pool().await);
    let note_id = uuid::Uuid::now_v7();
    let orphan = NewJob::new(&TallyNote { note_id }).unwrap();
    store.enqueue(orphan).await.unwrap();
    let failed = job(&store, &json!(note_id), |job| job.state == State::Failed).await;
    assert_eq!(
        (failed.attempts, failed.error.as_deref()),
        (1, Some("The note is gone."))
    );
}

#[tokio::test]
async fn what_keeps_failing_is_parked_after_its_last_attempt_and_can_start_anew() {
    let service = TestService::start(&[]).await;
    let pool = service.pool().await;
    let store = Store::new(pool.clone());
    let editor = service.user(Role::Editor);
    let away = "ALTER TABLE tallies RENAME TO tallies_away";
    sqlx::query(away).execute(&pool).await.unwrap();
    let note = create(&editor, "patience").await;
    let parked = job(&store, &note, |job| job.state == State::Failed).await;
    let attempts = store.attempts(parked.id).await.unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|attempt| &*attempt.outcome).collect();
    assert_eq!(outcomes.len(), usize::from(TallyNote::MAX_ATTEMPTS));
    let (last, earlier) = outcomes.split_last().unwrap();
    assert_eq!(*last, "failed");
    assert!(earlier.iter().all(|outcome| *outcome == "retried"));
    let back = "ALTER TABLE tallies_away RENAME TO tallies";
    sqlx::query(back).execute(&pool).await.unwrap();
    let ids = [parked.id];
    let replayed = store.replay(&JobFilter::default(), Some(&ids)).await;
    assert_eq!(replayed.unwrap(), 1);
    tally_of(&editor, 1).await;
}
