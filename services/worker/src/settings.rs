//! What can be configured.

use std::time::Duration;
use stoa_client::{ServiceUrl, egress::EgressRules};
use stoa_config::{Env, InternalToken};
use stoa_postgres::PostgresSettings;
use stoa_queue::{ConsumerSettings, QueueSettings, RetentionSettings};
use stoa_service::{Operators, TokenSettings};

use crate::webhooks::WebhookSettings;

/// Configuration of the service, beside what every service has.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its database.
    pub postgres: PostgresSettings,
    /// Where the jobs come from.
    pub queue: QueueSettings,
    /// How it works on them.
    pub consumer: ConsumerSettings,
    /// With what it verifies who is asking.
    pub tokens: TokenSettings,
    /// With what it shows the other services who it is.
    pub internal: InternalToken,
    /// Where `api` answers.
    pub api_url: String,
    /// Where `ml` answers.
    pub ml_url: String,
    /// Where `conversation` answers.
    pub conversation_url: String,
    /// How webhooks are told.
    pub webhooks: WebhookSettings,
    /// How often `ml` is asked how far a training or evaluation is, and `api` how far an import or export is.
    pub training_poll: Duration,
    /// Who operates the queues.
    pub operators: Operators,
    /// How long what has ended is kept in the record.
    pub retention: RetentionSettings,
}

impl stoa_config::Settings for Settings {
    fn read(env: &mut Env) -> Option<Self> {
        let postgres = PostgresSettings::read(env);
        let queue = QueueSettings::read(env);
        let consumer = ConsumerSettings::read(env);
        let tokens = TokenSettings::read(env);
        let internal = InternalToken::read(env);
        let api_url = ServiceUrl::read(env, "API_URL", "api");
        let ml_url = ServiceUrl::read(env, "ML_URL", "ml");
        let conversation_url = ServiceUrl::read(env, "CONVERSATION_URL", "conversation");
        let webhooks = webhooks(env);
        let poll = env.duration(
            "TRAINING_POLL",
            "how often ml and api are asked how far what they work on is",
        );
        let training_poll = poll.default("200ms").read();
        let operators = Operators::read(
            env,
            "the account whose owners may pause queues, as BOOTSTRAP_ACCOUNT of api names it; nobody if it is left out",
        );
        let retention = RetentionSettings::read(env);
        Some(Self {
            postgres: postgres?,
            queue: queue?,
            consumer: consumer?,
            tokens: tokens?,
            internal: internal?,
            api_url: api_url?,
            ml_url: ml_url?,
            conversation_url: conversation_url?,
            webhooks: webhooks?,
            training_poll: training_poll?,
            operators: operators?,
            retention: retention?,
        })
    }
}

fn webhooks(env: &mut Env) -> Option<WebhookSettings> {
    let networks = env.parse(
        "WEBHOOK_NETWORKS",
        "networks that webhooks may lead to beside the public internet, such as 10.1.0.0/16",
    );
    let networks = networks.default("").read();
    let http = env.parse(
        "WEBHOOK_HTTP",
        "whether webhooks may be http, not https only",
    );
    let is_http_allowed = http.default("false").read();
    let pause = env.duration(
        "WEBHOOK_PAUSE",
        "the pause after a failed attempt; four times as long after each of the next ones",
    );
    let pause = pause.default("5s").read();
    Some(WebhookSettings {
        rules: EgressRules {
            networks: networks?,
            is_http_allowed: is_http_allowed?,
        },
        pause: pause?,
    })
}
