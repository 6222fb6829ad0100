//! Jobs that come back by the clock.

use crate::world::{Broker, Note, World};
use rstest::rstest;
use stoa_queue::store::{Missed, NewSchedule, ScheduleError};
use uuid::Uuid;

fn ring() -> Note {
    Note {
        text: "ring".into(),
    }
}

fn bell<'a>(cron: &'a str, time_zone: &'a str, missed: Missed) -> NewSchedule<'a> {
    NewSchedule {
        name: "bell",
        account: Uuid::nil(),
        cron,
        time_zone,
        missed,
    }
}

async fn schedule(world: &World, missed: Missed) {
    let every_minute = bell("* * * * *", "Europe/Athens", missed);
    let made = world.store.schedule(&every_minute, &ring()).await;
    made.expect("the schedule is made");
}

/// As if nobody had been there for so many minutes.
async fn go_back(world: &World, minutes: i32) {
    let back =
        sqlx::query("UPDATE queue_schedules SET next_at = next_at - $1 * interval '1 minute'")
            .bind(minutes)
            .execute(world.store.pool());
    back.await.expect("the schedule is there");
}

async fn enqueued(world: &World) -> usize {
    let jobs = sqlx::query_scalar("SELECT id FROM queue_jobs WHERE schedule = 'bell'");
    let jobs: Vec<Uuid> = jobs
        .fetch_all(world.store.pool())
        .await
        .expect("the table is there");
    jobs.len()
}

#[rstest]
#[tokio::test]
async fn a_time_fires_once_however_many_workers_there_are(
    #[values(Broker::Redis, Broker::Amqp)] broker: Broker,
) {
    let world = World::on(broker).await;
    schedule(&world, Missed::Once).await;
    go_back(&world, 1).await;
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(world.worker(2).await);
    }
    world.seen.wait_for(1).await;
    let schedules = world.store.schedules().await.unwrap();
    assert!(schedules[0].last_at.is_some());
    for worker in workers {
        worker.end().await;
    }
    // One more may have come by the clock itself.
    assert!(enqueued(&world).await <= 2);
    assert_eq!(world.seen.all().len(), enqueued(&world).await);
    world.end().await;
}

#[rstest]
#[case(Missed::Skip, 0)]
#[case(Missed::Once, 1)]
#[case(Missed::All, 10)]
#[tokio::test]
async fn missed_times_are_treated_as_the_schedule_says(
    #[case] missed: Missed,
    #[case] jobs: usize,
) {
    let world = World::on(Broker::Redis).await;
    schedule(&world, missed).await;
    // Ten were missed long ago, and the present minute is not due.
    sqlx::query(
        "UPDATE queue_schedules SET next_at = date_trunc('minute', clock_timestamp()) - interval '10 minutes'",
    )
    .execute(world.store.pool())
    .await
    .unwrap();
    let worker = world.worker(2).await;
    stoa_testing::eventually(crate::world::DEADLINE, || async {
        let schedules = world.store.schedules().await.ok()?;
        (schedules[0].next_at > time::OffsetDateTime::now_utc()).then_some(())
    })
    .await;
    // The present minute's own time may be among them.
    let found = enqueued(&world).await;
    assert!((jobs..=jobs + 1).contains(&found), "{found} jobs");
    worker.end().await;
    world.end().await;
}

#[tokio::test]
async fn an_expression_or_a_zone_that_is_none_is_refused_with_the_reason() {
    let world = World::on(Broker::Redis).await;
    for (cron, zone) in [
        ("61 * * * *", "UTC"),
        ("* * * *", "UTC"),
        ("* * * * *", "Mars/Base"),
    ] {
        let made = world
            .store
            .schedule(&bell(cron, zone, Missed::Once), &ring())
            .await;
        let Err(ScheduleError::Cron { reason, .. }) = made else {
            panic!("{cron} {zone}: {made:?}");
        };
        assert!(!reason.is_empty());
    }
    assert!(world.store.schedules().await.unwrap().is_empty());
}

/// A job may be told late that there is nothing to do any more, and its schedule may be for something else by then.
#[tokio::test]
async fn a_schedule_goes_with_a_job_only_if_it_would_enqueue_the_same() {
    let world = World::on(Broker::Redis).await;
    schedule(&world, Missed::Once).await;
    go_back(&world, 1).await;
    let worker = world.worker(1).await;
    world.seen.wait_for(1).await;
    worker.end().await;
    let fired = sqlx::query_scalar("SELECT id FROM queue_jobs WHERE schedule = 'bell'");
    let fired: Uuid = fired.fetch_one(world.store.pool()).await.unwrap();
    let daily = bell("0 3 * * *", "Europe/Athens", Missed::Once);
    let other = Note {
        text: "another bell".into(),
    };
    world.store.schedule(&daily, &other).await.unwrap();
    let kept = world.store.unschedule_with(fired).await.unwrap();
    assert_eq!(kept, None);
    world.store.schedule(&daily, &ring()).await.unwrap();
    let removed = world.store.unschedule_with(fired).await.unwrap();
    assert_eq!(removed.as_deref(), Some("bell"));
    assert!(!world.store.unschedule("bell").await.unwrap());
    world.end().await;
}
