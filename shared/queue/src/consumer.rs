//! A process's part in the work: its handlers, and the loops that feed them.

use crate::handler::{Handler, Observer, Unobserved};
use crate::metrics::Series;
use crate::reader::ReadLoop;
use crate::run::Runner;
use crate::store::{Dispatcher, Store};
use crate::stored::Stored;
use crate::worker::Worker;
use crate::{ConsumerSettings, Job, JobContext, JobError, Payload, Queue, QueueError, metrics};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// How long the dispatcher of a worker that ends may take to end what it does.
const LAST_DISPATCH: Duration = Duration::from_secs(5);
/// How often the depth of the queues is measured: finer than Prometheus looks.
const DEPTH_INTERVAL: Duration = Duration::from_secs(5);
/// The kind under which jobs are counted that no handler knows.
const UNKNOWN: &str = "unknown";

/// Runs jobs.
pub struct Consumer {
    queue: Queue,
    settings: ConsumerSettings,
    observer: Arc<dyn Observer>,
    store: Option<Store>,
    queues: BTreeMap<&'static str, BTreeMap<&'static str, Handler>>,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let queues: Vec<_> = self.queues.keys().collect();
        f.debug_struct("Consumer")
            .field("queues", &queues)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    /// A consumer that handles nothing yet.
    pub fn new(queue: Queue, settings: ConsumerSettings) -> Self {
        Self {
            queue,
            settings,
            observer: Arc::new(Unobserved),
            store: None,
            queues: BTreeMap::new(),
        }
    }

    /// Handles the jobs of one kind. Their queue is read from now on, and what else lies in it
    /// without a handler is parked.
    #[must_use]
    pub fn handle<J, F, Fut>(mut self, run: F) -> Self
    where
        J: Payload,
        F: Fn(J, JobContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let handlers = self.queues.entry(J::QUEUE).or_default();
        handlers.insert(J::KIND, Handler::new(run));
        self
    }

    /// Does a job that is declared in one place; each attempt gets a copy of `state`.
    #[must_use]
    pub fn job<J, State>(self, state: &State) -> Self
    where
        J: Job<State>,
        State: Clone + Send + Sync + 'static,
    {
        let state = state.clone();
        self.handle(move |payload: J, job| payload.run(state.clone(), job))
    }

    /// Tells `observer` of every attempt.
    #[must_use]
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Works on the jobs of a record, and sends them when it is their turn.
    #[must_use]
    pub fn with_store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// Works until `stop` is cancelled, then lets the running jobs end for the time of the
    /// settings and hands back the rest. Ends with an error only if it cannot go on.
    pub async fn run(self, stop: CancellationToken) -> Result<(), QueueError> {
        self.check_time_limits()?;
        let Self {
            queue,
            settings,
            observer,
            store,
            queues,
        } = self;
        let stored = store.clone().map(|store| {
            let names = queues.keys().map(|name| (*name).to_owned());
            let worker = Worker::new(names.collect(), settings.concurrency);
            Stored::new(store, worker)
        });
        let dispatcher = store.map(|store| {
            let dispatcher = Dispatcher::new(store, queue.clone());
            AbortOnDropHandle::new(tokio::spawn(dispatcher.run(stop.clone())))
        });
        let _depths = watch_depths(queue.clone(), queues.keys().copied().collect());
        let mut loops = JoinSet::new();
        for (name, handlers) in queues {
            let observer = Arc::clone(&observer);
            let runner = Runner {
                queue: name,
                handlers,
                unknown: Series::new(name, UNKNOWN),
                observer,
                backoff: settings.backoff,
                stored: stored.clone(),
            };
            let (settings, stop) = (settings.clone(), stop.clone());
            let read = ReadLoop {
                queue: name,
                runner: Arc::new(runner),
                settings,
                stop,
            };
            loops.spawn(read.run(queue.clone()));
        }
        while let Some(ended) = loops.join_next().await {
            ended??;
        }
        if let Some(dispatcher) = dispatcher {
            // What it was about to send is noted, and sent by the next one.
            timeout(LAST_DISPATCH, dispatcher).await.unwrap_or(Ok(()))?;
        }
        if let Some(stored) = stored {
            stored.leave().await;
        }
        Ok(())
    }

    fn check_time_limits(&self) -> Result<(), QueueError> {
        let longest = self.queue.backend.longest_job();
        let too_long = self
            .queues
            .values()
            .flat_map(BTreeMap::values)
            .find(|handler| handler.time_limit > longest);
        match too_long {
            Some(&Handler {
                kind,
                time_limit: limit,
                ..
            }) => Err(QueueError::TimeLimit {
                kind,
                limit,
                longest,
            }),
            None => Ok(()),
        }
    }
}

/// Keeps the gauges of the queues up to date until the handle is dropped.
fn watch_depths(queue: Queue, names: Vec<&'static str>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut tick = interval(DEPTH_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            for name in &names {
                // While the broker is away the reader says so; the gauges keep their last value.
                if let Ok(depth) = queue.depth(name).await {
                    metrics::depth(name, &depth);
                }
            }
        }
    }))
}
