use wiremock::matchers;

use super::*;
use crate::cluster::fake::FakeManager;

const QUICK: Timing = Timing {
    beat: Duration::from_millis(300),
    trust: Duration::from_secs(4),
    patience: Duration::from_secs(6),
    poll: Duration::from_millis(100),
};
const LONG: Duration = Duration::from_mins(1);

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_version_goes_stale_by_the_clock_of_who_watches_it() {
    let start = Instant::now();
    let stale = start + TIMING.patience;
    let mut patience = Patience::default();
    assert!(!patience.is_over(5, start, TIMING));
    assert!(!patience.is_over(5, stale.checked_sub(SECOND).unwrap(), TIMING));
    assert!(patience.is_over(5, stale, TIMING));
}

#[test]
fn a_beat_begins_the_wait_anew() {
    let start = Instant::now();
    let beaten = start + TIMING.patience / 2;
    let mut patience = Patience::default();
    assert!(!patience.is_over(5, start, TIMING));
    assert!(!patience.is_over(6, beaten, TIMING));
    assert!(!patience.is_over(6, start + TIMING.patience, TIMING));
    assert!(patience.is_over(6, beaten + TIMING.patience, TIMING));
}

#[test]
fn a_holder_stops_before_anybody_may_take_over() {
    assert!(TIMING.beat * 3 < TIMING.trust);
    assert!(TIMING.trust + TIMING.beat < TIMING.patience);
}

#[tokio::test]
async fn what_was_done_under_it_counts_though_it_cannot_be_freed() {
    let manager = FakeManager::start().await;
    let engine = manager.cluster().connect().await.unwrap();
    let lock = acquire(&engine, None, "alice", Duration::ZERO).await;
    manager
        .refuse(matchers::path_regex("/configs/stoa-lock"), u64::MAX)
        .await;
    let done: anyhow::Result<u8> = lock.unwrap().free_after(Ok(7)).await;
    assert_eq!(done.unwrap(), 7);
}

/// They ask the manager that `STOA_TEST_ENGINE` names, and are left out unless asked for.
mod on_a_swarm {
    use super::*;
    use crate::cluster::engine_for_tests;
    use uuid::Uuid;

    /// A lease that only this test knows, and its end.
    struct Own {
        engine: Engine,
        name: String,
    }

    impl Own {
        async fn new() -> Self {
            Self {
                engine: engine_for_tests().await,
                name: format!("test-lock-{}", Uuid::new_v4().simple()),
            }
        }

        fn lease(&self) -> Lease {
            Lease::new(&self.engine, &self.name)
        }

        async fn acquire(&self, by: &str, wait: Duration) -> anyhow::Result<Lock> {
            acquire_lease(self.lease(), Holder::new(None, by), wait, QUICK).await
        }

        async fn remove(self) {
            self.engine.docker.delete_config(&self.name).await.unwrap();
        }
    }

    #[tokio::test]
    async fn one_holds_it_and_the_other_is_told_who() {
        let own = Own::new().await;
        let lock = own.acquire("alice", Duration::ZERO).await.unwrap();
        lock.announce(13);
        // Longer than a dead holder would keep it.
        let refusal = own
            .acquire("bob", QUICK.patience * 2)
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(
            refusal.contains("alice holds it for release 13"),
            "{refusal}"
        );
        assert!(!lock.lost().is_cancelled());
        lock.release().await.unwrap();
        let lock = own.acquire("bob", Duration::ZERO).await.unwrap();
        lock.release().await.unwrap();
        own.remove().await;
    }

    #[tokio::test]
    async fn a_dead_holder_loses_it() {
        let own = Own::new().await;
        drop(own.acquire("alice", Duration::ZERO).await.unwrap());
        assert!(own.acquire("bob", Duration::ZERO).await.is_err());
        let lock = own.acquire("bob", LONG).await.unwrap();
        lock.release().await.unwrap();
        own.remove().await;
    }

    #[tokio::test]
    async fn a_holder_is_told_that_it_lost_it() {
        let own = Own::new().await;
        let lock = own.acquire("alice", Duration::ZERO).await.unwrap();
        let thief = Holder::new(None, "mallory");
        // The holder beats meanwhile: until the theft is the newest version.
        while !own
            .lease()
            .swap(&own.lease().read().await.unwrap().unwrap(), Some(&thief))
            .await
            .unwrap()
        {}
        tokio::time::timeout(LONG, lock.lost().cancelled())
            .await
            .unwrap();
        lock.release().await.unwrap();
        let seen = own.lease().read().await.unwrap().unwrap();
        assert_eq!(seen.holder, Some(thief), "a lost lock was freed");
        own.remove().await;
    }

    #[tokio::test]
    async fn of_many_at_once_one_wins() {
        let own = Own::new().await;
        let names = ["a", "b", "c", "d", "e", "f"];
        let tries = names.map(|by| own.acquire(by, Duration::ZERO));
        let locks = futures_util::future::join_all(tries).await;
        let held: Vec<Lock> = locks.into_iter().filter_map(Result::ok).collect();
        assert_eq!(held.len(), 1);
        for lock in held {
            lock.release().await.unwrap();
        }
        own.remove().await;
    }
}
