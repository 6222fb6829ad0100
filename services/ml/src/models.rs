//! Models in memory: read from the database when they are first asked, the least used ones
//! dropped when they take too much.

use crate::engine::{ArtefactError, Model};
use crate::metrics;
use moka::future::Cache;
use sqlx::PgPool;
use std::sync::Arc;
use stoa_contracts::{Coded, ErrorCode};
use stoa_postgres::{DatabaseError, traced};
use tracing::Instrument as _;
use uuid::Uuid;

/// An assistant and the version of its model.
type Key = (Uuid, i32);

/// The models of all assistants. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Models {
    pool: PgPool,
    cache: Cache<Key, Arc<Model>>,
}

/// Why a model cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("The assistant has no model of this version.")]
    Unknown,
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("a stored model is refused")]
    Artefact(#[from] ArtefactError),
    #[error("a stored model is not the one that its row names")]
    Swapped,
    #[error("reading a model broke off")]
    Broken(#[from] tokio::task::JoinError),
    /// Several requests waited for the same model; each gets the error.
    #[error(transparent)]
    Shared(Arc<LoadError>),
}

impl Coded for LoadError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown => ErrorCode::NotFound,
            Self::Database(error) => error.code(),
            Self::Artefact(_) | Self::Swapped | Self::Broken(_) => ErrorCode::Internal,
            Self::Shared(error) => error.code(),
        }
    }
}

impl Models {
    /// Holds up to this many bytes of models.
    pub(crate) fn new(pool: PgPool, bytes: usize) -> Self {
        let weigh = |_: &Key, model: &Arc<Model>| u32::try_from(model.bytes()).unwrap_or(u32::MAX);
        let cache = Cache::builder()
            .max_capacity(bytes as u64)
            .weigher(weigh)
            .build();
        Self { pool, cache }
    }

    /// The model of an assistant; requests that come while it is read wait for the same one.
    pub(crate) async fn get(&self, assistant: Uuid, version: i32) -> Result<Arc<Model>, LoadError> {
        let key = (assistant, version);
        if let Some(model) = self.cache.get(&key).await {
            return Ok(model);
        }
        let span =
            tracing::info_span!("model.load", assistant.id = %assistant, model.version = version);
        let load = self.load(key).instrument(span);
        let model = self
            .cache
            .try_get_with(key, load)
            .await
            .map_err(LoadError::Shared)?;
        metrics::cached(self.cache.weighted_size());
        Ok(model)
    }

    async fn load(&self, (assistant, version): Key) -> Result<Arc<Model>, LoadError> {
        let query = sqlx::query!(
            "SELECT artefact, checksum FROM models WHERE assistant_id = $1 AND version = $2",
            assistant,
            version
        );
        let row = traced("model.get", query.fetch_optional(&self.pool)).await?;
        let row = row.ok_or(LoadError::Unknown)?;
        if Model::checksum(&row.artefact) != Some(row.checksum.as_slice()) {
            return Err(LoadError::Swapped);
        }
        let read = move || Model::from_artefact(&row.artefact);
        let model = tokio::task::spawn_blocking(read).await??;
        metrics::loaded();
        Ok(Arc::new(model))
    }
}
