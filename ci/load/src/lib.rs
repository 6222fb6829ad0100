//! Open-loop load on a running platform, and an account of what its clients met.

mod conversation;
mod jobs;
mod report;
mod requests;
mod target;
mod transport;

pub use report::{Phase, Report};
pub use target::HOST;

use anyhow::Result;
use report::Recorder;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use target::Target;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The longest that a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to do, where.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the platform answers; a client goes to the next one when it is refused.
    pub addresses: Vec<SocketAddr>,
    /// Whom clients trust to sign for `HOST`, PEM: they come by HTTPS then, over HTTP/2.
    pub authority: Option<String>,
    /// The user.
    pub email: String,
    /// The user's password.
    pub password: String,
    /// Requests per second.
    pub rate: u32,
    /// People who talk, all the time, one message a second each.
    pub conversations: u32,
    /// Jobs that are in the queue or worked on, all the time.
    pub jobs: u32,
}

/// A load that runs.
pub struct Load {
    target: Arc<Target>,
    recorder: Arc<Recorder>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Load {
    /// Signs in, finds the demo assistant, and begins.
    pub async fn start(options: &Options) -> Result<Self> {
        let target = Arc::new(Target::sign_in(options).await?);
        let recorder = Arc::new(Recorder::new());
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(requests::run(
            Arc::clone(&target),
            Arc::clone(&recorder),
            stop.clone(),
            options.rate,
        ));
        for number in 0..options.conversations {
            tasks.spawn(conversation::run(
                Arc::clone(&target),
                Arc::clone(&recorder),
                stop.clone(),
                number,
            ));
        }
        for number in 0..options.jobs {
            tasks.spawn(jobs::run(
                Arc::clone(&target),
                Arc::clone(&recorder),
                stop.clone(),
                number.into(),
            ));
        }
        Ok(Self {
            target,
            recorder,
            stop,
            tasks,
        })
    }

    /// What happens from now on is counted under this name.
    pub fn phase(&self, name: &str) {
        self.recorder.phase(name);
    }

    /// What happened so far.
    pub fn report(&self) -> Report {
        self.recorder.report()
    }

    /// Ends the load, waits for what is in flight, and tells what happened.
    pub async fn stop(mut self) -> Result<Report> {
        self.stop.cancel();
        while self.tasks.join_next().await.transpose()?.is_some() {}
        self.target.sign_out().await?;
        Ok(self.recorder.report())
    }
}
