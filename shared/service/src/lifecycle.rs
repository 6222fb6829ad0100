//! From settings to exit code.

use std::future::Future;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{App, Context, HttpSettings, StartError};

/// Runs the service of this name until SIGTERM or SIGINT has ended it in order.
pub(crate) async fn serve<F>(
    name: &'static str,
    build: impl FnOnce(Context) -> F,
    http: &HttpSettings,
) -> anyhow::Result<()>
where
    F: Future<Output = Result<App, StartError>>,
{
    let mut signals = Signals::new()?;
    let context = Context::default().named(name);
    let app = tokio::select! {
        app = build(context.clone()) => app?,
        () = signals.next() => return Ok(()),
    };
    let mut running = app.start(http, &context).await.context("cannot listen")?;
    tracing::info!(url = running.url(), admin = running.admin_url(), "serving");
    let crash = tokio::select! {
        error = running.crashed() => Some(error),
        () = signals.next() => None,
    };
    let drained = tokio::select! {
        result = running.drain() => result,
        () = signals.next() => Err("a second signal: stopped at once".into()),
    };
    match (crash, drained) {
        (Some(error), _) | (None, Err(error)) => Err(anyhow::anyhow!(error)),
        (None, Ok(())) => Ok(()),
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self {
            terminate,
            interrupt,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
