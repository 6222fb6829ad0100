//! What can be configured.

use secrecy::SecretString;
use std::time::Duration;
use stoa_client::ServiceUrl;
use stoa_config::{Env, InternalToken};
use stoa_service::TokenSettings;

/// Configuration of the service, beside what every service has.
#[derive(Debug, Clone)]
pub struct Settings {
    /// With what it verifies who is asking.
    pub tokens: TokenSettings,
    /// The token among services.
    pub internal: InternalToken,
    /// Where `api` answers.
    pub api_url: String,
    /// Where `ml` answers.
    pub ml_url: String,
    /// Where answers are cached; none for no cache.
    pub redis_url: Option<SecretString>,
    /// How long an answer is cached.
    pub cache_ttl: Duration,
    /// How long the cache may take to answer before it counts as a miss.
    pub cache_patience: Duration,
    /// How long an engine may take.
    pub engine_timeout: Duration,
}

impl stoa_config::Settings for Settings {
    fn read(env: &mut Env) -> Option<Self> {
        let tokens = TokenSettings::read(env);
        let internal = InternalToken::read(env);
        let api_url = ServiceUrl::read(env, "API_URL", "api");
        let ml_url = ServiceUrl::read(env, "ML_URL", "ml");
        let redis = env.secret("REDIS_URL", "redis:// URL of the cache; unset: no cache");
        let redis_url = redis.optional();
        let ttl = env.duration("PARSE_CACHE_TTL", "how long an answer is cached");
        let cache_ttl = ttl.default("1h").read();
        // Longer than Redis takes when it is well, and shorter than understanding anew would hurt.
        let patience = env.duration(
            "PARSE_CACHE_PATIENCE",
            "how long the cache may take to answer",
        );
        let cache_patience = patience.default("20ms").read();
        let timeout = env.duration("ENGINE_TIMEOUT", "how long an engine may take to answer");
        let engine_timeout = timeout.default("3s").read();
        Some(Self {
            tokens: tokens?,
            internal: internal?,
            api_url: api_url?,
            ml_url: ml_url?,
            redis_url: redis_url?,
            cache_ttl: cache_ttl?,
            cache_patience: cache_patience?,
            engine_timeout: engine_timeout?,
        })
    }
}
