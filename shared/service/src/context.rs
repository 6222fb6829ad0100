//! What the process hands to a service beside its settings.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::Clock;

/// The name of a service that a test starts without one.
const UNNAMED: &str = "unnamed";

/// The process as a service sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// Cancelled when the process has to end: take no new work, finish what is in hand.
    pub shutdown: CancellationToken,
    /// The time.
    pub clock: Clock,
    pub(crate) service: &'static str,
    pub(crate) tasks: TaskTracker,
}

impl Context {
    /// A context with a clock of one's own, for tests.
    pub fn new(clock: Clock) -> Self {
        Self {
            shutdown: CancellationToken::new(),
            clock,
            service: UNNAMED,
            tasks: TaskTracker::new(),
        }
    }

    /// The same context of a service with this name, which it says to those who ask.
    #[must_use]
    pub fn named(self, service: &'static str) -> Self {
        Self { service, ..self }
    }

    /// Runs `task` beside the request that started it; the drain waits for it.
    ///
    /// It must end soon after [`shutdown`](Self::shutdown) is cancelled.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Waits until the process ends and all of these tasks have: for a front, on whose threads they run.
    pub async fn finished(&self) {
        self.tasks.wait().await;
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new(Clock::system())
    }
}
