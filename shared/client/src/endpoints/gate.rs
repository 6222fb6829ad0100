//! How many requests a service gets at once: beyond that they wait, beyond that they are refused
//! at once. A service that is given all there is collapses; one that is given what it can do
//! serves on, and the rest hears soon that it has to come back.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::sync::oneshot;

/// More than any of our services works on at once with all its replicas; what is beyond it waits
/// there as well, and costs more.
const IN_FLIGHT: usize = 512;
/// As many may wait.
const WAITING: usize = 512;

/// The request is not sent: the service has as many as it may, and as many wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Shed {
    /// As many wait already as may.
    #[error("too many requests wait")]
    Full,
    /// It waited, and its patience ended.
    #[error("it waited for its turn in vain")]
    Late,
}

/// Counts as one of the requests that a service has, until it is dropped.
#[derive(Debug)]
pub struct Turn(Arc<Gate>);

/// Who waits goes in last come, first served. Under a load that lasts, in order of arrival,
/// everybody would wait as long as anybody may, and be served when its caller is about to leave;
/// like this most are served at once, and who waits in vain does so whatever the order. In a short
/// burst, which the queue is for, all get in within their patience in either order.
///
/// Where nobody waits, going in and out takes no lock. That nobody is forgotten rests on the order
/// of two pairs: who waits says so and then looks for a place once more; who leaves gives its place
/// back and then looks for who waits once more. Hence `SeqCst`.
#[derive(Debug)]
pub(super) struct Gate {
    in_flight: usize,
    waiting: usize,
    taken: AtomicUsize,
    queued: AtomicUsize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    /// The last one goes first.
    waiters: Vec<(u64, oneshot::Sender<Turn>)>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(IN_FLIGHT, WAITING)
    }
}

impl Gate {
    /// At most so many at once, and so many that wait.
    pub(super) fn new(in_flight: usize, waiting: usize) -> Self {
        Self {
            in_flight,
            waiting,
            taken: AtomicUsize::new(0),
            queued: AtomicUsize::new(0),
            queue: Mutex::default(),
        }
    }

    /// Goes in, at once or in its turn.
    pub(super) async fn enter(self: &Arc<Self>, patience: Duration) -> Result<Turn, Shed> {
        if let Some(turn) = self.try_enter() {
            return Ok(turn);
        }
        let (id, turn) = match self.queue_up()? {
            Place::Turn(turn) => return Ok(turn),
            Place::Waits(id, turn) => (id, turn),
        };
        // Also where the caller leaves: a turn that is on its way then goes to the next one.
        let _leave = Leave { gate: self, id };
        match tokio::time::timeout(patience, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Shed::Late),
        }
    }

    /// The same, if it is at once.
    pub(super) fn try_enter(self: &Arc<Self>) -> Option<Turn> {
        let take = |taken| (taken < self.in_flight).then_some(taken + 1);
        let taken = self.taken.fetch_update(SeqCst, SeqCst, take);
        taken.ok().map(|_| Turn(Arc::clone(self)))
    }

    fn queue_up(self: &Arc<Self>) -> Result<Place, Shed> {
        let mut queue = self.queue();
        if queue.waiters.len() >= self.waiting {
            return Err(Shed::Full);
        }
        let (sender, receiver) = oneshot::channel();
        let id = queue.next;
        queue.next += 1;
        queue.waiters.push((id, sender));
        self.queued.store(queue.waiters.len(), SeqCst);
        let Some(turn) = self.try_enter() else {
            return Ok(Place::Waits(id, receiver));
        };
        queue.waiters.pop();
        self.queued.store(queue.waiters.len(), SeqCst);
        Ok(Place::Turn(turn))
    }

    /// The one who waits next; its place in the queue is free.
    fn next(&self) -> Option<oneshot::Sender<Turn>> {
        if self.queued.load(SeqCst) == 0 {
            return None;
        }
        let mut queue = self.queue();
        let next = queue.waiters.pop();
        self.queued.store(queue.waiters.len(), SeqCst);
        next.map(|(_, sender)| sender)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let gate = &self.0;
        gate.taken.fetch_sub(1, SeqCst);
        while gate.queued.load(SeqCst) > 0 {
            let Some(turn) = gate.try_enter() else {
                return;
            };
            let Some(next) = gate.next() else {
                // Nobody waits any more; dropping the turn looks again, so nobody is forgotten.
                continue;
            };
            if next.send(turn).is_ok() {
                return;
            }
        }
    }
}

/// What becomes of who queues up.
enum Place {
    Turn(Turn),
    Waits(u64, oneshot::Receiver<Turn>),
}

/// Takes somebody out of the queue, if it still waits.
struct Leave<'a> {
    gate: &'a Gate,
    id: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut queue = self.gate.queue();
        queue.waiters.retain(|(id, _)| *id != self.id);
        self.gate.queued.store(queue.waiters.len(), SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(1);

    fn gate(in_flight: usize, waiting: usize) -> Arc<Gate> {
        Arc::new(Gate::new(in_flight, waiting))
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_bounds_the_answer_comes_at_once() {
        let gate = gate(1, 1);
        let turn = gate.enter(SOON).await.unwrap();
        let waits = gate.enter(SOON);
        let refused = async {
            tokio::task::yield_now().await;
            gate.enter(SOON).await.err()
        };
        let (waits, refused) = tokio::join!(waits, refused);
        assert_eq!((waits.err(), refused), (Some(Shed::Late), Some(Shed::Full)));
        drop(turn);
        assert!(gate.enter(SOON).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_to_come_goes_first() {
        let gate = gate(1, 9);
        let turn = gate.enter(SOON).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let waiters: Vec<_> = (0..3)
            .map(|number| {
                let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
                tokio::spawn(async move {
                    let _turn = gate.enter(SOON).await.unwrap();
                    order.lock().unwrap().push(number);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(turn);
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [2, 1, 0]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_place_is_lost_and_none_given_twice() {
        let gate = gate(3, 1000);
        let inside = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..200)
            .map(|number| {
                let (gate, inside) = (Arc::clone(&gate), Arc::clone(&inside));
                tokio::spawn(async move {
                    for _ in 0..50 {
                        // Some leave while they wait.
                        let patience = if number % 4 == 0 {
                            Duration::ZERO
                        } else {
                            SOON * 60
                        };
                        let Ok(turn) = gate.enter(patience).await else {
                            continue;
                        };
                        assert!(inside.fetch_add(1, SeqCst) < 3);
                        tokio::task::yield_now().await;
                        inside.fetch_sub(1, SeqCst);
                        drop(turn);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(gate.taken.load(SeqCst), 0);
        assert_eq!(gate.queued.load(SeqCst), 0);
    }
}
