//! What has jobs sent to the broker when it is their turn. Every consumer has one; one of all is active.

use super::enqueue::CHANNEL;
use super::pick::{Place, Room};
use super::resting::Resting;
use super::{Store, answered};
use crate::{Queue, QueueError, metrics};
use sqlx::postgres::PgListener;
use sqlx::{Connection as _, PgConnection};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// The lock that the active dispatcher of a database holds: `stoa que`, as a number.
const LEADER: i64 = 0x7374_6f61_2071_7565;
/// How often one that is not active tries to be.
const STAND_BY: Duration = Duration::from_secs(1);
/// The pause between two looks while jobs are out, so that others' ends are noticed; where so many end that each look
/// finds enough; and while nothing is out.
const BUSY: Duration = Duration::from_millis(20);
const VERY_BUSY: Duration = Duration::from_millis(60);
const IDLE: Duration = Duration::from_secs(1);
/// Jobs per second of a queue that is very busy.
const MANY: i64 = 1000;
/// Milliseconds over which it is measured how fast jobs end, and those of a look.
const WHILE: i64 = 100;
const LOOK: i64 = 20;
/// How often it looks after what is not about the next job: the broker's epoch, schedules, what is stuck.
const UPKEEP: Duration = Duration::from_secs(1);
/// The server ends the connection of a dispatcher that has said nothing for so long, and with it the lock: its machine
/// may be gone without a word, and TCP takes hours to notice.
const SILENT: &str = "15s";
/// The pause after an error.
const PAUSE: Duration = Duration::from_millis(500);
/// Jobs that one statement moves.
const BATCH: i64 = 1000;
/// An account may have so many out when the window is full, so that it is not shut out by another.
const PASSING: i64 = 1;

/// Sends what is to run.
pub(crate) struct Dispatcher {
    store: Store,
    queue: Queue,
    pace: HashMap<String, Pace>,
    resting: Resting,
}

/// How fast a queue's jobs end, and at which account it goes on.
#[derive(Default)]
struct Pace {
    /// Jobs that were out when it was last counted, with what was sent then.
    out: i64,
    ended: i64,
    since: Option<Instant>,
    per_second: i64,
    place: Place,
}

impl Pace {
    /// What is out no more has ended. A while is measured, because of a few ends in a moment little follows; but where a
    /// whole window has ended from one look to the next, it is a narrow one.
    fn count(&mut self, room: &Room, sent: i64) {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        self.ended += (self.out - room.out).max(0);
        self.out = room.out + sent;
        let took = i64::try_from((now - since).as_millis()).unwrap_or(i64::MAX);
        let is_narrow = room.out == 0 && self.ended >= room.window(0) && took >= LOOK;
        if took >= WHILE || is_narrow {
            self.per_second = self.ended * 1000 / took;
            (self.ended, self.since) = (0, Some(now));
        }
    }

    fn pause(&self) -> Duration {
        if self.per_second < MANY {
            BUSY
        } else {
            VERY_BUSY
        }
    }
}

/// What a look has come to.
enum Look {
    /// It may go on at once.
    Full,
    /// Nothing more can be sent now; jobs are out. How long until it is worth another look.
    Busy(Duration),
    /// Nothing waits for its turn; how long until something may.
    Idle(Duration),
}

impl Dispatcher {
    pub(crate) fn new(store: Store, queue: Queue) -> Self {
        Self {
            resting: Resting::new(store.clone(), queue.clone()),
            store,
            queue,
            pace: HashMap::new(),
        }
    }

