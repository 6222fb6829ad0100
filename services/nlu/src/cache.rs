//! Answers that were given before, in Redis, shared by all replicas.
//!
//! The key holds the version of the model, so an activation never meets an answer of another
//! one. The cache is never waited for: Redis that is slow or away counts as a miss, and is left
//! alone for a second, so that not every request finds out anew.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use metrics::{Unit, counter, describe_counter};
use redis::AsyncCommands;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use stoa_contracts::parse::{Entity, ParseResult, ParseWithModel};
use stoa_service::Context;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::Instrument as _;

/// How long Redis is left alone after it failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Answers that are on their way to Redis at a time; others are not kept.
const ON_THEIR_WAY: usize = 64;
/// Longer answers are not cached: they are rare, and seldom asked twice.
const LARGEST: usize = 16 << 10;

const LOOKUPS: &str = "nlu_cache_lookups_total";
const OUTCOMES: [&str; 3] = ["hit", "miss", "error"];

/// Describes the metrics and lets them begin at 0.
pub(crate) fn describe_metrics() {
    describe_counter!(
        LOOKUPS,
        Unit::Count,
        "Answers that were looked for in the cache."
    );
    for outcome in OUTCOMES {
        counter!(LOOKUPS, "outcome" => outcome).absolute(0);
    }
}

/// The cache; without a server it holds nothing. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cache {
    server: Option<Server>,
}

#[derive(Clone)]
struct Server {
    connection: ConnectionManager,
    ttl: Duration,
    /// How long it may take to answer.
    patience: Duration,
    pause: Arc<Pause>,
    places: Arc<Semaphore>,
    context: Context,
}

impl Cache {
    /// A cache on this server, which is connected to with the first request.
    pub(crate) fn new(
        url: Option<&SecretString>,
        ttl: Duration,
        patience: Duration,
        context: &Context,
    ) -> redis::RedisResult<Self> {
        let connect = |url: &SecretString| {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(PAUSE))
                .set_response_timeout(Some(PAUSE))
                .set_number_of_retries(1);
            let client = redis::Client::open(url.expose_secret())?;
            let connection = client.get_connection_manager_lazy(config)?;
            redis::RedisResult::Ok(Server {
                connection,
                ttl,
                patience,
                pause: Arc::new(Pause::new()),
                places: Arc::new(Semaphore::new(ON_THEIR_WAY)),
                context: context.clone(),
            })
        };
        Ok(Self {
            server: url.map(connect).transpose()?,
        })
    }

    /// The answer that was given before.
    pub(crate) async fn get(&self, key: &str, input: &ParseWithModel) -> Option<ParseResult> {
        let server = self
            .server
            .as_ref()
            .filter(|server| !server.pause.is_on())?;
        let mut connection = server.connection.clone();
        let found = server.call(connection.get::<_, Option<Vec<u8>>>(key)).await;
        let result = found
            .as_ref()
            .and_then(Option::as_ref)
            .and_then(|json| read(json, input));
        let outcome = match (&found, &result) {
            (None, _) => "error",
            (Some(_), None) => "miss",
            (Some(_), Some(_)) => "hit",
        };
        counter!(LOOKUPS, "outcome" => outcome).increment(1);
        result
    }

    /// Remembers an answer. Whoever waits for the answer does not wait for that.
    pub(crate) fn put(&self, key: &str, input: &ParseWithModel, result: &ParseResult) {
        let server = self.server.as_ref().filter(|server| !server.pause.is_on());
        let (Some(server), Ok(json)) = (server, serde_json::to_vec(result)) else {
            return;
        };
        if json.len() > LARGEST || ages(input, result) {
            return;
        }
        let Ok(place) = Arc::clone(&server.places).try_acquire_owned() else {
            return;
        };
        let (kept_by, key) = (server.clone(), key.to_owned());
        let keep = async move {
            let mut connection = kept_by.connection.clone();
            let seconds = kept_by.ttl.as_secs().max(1);
            let set = connection.set_ex::<_, _, ()>(key, json, seconds);
            kept_by.call(set).await;
            drop(place);
        };
        server.context.spawn(keep.in_current_span());
    }
}

impl Server {
    /// The answer of Redis; none where it has none in time.
    async fn call<T>(&self, call: impl Future<Output = redis::RedisResult<T>>) -> Option<T> {
        let failure = match timeout(self.patience, call).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer in {:?}", self.patience),
        };
        if self.pause.begin() {
            tracing::warn!(error = failure, "the cache is left alone for a second");
        }
        None
    }
}

/// Whether an answer is another one a moment later: "tomorrow", said now.
fn ages(input: &ParseWithModel, result: &ParseResult) -> bool {
    let is_time = |entity: &Entity| entity.entity == "datetime" && entity.extractor == "builtin";
    input.reference_time.is_none() && result.entities.iter().any(is_time)
}

/// The key of an answer; the text itself stays out of it.
pub(crate) fn key(input: &ParseWithModel) -> String {
    let mut hash = Sha256::new();
    hash.update(input.text.as_bytes());
    // A byte that no text has keeps apart what is behind it. Without them the key is the one of the release before.
    if let Some(time) = input.reference_time {
        hash.update([0xff]);
        hash.update(time.unix_timestamp_nanos().to_be_bytes());
    }
    if let Some(zone) = &input.time_zone {
        hash.update([0xfe]);
        hash.update(zone.as_bytes());
    }
    if let Some(kinds) = &input.builtin_entities {
        hash.update([0xfd]);
        for kind in kinds {
            hash.update(kind.as_str());
            hash.update([0]);
        }
    }
    let hash = URL_SAFE_NO_PAD.encode(hash.finalize());
    format!(
        "nlu:parse:{}:{}:{hash}",
        input.assistant_id, input.model_version
    )
}

/// An entry, unless it is of another release or of another text.
fn read(json: &[u8], input: &ParseWithModel) -> Option<ParseResult> {
    let result: ParseResult = serde_json::from_slice(json).ok()?;
    (result.text == input.text && result.model_version == input.model_version).then_some(result)
}

/// Until when Redis is left alone.
struct Pause {
    origin: Instant,
    until_ms: AtomicU64,
}

impl Pause {
    fn new() -> Self {
        Self {
            origin: Instant::now(),
            until_ms: AtomicU64::new(0),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_on(&self) -> bool {
        self.now_ms() < self.until_ms.load(Ordering::Relaxed)
    }

    /// Whether this is what begins it.
    fn begin(&self) -> bool {
        let now = self.now_ms();
        let until = now + u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
        self.until_ms.swap(until, Ordering::Relaxed) <= now
    }
}
