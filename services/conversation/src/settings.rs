//! What can be configured.

use std::time::Duration;
use stoa_client::ServiceUrl;
use stoa_config::{Env, InternalToken};
use stoa_postgres::PostgresSettings;
use stoa_service::TokenSettings;

/// Configuration of the service, beside what every service has.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its database.
    pub postgres: PostgresSettings,
    /// With what it verifies who is asking.
    pub tokens: TokenSettings,
    /// With what it asks the other services, and they it.
    pub internal_token: InternalToken,
    /// Where assistants and their flows are.
    pub api_url: String,
    /// Who understands utterances.
    pub nlu_url: String,
    /// Who takes what webhooks are to be told.
    pub worker_url: String,
    /// The most WebSockets that are open at a time.
    pub stream_limit: usize,
    /// How long a conversation is kept after its last event; for ever if it is not set.
    pub retention: Option<Duration>,
}

impl stoa_config::Settings for Settings {
    fn read(env: &mut Env) -> Option<Self> {
        let postgres = PostgresSettings::read(env);
        let tokens = TokenSettings::read(env);
        let internal_token = InternalToken::read(env);
        let api_url = ServiceUrl::read(env, "API_URL", "api");
        let nlu_url = ServiceUrl::read(env, "NLU_URL", "nlu");
        let worker_url = ServiceUrl::read(env, "WORKER_URL", "worker");
        let streams = env.parse("STREAM_LIMIT", "most WebSockets that are open at a time");
        let stream_limit = streams.default("10000").read();
        let retention = env.duration(
            "CONVERSATION_RETENTION",
            "how long conversations are kept after their last event; for ever if not set",
        );
        let retention = retention.optional();
        Some(Self {
            postgres: postgres?,
            tokens: tokens?,
            internal_token: internal_token?,
            api_url: api_url?,
            nlu_url: nlu_url?,
            worker_url: worker_url?,
            stream_limit: stream_limit?,
            retention: retention?,
        })
    }
}
