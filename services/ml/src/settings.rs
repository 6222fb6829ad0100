//! What can be configured.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use stoa_config::{Env, InternalToken};
use stoa_postgres::PostgresSettings;

/// The settings of `serve`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database.
    pub database: PostgresSettings,
    /// Guards `/internal`.
    pub internal: InternalToken,
    /// How many trainings, and as many evaluations, run at the same time.
    pub trainings: NonZeroUsize,
    /// How many more may wait.
    pub training_queue: usize,
    /// How many threads each of them takes; none for all that the process may use.
    pub training_threads: Option<NonZeroUsize>,
    /// The largest training data, in bytes of JSON.
    pub training_body_limit: usize,
    /// How many bytes of models are kept in memory.
    pub model_cache: usize,
    /// The folder of a sentence encoder, if there is one.
    pub encoder: Option<PathBuf>,
}

impl stoa_config::Settings for Settings {
    fn read(env: &mut Env) -> Option<Self> {
        let database = PostgresSettings::read(env);
        let internal = InternalToken::read(env);
        let trainings = env.parse(
            "TRAINING_CONCURRENCY",
            "trainings, and as many evaluations, that run at the same time",
        );
        let trainings = trainings.default("1").read();
        let queue = env.parse(
            "TRAINING_QUEUE",
            "trainings, and as many evaluations, that may wait for their turn",
        );
        let training_queue = queue.default("16").read();
        let threads = env.parse(
            "TRAINING_THREADS",
            "threads of a training or evaluation; unset: every core",
        );
        let training_threads = threads.optional();
        let limit = env.size("TRAINING_BODY_LIMIT", "largest training data, as JSON");
        let training_body_limit = limit.default("64MiB").read();
        let cache = env.size(
            "MODEL_CACHE_SIZE",
            "memory for models; the least used ones go",
        );
        let model_cache = cache.default("256MiB").read();
        let encoder = env.parse::<PathBuf>(
            "ENCODER",
            "folder of a sentence encoder; unset: /opt/encoder, where an image has one, else none",
        );
        let encoder = encoder.optional();
        Some(Self {
            database: database?,
            internal: internal?,
            trainings: trainings?,
            training_queue: training_queue?,
            training_threads: training_threads?,
            training_body_limit: training_body_limit?,
            model_cache: model_cache?,
            encoder: encoder?.or_else(installed),
        })
    }
}

/// The encoder that an image was built with.
fn installed() -> Option<PathBuf> {
    let folder = Path::new("/opt/encoder");
    folder.join("config.json").exists().then(|| folder.into())
}
