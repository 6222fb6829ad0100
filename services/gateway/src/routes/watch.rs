//! The routes of the moment, and how they follow their files.

use super::{RouteError, Source, Table, read, table};
use arc_swap::{ArcSwap, Guard};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stoa_service::BoxError;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

const RELOADS: &str = "gateway_routes_reloads_total";
const STALE: &str = "gateway_routes_stale";

/// The table that requests are looked up in. A request keeps the route that it found.
#[derive(Debug)]
pub struct Routes {
    folder: PathBuf,
    table: ArcSwap<Table>,
    /// What was last applied or refused.
    judged: Mutex<Sources>,
}

/// The files, or why they cannot be read.
type Sources = Result<Vec<Source>, String>;

fn sources(folder: &Path) -> Sources {
    read(folder).map_err(|error| error.to_string())
}

impl Routes {
    /// The routes of a folder; a mistake in them is an error.
    pub fn load(folder: &Path) -> Result<Self, RouteError> {
        metrics::describe_counter!(
            RELOADS,
            "Changes of the route files, by whether they were taken"
        );
        metrics::describe_gauge!(
            STALE,
            "1 while the route files have a mistake and the routes from before serve on"
        );
        for outcome in ["applied", "refused"] {
            metrics::counter!(RELOADS, "outcome" => outcome).absolute(0);
        }
        metrics::gauge!(STALE).set(0.0);
        let sources = read(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            table: ArcSwap::from_pointee(table(&sources)?),
            judged: Mutex::new(Ok(sources)),
        })
    }

    /// The table of this moment; not to be kept over an `await`, except as a clone of its `Arc`.
    pub fn current(&self) -> Guard<Arc<Table>> {
        self.table.load()
    }

    /// Reads the files again and takes them, unless something is wrong with them. `prepare` makes
    /// ready what the new routes need, or says what is wrong.
    pub fn reload(
        &self,
        prepare: impl FnOnce(&Table) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        self.judge(sources(&self.folder), prepare)
    }

    /// Follows the files until `stop`: looks each `every`, and at once on SIGHUP.
    pub(crate) async fn watch(
        self: Arc<Self>,
        every: Duration,
        prepare: impl Fn(&Table) -> Result<(), BoxError>,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_asked = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = ticks.tick() => false,
                _ = hangup.recv() => true,
            };
            let sources = self.read().await;
            if !is_asked && sources == *self.judged() {
                continue;
            }
            // Somebody may be in the middle of writing; then the next look is soon enough.
            sleep(every / 4).await;
            if self.read().await == sources {
                // Told to the log, and nobody else asked.
                let _ = self.judge(sources, &prepare);
            }
        }
    }

    async fn read(self: &Arc<Self>) -> Sources {
        let routes = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || sources(&routes.folder));
        read.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    fn judged(&self) -> std::sync::MutexGuard<'_, Sources> {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(
        &self,
        sources: Sources,
        prepare: impl FnOnce(&Table) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let made = match &sources {
            Ok(sources) => table(sources).map_err(BoxError::from),
            Err(reason) => Err(reason.as_str().into()),
        };
        let outcome = made.and_then(|table| prepare(&table).map(|()| table));
        *self.judged() = sources;
        let (is_stale, label, result) = match outcome {
            Ok(table) => {
                let routes = table.routes().len();
                self.table.store(Arc::new(table));
                tracing::info!(routes, "the routes were read again");
                (0.0, "applied", Ok(()))
            }
            Err(error) => {
                tracing::error!(
                    error,
                    "the route files have a mistake; the routes from before serve on"
                );
                (1.0, "refused", Err(error))
            }
        };
        metrics::counter!(RELOADS, "outcome" => label).increment(1);
        metrics::gauge!(STALE).set(is_stale);
        result
    }
}