    /// Works until `stop`. A database or a broker that is away is waited for.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match self.lead(&stop).await {
                Ok(()) => STAND_BY,
                Err(error) => {
                    metrics::dispatch_failed("");
                    tracing::warn!(%error, source = ?error, "jobs wait: they could not be sent; goes on trying");
                    PAUSE
                }
            };
            tokio::select! {
                () = stop.cancelled() => {},
                () = sleep(pause) => {},
            }
        }
    }

    /// Sends for as long as it holds the lock; returns at once if another has it.
    async fn lead(&mut self, stop: &CancellationToken) -> Result<(), QueueError> {
        let mut lock = self.store.pool.acquire().await?.detach();
        let held = sqlx::query!(
            r#"SELECT pg_try_advisory_lock($1) AS "is_held!", set_config('idle_session_timeout', $2, false) AS "limit""#,
            LEADER,
            SILENT,
        )
        .fetch_one(&mut lock);
        let led = match answered(async { Ok(held.await?) }).await {
            Ok(held) if held.is_held => self.lead_with(&mut lock, stop).await,
            other => other.map(drop),
        };
        self.resting = Resting::new(self.store.clone(), self.queue.clone());
        // A connection that is dead already may hold up its own end.
        let _ = timeout(PAUSE, lock.close()).await;
        led
    }

    async fn lead_with(
        &mut self,
        lock: &mut PgConnection,
        stop: &CancellationToken,
    ) -> Result<(), QueueError> {
        let mut listener = PgListener::connect_with(&self.store.pool).await?;
        listener.listen(CHANNEL).await?;
        let status = self.store.clone().tell_status();
        let _status = AbortOnDropHandle::new(tokio::spawn(status));
        self.resting.send_left().await?;
        let led_since = Instant::now();
        let mut upkeep = led_since;
        while !stop.is_cancelled() {
            if Instant::now() >= upkeep {
                // The lock is as good as its connection.
                answered(async { Ok(lock.ping().await?) }).await?;
                answered(self.store.keep_up(&self.queue, led_since.elapsed())).await?;
                self.notice_stranded().await?;
                upkeep = Instant::now() + UPKEEP;
            }
            let pause = match self.look().await? {
                Look::Full => continue,
                Look::Busy(pause) => pause,
                Look::Idle(until) => until.min(IDLE),
            };
            tokio::select! {
                () = stop.cancelled() => {},
                () = self.store.wake.notified() => {},
                _ = timeout(pause, listener.recv()) => {},
            }
        }
        Ok(())
    }

    async fn look(&mut self) -> Result<Look, QueueError> {
        let due = answered(self.store.promote()).await?;
        let names = answered(self.store.queues_with_work()).await?;
        let mut pause = due.unwrap_or(IDLE);
        let mut busy: Option<Duration> = None;
        for name in names {
            if self.resting.has(&name) {
                continue;
            }
            match self.fill(&name).await {
                Ok(Look::Full) => pause = Duration::ZERO,
                Ok(Look::Busy(until)) => busy = Some(busy.map_or(until, |other| other.min(until))),
                Ok(Look::Idle(until)) => pause = pause.min(until),
                Err(error) => return self.rest(name, error).map(|()| Look::Full),
            }
        }
        Ok(match (pause, busy) {
            (Duration::ZERO, _) => Look::Full,
            (_, Some(until)) => Look::Busy(until),
            (pause, None) => Look::Idle(pause),
        })
    }

    /// What the broker does not do for a queue concerns that one alone. It may have taken seconds: the others are not
    /// looked at before the lock has been heard of.
    fn rest(&mut self, name: String, error: QueueError) -> Result<(), QueueError> {
        if !error.is_of_the_broker() {
            return Err(error);
        }
        self.resting.after(name, &error);
        Ok(())
    }

    /// Sends again what a broker has lost that says that it holds no job of the queue.
    async fn notice_stranded(&mut self) -> Result<(), QueueError> {
        for (name, suspects) in answered(self.store.suspects()).await? {
            if self.resting.has(&name) {
                continue;
            }
            match self.queue.depth(&name).await {
                Ok(depth) if depth.is_empty() => {
                    answered(self.store.send_again(&name, &suspects)).await?;
                }
                Ok(_) => {}
                Err(error) => return self.rest(name, error),
            }
        }
        Ok(())
    }

    /// Sends what a queue has room for.
    async fn fill(&mut self, name: &str) -> Result<Look, QueueError> {
        let room = answered(self.store.room(name)).await?;
        let pace = self.pace.entry(name.to_owned()).or_default();
        let allowed = room.rate.map_or(i64::MAX, |rate| rate.allowed());
        if let (0, Some(rate)) = (allowed, room.rate) {
            // Whatever ends until then, none may start.
            return Ok(Look::Idle(rate.wait()));
        }
        let free = room.free(pace.per_second).min(allowed).min(BATCH);
        let (limit, most) = match free {
            1.. => (free, i64::MAX),
            _ if room.passing() > 0 => (room.passing().min(allowed), PASSING),
            _ => return Ok(Look::Busy(pace.pause())),
        };
        let picking = self.store.pick(name, limit, most, pace.place);
        let (ids, next) = answered(picking).await?;
        let wrapped = ids.is_empty() && !pace.place.after.is_nil();
        pace.place = next;
        let sent = i64::try_from(ids.len()).unwrap_or(BATCH);
        pace.count(&room, sent);
        if sent > 0 {
            let next = room.rate.map(|rate| rate.after(sent));
            self.store.send(&self.queue, name, &ids, next).await?;
        }
        Ok(if wrapped || sent == BATCH {
            Look::Full
        } else {
            Look::Busy(self.pace[name].pause())
        })
    }
}

impl Store {
    /// Lets those wait for their turn that are due; how long until the next one is.
    async fn promote(&self) -> Result<Option<Duration>, QueueError> {
        sqlx::query!(
            "UPDATE queue_jobs SET state = 'queued' WHERE id IN
                 (SELECT id FROM queue_jobs WHERE stage = 'scheduled' AND not_before <= clock_timestamp()
                  ORDER BY not_before LIMIT $1)
               AND state = 'scheduled'",
            BATCH,
        )
        .execute(&self.pool)
        .await?;
        let seconds = sqlx::query_scalar!(
            "SELECT extract(epoch FROM min(not_before) - clock_timestamp())::float8
             FROM queue_jobs WHERE stage = 'scheduled'"
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(seconds.map(|left| Duration::try_from_secs_f64(left).unwrap_or_default()))
    }
}
