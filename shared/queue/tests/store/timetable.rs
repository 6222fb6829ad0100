//! What an account does with its schedules, and an operator sees of the queues.

use crate::world::{Broker, Note, World};
use rstest::rstest;
use std::time::Duration;
use stoa_queue::store::{DeadFilter, Missed, NewSchedule, ScheduleChange, State, upcoming};
use time::OffsetDateTime;
use uuid::Uuid;

fn bell(account: Uuid) -> NewSchedule<'static> {
    NewSchedule {
        name: "bell",
        account,
        cron: "30 3 * * *",
        time_zone: "Europe/Athens",
        missed: Missed::Once,
    }
}

fn ring() -> Note {
    Note {
        text: "ring".into(),
    }
}

#[tokio::test]
async fn a_schedule_is_made_once_and_switched_on_from_now_on() {
    let world = World::on(Broker::Redis).await;
    let account = Uuid::now_v7();
    let made = world
        .store
        .schedule_once(&bell(account), false, &ring())
        .await;
    assert!(made.expect("it is made"));
    let again = world
        .store
        .schedule_once(&bell(account), true, &ring())
        .await;
    assert!(!again.expect("it is there"), "the first one stays");
    let past = "UPDATE queue_schedules SET next_at = clock_timestamp() - interval '3 days'";
    sqlx::query(past).execute(world.store.pool()).await.unwrap();

    let on = ScheduleChange {
        is_enabled: Some(true),
        ..ScheduleChange::default()
    };
    let changed = world.store.reschedule::<Note>("bell", &on, None).await;
    assert!(changed.expect("it is changed"));
    let found = world
        .store
        .find_schedule("bell")
        .await
        .unwrap()
        .expect("it is there");
    assert!(found.schedule.is_enabled);
    assert!(
        found.schedule.next_at > OffsetDateTime::now_utc(),
        "what passed while it was off is not missed"
    );
    assert_eq!(found.payload, br#"{"text":"ring"}"#);

    assert_eq!(
        world.store.schedules_of(account, 10).await.unwrap().len(),
        1
    );
    assert!(
        world
            .store
            .schedules_of(Uuid::now_v7(), 10)
            .await
            .unwrap()
            .is_empty()
    );
    let wrong = ScheduleChange {
        cron: Some("at noon"),
        ..ScheduleChange::default()
    };
    assert!(
        world
            .store
            .reschedule::<Note>("bell", &wrong, None)
            .await
            .is_err()
    );
    assert!(
        !world
            .store
            .reschedule::<Note>("gong", &on, None)
            .await
            .unwrap()
    );
    world.end().await;
}

#[test]
fn a_time_that_never_comes_is_told() {
    let now = OffsetDateTime::UNIX_EPOCH;
    let times = upcoming("30 3 * * *", "Europe/Athens", now, 2).expect("there are such times");
    assert_eq!(times[1] - times[0], Duration::from_hours(24));
    assert!(upcoming("0 0 30 2 *", "UTC", now, 1).is_err());
    assert!(upcoming("0 0 * * *", "Europe/Sparta", now, 1).is_err());
}

#[rstest]
#[tokio::test]
async fn figures_and_failures_are_those_of_an_account(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    let job = world.enqueue("waits").await;
    let figures = |account| world.store.figures(account, Duration::from_mins(1));
    let all = figures(None).await.unwrap();
    let queue = all.values().next().expect("the queue has a job");
    assert_eq!(queue.counts.get(&State::Queued), Some(&1));
    assert!(queue.oldest.is_some());
    assert!(
        figures(Some(Uuid::now_v7()))
            .await
            .unwrap()
            .values()
            .all(|queue| queue.counts.is_empty())
    );

    let fail = "UPDATE queue_jobs SET state = 'failed', error = 'The Disk is full', finished_at = clock_timestamp()";
    sqlx::query(fail).execute(world.store.pool()).await.unwrap();
    let all = figures(None).await.unwrap();
    assert_eq!(
        all.values().next().unwrap().ended.get(&State::Failed),
        Some(&1)
    );
    for (error, expected) in [("disk IS full", 1), ("disc", 0), ("%", 0)] {
        let filter = DeadFilter {
            error: Some(error.into()),
            ..DeadFilter::default()
        };
        assert_eq!(
            world.store.dead(&filter, 10).await.unwrap().len(),
            expected,
            "{error}"
        );
    }
    let filter = DeadFilter {
        ids: Some(vec![job]),
        account: Some(Uuid::now_v7()),
        ..DeadFilter::default()
    };
    assert!(world.store.dead(&filter, 10).await.unwrap().is_empty());
    world.end().await;
}

#[tokio::test]
async fn figures_are_the_same_for_all_accounts_as_for_each_together() {
    let world = World::on(Broker::Redis).await;
    let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
    let states = ["queued", "queued", "sent", "running", "waiting", "failed"];
    let insert = "INSERT INTO queue_jobs (id, queue, kind, version, account_id, priority, state, payload, trace, not_before,
                                          max_attempts, enqueued_at)
                  SELECT gen_random_uuid(), 'notes', 'note', 1, $1, 1, state, '', '{}', $3, 1, $3
                  FROM unnest($2::text[]) AS state";
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
    let ages = [(one, 60), (other, 3600)];
    for (account, age) in ages {
        let since = now - time::Duration::seconds(age);
        let inserted = sqlx::query(insert)
            .bind(account)
            .bind(&states[..])
            .bind(since);
        inserted.execute(world.store.pool()).await.unwrap();
    }
    let notes = async |account| {
        let mut queues = world.store.queues(account).await.unwrap();
        queues.remove("notes").expect("the queue has jobs")
    };
    for (account, times, age) in [(Some(one), 1, 60), (Some(other), 1, 3600), (None, 2, 3600)] {
        let figures = notes(account).await;
        let expected = [
            (State::Queued, 2 * times),
            (State::Sent, times),
            (State::Running, times),
            (State::Waiting, times),
            (State::Failed, times),
        ];
        assert_eq!(figures.counts, expected.into(), "{account:?}");
        let since = now - time::Duration::seconds(age);
        assert_eq!(figures.oldest, Some(since), "{account:?}");
    }
    world.end().await;
}
