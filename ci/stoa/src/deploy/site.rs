//! What every step of a deploy works with: the cluster, the manager that answers, and whom to tell.

use std::sync::{Mutex, PoisonError};

use super::progress::Progress;
use crate::cluster::{Cluster, Engine};

/// A cluster while it is worked on.
pub(crate) struct Site {
    pub(crate) cluster: Cluster,
    pub(crate) progress: Progress,
    engine: Mutex<Engine>,
}

impl Site {
    /// Connects to the first manager that answers.
    pub(crate) async fn connect(cluster: Cluster) -> anyhow::Result<Self> {
        let engine = cluster.connect().await?;
        Ok(Self {
            cluster,
            progress: Progress::new(),
            engine: Mutex::new(engine),
        })
    }

    /// The manager of the moment.
    pub(crate) fn engine(&self) -> Engine {
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.clone()
    }

    /// Turns to the first manager that answers, after the one of the moment did not.
    pub(crate) async fn reconnect(&self) -> anyhow::Result<()> {
        let engine = self.engine().another().await?;
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = engine;
        Ok(())
    }
}
