//! Models in memory: read from the database when they are first asked, the ones that were not asked for longest
//! dropped when they take too much.

use crate::engine::{ArtefactError, Encoder, Model};
use crate::metrics;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use stoa_contracts::{Coded, ErrorCode};
use stoa_postgres::{DatabaseError, traced};
use tokio::sync::Semaphore;
use tracing::Instrument as _;
use uuid::Uuid;

/// Models that are read at a time: each takes its bytes twice meanwhile, and a thread.
const LOADS: usize = 4;

/// One model counts as at most this part of the cache, which takes nothing that is heavier than all of it: that would
/// be read anew for each question. So two models stay whatever they weigh.
const PARTS: usize = 2;

/// How long it is remembered that a model was refused: each question would read it anew, and log the same again. One that was
/// repaired is there so soon.
const REFUSED: Duration = Duration::from_secs(5);
/// Refusals that are remembered.
const REFUSALS: u64 = 1_000;

/// An assistant and the version of its model.
type Key = (Uuid, i32);

/// The models of all assistants. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Models {
    pool: PgPool,
    cache: Cache<Key, Loaded>,
    refused: Cache<Key, Arc<LoadError>>,
    loads: Arc<Semaphore>,
    encoder: Option<Arc<Encoder>>,
}

/// A model, and what it weighs, which is counted once.
#[derive(Clone)]
struct Loaded {
    model: Arc<Model>,
    bytes: u32,
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

impl LoadError {
    /// Whether the model is there and cannot be used: asking again changes nothing until somebody has acted.
    const fn is_refusal(&self) -> bool {
        matches!(self, Self::Artefact(_) | Self::Swapped)
    }
}

/// Tells an operator what to do about a model that is refused.
fn log((assistant, version): Key, error: &LoadError) {
    let cause = error as &(dyn std::error::Error + 'static);
    match error {
        LoadError::Artefact(ArtefactError::Encoder(id)) => tracing::error!(
            error = cause, encoder.id = id, assistant.id = %assistant, model.version = version,
            "a stored model needs a sentence encoder that is not installed here: install it (ENCODER), or train anew"
        ),
        refused if refused.is_refusal() => tracing::error!(
            error = cause, assistant.id = %assistant, model.version = version,
            "a stored model is damaged: activate an earlier version, or train anew"
        ),
        _ => {}
    }
}

impl Models {
    /// Holds up to this many bytes of models, some of which may need the encoder.
    pub(crate) fn new(pool: PgPool, bytes: usize, encoder: Option<Arc<Encoder>>) -> Self {
        // A model that was just asked stays, whatever was asked often before: else it would be read for each question.
        let most = u32::try_from(bytes / PARTS).unwrap_or(u32::MAX);
        let cache = Cache::builder()
            .max_capacity(bytes as u64)
            .weigher(move |_: &Key, loaded: &Loaded| loaded.bytes.min(most))
            .eviction_policy(EvictionPolicy::lru())
            .eviction_listener(|_, _, cause| {
                if cause.was_evicted() {
                    metrics::evicted();
                }
            })
            .build();
        let refused = Cache::builder()
            .max_capacity(REFUSALS)
            .time_to_live(REFUSED)
            .build();
        let loads = Arc::new(Semaphore::new(LOADS));
        Self {
            pool,
            cache,
            refused,
            loads,
            encoder,
        }
    }

    /// The model of an assistant; requests that come while it is read wait for the same one.
    pub(crate) async fn get(&self, assistant: Uuid, version: i32) -> Result<Arc<Model>, LoadError> {
        let key = (assistant, version);
        if let Some(loaded) = self.cache.get(&key).await {
            metrics::looked_up(true);
            return Ok(loaded.model);
        }
        metrics::looked_up(false);
        if let Some(error) = self.refused.get(&key).await {
            return Err(LoadError::Shared(error));
        }
        let span =
            tracing::info_span!("model.load", assistant.id = %assistant, model.version = version);
        let load = self.load(key).instrument(span);
        let loaded = self.cache.try_get_with(key, load).await;
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                if error.is_refusal() {
                    self.refused.insert(key, Arc::clone(&error)).await;
                }
                return Err(LoadError::Shared(error));
            }
        };
        self.cache.run_pending_tasks().await;
        metrics::cached(self.cache.weighted_size());
        Ok(loaded.model)
    }

    async fn load(&self, key: Key) -> Result<Loaded, LoadError> {
        // Who waits for its turn has the deadline of its request.
        let turn = self.loads.acquire().await;
        let _turn = turn.expect("the semaphore is never closed");
        let loaded = self.read(key).await;
        if let Err(error) = &loaded {
            log(key, error);
        }
        loaded
    }

    async fn read(&self, (assistant, version): Key) -> Result<Loaded, LoadError> {
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
        let encoder = self.encoder.clone();
        let read = move || {
            let model = Model::from_artefact(&row.artefact, encoder.as_ref())?;
            let bytes = u32::try_from(model.bytes()).unwrap_or(u32::MAX);
            let model = Arc::new(model);
            Ok::<_, ArtefactError>(Loaded { model, bytes })
        };
        let loaded = tokio::task::spawn_blocking(read).await??;
        metrics::loaded();
        Ok(loaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Options, Progress, train};
    use stoa_contracts::training_data::{Example, TrainingData};

    #[tokio::test]
    async fn a_model_heavier_than_the_cache_is_served_from_it() {
        let example = |text: &str| Example {
            text: text.into(),
            intent: Some(text.into()),
            ..Example::default()
        };
        let data = TrainingData {
            examples: vec![example("pay"), example("stop")],
            ..TrainingData::default()
        };
        let trained = train(&data, &Options::default(), &Progress::new()).unwrap();
        // Nothing answers there: a model that is not in memory cannot be had.
        let pool = PgPool::connect_lazy("postgres://localhost:0/none").unwrap();
        let models = Models::new(pool, 1 << 20, None);
        let model = Arc::new(trained.model);
        for version in [1, 2] {
            let loaded = Loaded {
                model: model.clone(),
                bytes: 2 << 20,
            };
            models.cache.insert((Uuid::nil(), version), loaded).await;
        }
        models.cache.run_pending_tasks().await;
        for version in [1, 2] {
            assert!(models.get(Uuid::nil(), version).await.is_ok(), "{version}");
        }
    }

    #[tokio::test]
    async fn what_was_refused_is_not_read_again_at_once() {
        // Nothing answers there: what is read ends with another error, of the database.
        let pool = PgPool::connect_lazy("postgres://localhost:0/none").unwrap();
        let models = Models::new(pool, 1 << 20, None);
        let refusal = Arc::new(LoadError::Swapped);
        models.refused.insert((Uuid::nil(), 1), refusal).await;
        let refused = models.get(Uuid::nil(), 1).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Internal);
    }

    #[test]
    fn only_what_stays_so_is_remembered() {
        let encoder = ArtefactError::Encoder("abc".into());
        assert!(LoadError::Artefact(encoder).is_refusal() && LoadError::Swapped.is_refusal());
        assert!(!LoadError::Unknown.is_refusal());
    }
}
