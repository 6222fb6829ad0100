//! What can be configured.

use stoa_config::Env;
use stoa_postgres::PostgresSettings;
use stoa_queue::{ConsumerSettings, QueueSettings, RetentionSettings};
use stoa_service::TokenSettings;

/// Configuration of the service, beside what every service has.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its database.
    pub postgres: PostgresSettings,
    /// What carries its jobs.
    pub queue: QueueSettings,
    /// How it works on them.
    pub consumer: ConsumerSettings,
    /// How long it keeps their record.
    pub retention: RetentionSettings,
    /// With what it verifies who is asking.
    pub tokens: TokenSettings,
    /// The most notes that an account may keep.
    pub notes_per_account: i64,
}

impl stoa_config::Settings for Settings {
    fn read(env: &mut Env) -> Option<Self> {
        let postgres = PostgresSettings::read(env);
        let queue = QueueSettings::read_in(env, "stub");
        let consumer = ConsumerSettings::read(env);
        let retention = RetentionSettings::read(env);
        let tokens = TokenSettings::read(env);
        let limit = env.parse("NOTES_PER_ACCOUNT", "most notes that an account may keep");
        let notes_per_account = limit.default("1000").read();
        Some(Self {
            postgres: postgres?,
            queue: queue?,
            consumer: consumer?,
            retention: retention?,
            tokens: tokens?,
            notes_per_account: notes_per_account?,
        })
    }
}
