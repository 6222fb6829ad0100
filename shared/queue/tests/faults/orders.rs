//! What is ordered: jobs of every sort, each with the end that it must come to. All of it follows from the seed.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};
use stoa_queue::Payload;
use stoa_queue::store::{Flow, NewJob, Priority};
use uuid::{NoContext, Timestamp, Uuid};

/// Jobs that one transaction orders, at most.
const BATCH: u64 = 25;
/// Accounts and unique keys: few, so that they meet.
const ACCOUNTS: u128 = 5;
const KEYS: u32 = 6;
/// How far the clock of a producer may be off.
const SKEW: u64 = 3600;
/// The longest delay.
const DELAY: u64 = 2500;

/// A job of the trial.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) number: i64,
    pub(crate) task: Task,
}

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Has its effects.
    Effect,
    /// The same, after it has failed for a while.
    Flaky,
    /// Fails for good.
    Broken,
    /// Goes on until it is cancelled.
    Endless,
}

impl Payload for Work {
    const KIND: &'static str = "work";
    const QUEUE: &'static str = "faults";
    // Every death of a worker counts, and they die all the time.
    const MAX_ATTEMPTS: u16 = 1000;
    const TIME_LIMIT: Duration = Duration::from_mins(5);
}

/// A job, and what must come of it.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) number: i64,
    pub(crate) job: Uuid,
    pub(crate) expected: &'static str,
    pub(crate) flow: Option<Uuid>,
    /// In a flow: no job of a step starts before all of the step before have succeeded.
    pub(crate) step: i32,
    pub(crate) delay: Duration,
}

/// What one transaction orders.
pub(crate) enum Batch {
    Jobs(Vec<(Order, NewJob)>),
    Flow(Vec<Order>, Flow),
}

/// The batch that begins with this number.
pub(crate) fn batch(seed: u64, number: i64) -> Batch {
    let mut random = StdRng::seed_from_u64(seed ^ number.unsigned_abs());
    match random.random_range(0..10) {
        0..2 => chain(&mut random, number),
        2..4 => chord(&mut random, number),
        4..6 => jobs(&mut random, number, true),
        _ => jobs(&mut random, number, false),
    }
}

fn jobs(random: &mut StdRng, first: i64, is_unique: bool) -> Batch {
    let many = random.random_range(1..=BATCH);
    let orders = (first..).zip(0..many).map(|(number, _)| {
        let task = match random.random_range(0..50) {
            // All that share a key must come to the same end.
            _ if is_unique => Task::Flaky,
            0 => Task::Endless,
            1..4 => Task::Broken,
            4..20 => Task::Flaky,
            _ => Task::Effect,
        };
        let (mut order, job) = order(random, number, task);
        if is_unique {
            let key = random.random_range(0..KEYS);
            return (order, job.unique(format!("key-{key}")));
        }
        if random.random_bool(0.1) {
            order.delay = Duration::from_millis(random.random_range(1..DELAY));
        }
        let delay = order.delay;
        (order, job.after(delay))
    });
    Batch::Jobs(orders.collect())
}

fn order(random: &mut StdRng, number: i64, task: Task) -> (Order, NewJob) {
    let id = skewed_id(random);
    let account = Uuid::from_u128(random.random_range(1..=ACCOUNTS));
    let priority = match random.random_range(0..5) {
        0 => Priority::High,
        1 => Priority::Low,
        _ => Priority::Normal,
    };
    let job = NewJob::new(&Work { number, task }).expect("work is small");
    let order = Order {
        number,
        job: id,
        expected: match task {
            Task::Effect | Task::Flaky => "succeeded",
            Task::Broken => "failed",
            Task::Endless => "cancelled",
        },
        flow: None,
        step: 0,
        delay: Duration::ZERO,
    };
    let job = job.with_id(id).for_account(account).with_priority(priority);
    (order, job)
}

/// The id is all that a producer's clock has a part in.
fn skewed_id(random: &mut StdRng) -> Uuid {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.expect("the clock stands after 1970").as_secs();
    let off = if random.random_bool(0.3) {
        random.random_range(0..2 * SKEW)
    } else {
        SKEW
    };
    Uuid::new_v7(Timestamp::from_unix(NoContext, now + off - SKEW, 0))
}

fn chain(random: &mut StdRng, first: i64) -> Batch {
    let links = random.random_range(2..=5);
    let broken = random
        .random_bool(0.2)
        .then_some(random.random_range(0..links));
    let (mut orders, mut jobs) = (Vec::new(), Vec::new());
    for (number, step) in (first..).zip(0..links) {
        let task = match broken {
            Some(at) if at == step => Task::Broken,
            _ if random.random_bool(0.3) => Task::Flaky,
            _ => Task::Effect,
        };
        let (mut order, job) = order(random, number, task);
        order.step = step;
        if broken.is_some_and(|at| at < step) {
            order.expected = "cancelled";
        }
        orders.push(order);
        jobs.push(job);
    }
    of_flow(orders, Flow::chain(jobs))
}

fn chord(random: &mut StdRng, first: i64) -> Batch {
    let many = random.random_range(2..=8);
    let mut all: Vec<_> = (first..)
        .zip(0..=many)
        .map(|(number, _)| {
            let is_flaky = random.random_bool(0.3);
            let task = if is_flaky { Task::Flaky } else { Task::Effect };
            order(random, number, task)
        })
        .collect();
    let (mut last, last_job) = all.pop().expect("a chord has a last job");
    last.step = 1;
    let (mut orders, jobs): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    orders.push(last);
    of_flow(orders, Flow::chord(jobs, last_job))
}

fn of_flow(mut orders: Vec<Order>, flow: Flow) -> Batch {
    for order in &mut orders {
        order.flow = Some(flow.id());
    }
    Batch::Flow(orders, flow)
}
