//! What can be configured.

use crate::InboxSettings;
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;
use stoa_client::{ServiceUrl, egress::EgressRules};
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
    /// Where `worker` answers, who takes uncertain utterances to `api`.
    pub worker_url: String,
    /// Which utterances are collected, and how long they are gathered.
    pub inbox: InboxSettings,
    /// Where answers are cached; none for no cache.
    pub redis_url: Option<SecretString>,
    /// How long an answer is cached.
    pub cache_ttl: Duration,
    /// How long the cache may take to answer before it counts as a miss.
    pub cache_patience: Duration,
    /// How long `ml` may take.
    pub engine_timeout: Duration,
    /// Where engines elsewhere may be.
    pub engine_rules: EgressRules,
}

impl stoa_config::Settings for Settings {
    fn read(env: &mut Env) -> Option<Self> {
        let tokens = TokenSettings::read(env);
        let internal = InternalToken::read(env);
        let api_url = ServiceUrl::read(env, "API_URL", "api");
        let ml_url = ServiceUrl::read(env, "ML_URL", "ml");
        let worker_url = ServiceUrl::read(env, "WORKER_URL", "worker");
        let inbox = read_inbox(env);
        let redis = env.secret("REDIS_URL", "redis:// URL of the cache; unset: no cache");
        let redis_url = redis.optional();
        let is_redis = |url: &SecretString| redis::Client::open(url.expose_secret()).is_ok();
        if matches!(&redis_url, Some(Some(url)) if !is_redis(url)) {
            env.refuse("REDIS_URL", "expected `redis://:password@host:port`");
        }
        let ttl = env.duration("PARSE_CACHE_TTL", "how long an answer is cached");
        let cache_ttl = ttl.default("1h").read();
        // Longer than Redis takes when it is well, and shorter than understanding anew would hurt.
        let patience = env.duration(
            "PARSE_CACHE_PATIENCE",
            "how long the cache may take to answer",
        );
        let cache_patience = patience.default("20ms").read();
        let timeout = env.duration("ENGINE_TIMEOUT", "how long the built-in engine may take");
        let engine_timeout = timeout.default("3s").read();
        let engine_rules = read_engine_rules(env);
        Some(Self {
            tokens: tokens?,
            internal: internal?,
            api_url: api_url?,
            ml_url: ml_url?,
            worker_url: worker_url?,
            inbox: inbox?,
            redis_url: redis_url?,
            cache_ttl: cache_ttl?,
            cache_patience: cache_patience?,
            engine_timeout: engine_timeout?,
            engine_rules: engine_rules?,
        })
    }
}

fn read_engine_rules(env: &mut Env) -> Option<EgressRules> {
    let networks = env.parse(
        "ENGINE_NETWORKS",
        "networks that engines may be in beside the public internet, such as 10.1.0.0/16",
    );
    let networks = networks.default("").read();
    let http = env.parse("ENGINE_HTTP", "whether engines may be http, not https only");
    let is_http_allowed = http.default("false").read();
    Some(EgressRules {
        networks: networks?,
        is_http_allowed: is_http_allowed?,
    })
}

fn read_inbox(env: &mut Env) -> Option<InboxSettings> {
    // Confidences are calibrated: of answers at 0.6, two in five are wrong.
    let confidence = env.parse(
        "INBOX_CONFIDENCE",
        "answers less confident than this are collected in the inbox",
    );
    let confidence = confidence.default("0.6").read();
    let interval = env.duration(
        "INBOX_INTERVAL",
        "how long utterances for the inbox are gathered before they are handed over",
    );
    let interval = interval.default("10s").read();
    Some(InboxSettings {
        confidence: confidence?,
        interval: interval?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_none_of_a_redis_is_refused_by_name_and_not_told() {
        for (url, is_refused) in [
            ("redis://:secret@redis:6379/1", false),
            ("secret", true),
            ("amqp://me:secret@rabbitmq", true),
            ("redis://:secret@redis:port", true),
        ] {
            let read = Env::from_pairs([("REDIS_URL", url)]).load::<Settings>();
            let told = read.err().map_or_else(String::new, |told| told.to_string());
            assert_eq!(told.contains("REDIS_URL is not valid"), is_refused, "{url}");
            assert!(!told.contains("secret"), "{told}");
        }
    }
}
