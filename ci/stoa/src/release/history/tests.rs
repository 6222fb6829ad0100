use super::*;
use crate::release::{Kind, SCHEMA, sample};

fn outcome(result: ResultKind) -> Outcome {
    Outcome {
        schema: SCHEMA,
        result,
        cause: None,
        seconds: 42,
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn attempts_are_listed_newest_first_with_their_ends() {
    let releases = [
        (1, labels(&[(record::BY, "alice")])),
        (3, Labels::new()),
        (2, Labels::new()),
    ];
    let outcomes = HashMap::from([(
        1,
        labels(&[(record::RESULT, "put back"), (record::SECONDS, "9")]),
    )]);
    let listed = summaries(&releases, &outcomes);
    let numbers: Vec<u64> = listed.iter().map(|summary| summary.number).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(listed[2].by, "alice");
    assert_eq!(listed[2].result, Some(ResultKind::PutBack));
    assert_eq!(listed[2].seconds, Some(9));
    assert_eq!(listed[0].result, None);
}

#[test]
fn an_attempt_that_was_put_back_leaves_the_one_before_it_live() {
    let ends = [
        (4, "put back"),
        (3, "succeeded"),
        (2, "succeeded"),
        (1, "failed"),
    ];
    let releases: Vec<(u64, Labels)> = (1..=5).map(|number| (number, Labels::new())).collect();
    let outcomes = ends.map(|(number, end)| (number, labels(&[(record::RESULT, end)])));
    assert_eq!(
        live_number(&summaries(&releases, &outcomes.into())),
        Some(3)
    );
    assert_eq!(live_number(&summaries(&releases, &HashMap::new())), None);
}

/// They ask the manager that `STOA_TEST_ENGINE` names, and are left out unless asked for.
mod on_a_swarm {
    use super::*;
    use crate::cluster::engine_for_tests;
    use futures_util::{StreamExt as _, TryStreamExt as _, stream};
    use std::time::{Duration, Instant};
    use uuid::Uuid;

    /// A history that only one test knows.
    async fn own() -> History {
        let engine = engine_for_tests().await;
        History::with_prefix(&engine, &format!("test-{}", Uuid::new_v4().simple()))
    }

    async fn forget_all(history: &History, numbers: std::ops::RangeInclusive<u64>) {
        let forgotten = stream::iter(numbers.map(|number| history.forget(number)));
        forgotten
            .buffer_unordered(16)
            .try_collect::<Vec<()>>()
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_release_is_recorded_once_and_read_back() {
        let history = own().await;
        assert_eq!(history.next_number().await.unwrap(), 1);
        let release = sample(1, Kind::Deploy);
        history.begin(&release).await.unwrap();
        assert!(history.live().await.unwrap().is_none());
        let taken = history.begin(&release).await.unwrap_err().to_string();
        assert!(taken.contains("exists already"), "{taken}");
        let succeeded = outcome(ResultKind::Succeeded);
        assert!(history.end(1, &succeeded).await.unwrap());
        assert!(history.end(1, &succeeded).await.unwrap());
        let failed = outcome(ResultKind::Failed);
        assert!(!history.end(1, &failed).await.unwrap());
        assert_eq!(
            history.get(1).await.unwrap(),
            (release.clone(), Some(succeeded))
        );
        assert_eq!(history.live().await.unwrap(), Some(release));
        assert_eq!(history.next_number().await.unwrap(), 2);
        let missing = history.get(2).await.unwrap_err().to_string();
        assert!(missing.contains("there is no release 2"), "{missing}");
        forget_all(&history, 1..=1).await;
        assert!(history.list().await.unwrap().is_empty());
    }

    /// The case study's number. For a machine that does nothing else.
    #[tokio::test]
    async fn two_thousand_releases_are_listed_within_a_second() {
        const COUNT: u64 = 2000;
        let history = own().await;
        let written = stream::iter((1..=COUNT).map(|number| record(&history, number)));
        written.buffer_unordered(16).collect::<Vec<()>>().await;
        let begun = Instant::now();
        let listed = history.list().await.unwrap();
        let took = begun.elapsed();
        forget_all(&history, 1..=COUNT).await;
        println!("{} releases listed in {took:?}", listed.len());
        assert_eq!(listed.len() as u64, COUNT);
        assert_eq!(live_number(&listed), Some(COUNT));
        assert!(took < Duration::from_secs(1), "{took:?}");
    }

    async fn record(history: &History, number: u64) {
        let release = sample(number, Kind::Deploy);
        history.begin(&release).await.unwrap();
        let succeeded = outcome(ResultKind::Succeeded);
        assert!(history.end(number, &succeeded).await.unwrap());
    }
}
